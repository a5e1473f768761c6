"""What these tests take from the runtime's: a service in this process, and a refund desk on it."""

from tests.replay.conftest import app, client, desk

__all__ = ["app", "client", "desk"]
