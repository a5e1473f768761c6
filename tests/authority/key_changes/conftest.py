"""A tenant's log with somebody who writes beside it."""

from tests.authority.checkpoints.conftest import admin, scribe

__all__ = ["admin", "scribe"]
