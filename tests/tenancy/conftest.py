"""The application, for the routes of tenancy."""

from tests.server.conftest import app, client

__all__ = ["app", "client"]
