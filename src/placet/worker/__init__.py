"""Loops beside the requests: each idempotent, each safe to run on several nodes at once."""
