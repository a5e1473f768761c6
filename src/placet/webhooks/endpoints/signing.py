"""The secrets of endpoints, and the signature of a call after Standard Webhooks.

Source: the specification of Standard Webhooks, `spec/standard-webhooks.md` of its repository: the
signed content is `id.timestamp.body`, the signature `v1,` and the base64 of its HMAC-SHA256, and a
call may carry several, with a blank between them.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from placet.authority.key_files import held, key_in
from placet.kernel.hashing import digest, purpose
from placet.kernel.ids import TenantId
from placet.webhooks.endpoints.model import WebhookEndpoint

FILE: Final = "webhook.key"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 -- what a secret begins with, and none itself
SIGNATURE_PREFIX: Final = "v1,"


class SigningSecrets:
    """The secrets of every endpoint, from the one key that this service holds."""

    def __init__(self, key: bytes) -> None:
        """Stand on 32 bytes that nobody else knows."""
        self._key = key
        self.key_id = digest("webhook_key", key).hex()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the key of a data folder, and make it if it is missing. Blocking.

        Raises `KeyFileUnusable` with the remedy.
        """
        with held(folder):
            return cls(key_in(folder / FILE).seed())

    def text(self, tenant: TenantId, endpoint_id: UUID, number: int) -> str:
        """Return a secret as its receiver enters it: `whsec_` and base64."""
        return SECRET_PREFIX + base64.b64encode(self._secret(tenant, endpoint_id, number)).decode()

    def headers(
        self, endpoint: WebhookEndpoint, message_id: UUID, at: datetime, body: bytes
    ) -> dict[str, str]:
        """Return the headers that sign a call made at `at`, by each secret that counts then.

        A secret that stems from a key which is not held here signs nothing.
        """
        numbers = [endpoint.secret_number] if endpoint.secret_key_id == self.key_id else []
        if endpoint.previous_until is not None and at < endpoint.previous_until:
            numbers += [endpoint.secret_number - 1] * (endpoint.previous_key_id == self.key_id)
        seconds = int(at.timestamp())
        content = b".".join((str(message_id).encode(), str(seconds).encode(), body))
        signed = [
            SIGNATURE_PREFIX + base64.b64encode(self._sign(endpoint, number, content)).decode()
            for number in numbers
        ]
        return {
            "webhook-id": str(message_id),
            "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(signed),
        }

    def _sign(self, endpoint: WebhookEndpoint, number: int, content: bytes) -> bytes:
        secret = self._secret(endpoint.tenant_id, endpoint.endpoint_id, number)
        return hmac.digest(secret, content, hashlib.sha256)

    def _secret(self, tenant: TenantId, endpoint_id: UUID, number: int) -> bytes:
        parts = (purpose("webhook_secret"), tenant.bytes, endpoint_id.bytes, number.to_bytes(8))
        return hmac.digest(self._key, b"".join(parts), hashlib.sha256)
