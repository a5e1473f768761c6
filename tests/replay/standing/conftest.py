"""A desk whose contract asks people."""

from tests.replay.asks.conftest import desk, whole_desk

__all__ = ["desk", "whole_desk"]
