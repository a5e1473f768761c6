"""Signed checkpoints of the transparency log: how a tenant's whole history hashed at some moment."""
