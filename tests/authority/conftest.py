"""What these tests take from the studio's: a story, and the service over HTTP."""

from tests.studio.conftest import app, client, other, server_keys, story

__all__ = ["app", "client", "other", "server_keys", "story"]
