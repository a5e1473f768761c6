"""Signed checkpoints of the transparency log: how all of a tenant's history hashed at some time."""
