"""A desk whose contract asks people."""

from tests.replay.asks.conftest import desk

__all__ = ["desk"]
