"""What signs a call, as any receiver checks it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from placet.authority.key_files import KeyFileUnusable
from placet.kernel.clock import SystemClock
from placet.kernel.ids import ActorId, TenantId
from placet.webhooks.endpoints.model import EndpointId, EndpointStatus, WebhookEndpoint
from placet.webhooks.endpoints.signing import SigningSecrets

SECRETS = SigningSecrets(bytes(range(32)))
MESSAGE = UUID(int=7)
BODY = '{"type":"ControlSet","data":{"reason":"ä"}}'.encode()
MADE = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ENDPOINT = WebhookEndpoint(
    tenant_id=TenantId(UUID(int=1)),
    endpoint_id=EndpointId(UUID(int=2)),
    name="x",
    url="https://example.com/",
    event_types=[],
    status=EndpointStatus.ACTIVE,
    secret_number=1,
    secret_key_id=SECRETS.key_id,
    previous_key_id=None,
    previous_until=None,
    created_by=ActorId(UUID(int=3)),
    created_at=MADE,
)
ROTATED = msgspec.structs.replace(
    ENDPOINT, secret_number=2, previous_key_id=SECRETS.key_id, previous_until=MADE
)


@pytest.fixture
def now() -> datetime:
    """Return the time of the test: the library refuses what was signed five minutes earlier."""
    return SystemClock().now()


def text(number: int) -> str:
    return SECRETS.text(ENDPOINT.tenant_id, ENDPOINT.endpoint_id, number)


def is_good(headers: dict[str, str], number: int, body: bytes = BODY) -> bool:
    try:
        Webhook(text(number)).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_library_of_the_standard_accepts_the_signature_and_no_other_bytes(
    now: datetime,
) -> None:
    headers = SECRETS.headers(ENDPOINT, MESSAGE, now, BODY)
    assert is_good(headers, 1)
    assert not is_good(headers, 2)
    assert not is_good(headers, 1, BODY.replace(b"Control", b"control"))
    assert not is_good(headers | {"webhook-id": str(UUID(int=8))}, 1)
    assert not is_good(headers | {"webhook-timestamp": str(int(now.timestamp()) + 1)}, 1)


def test_our_signature_is_the_librarys_own() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)
    signed = Webhook(text(1)).sign(str(MESSAGE), at, BODY.decode())
    assert SECRETS.headers(ENDPOINT, MESSAGE, at, BODY)["webhook-signature"] == signed


def test_a_secret_has_the_form_that_receivers_enter() -> None:
    assert text(1).startswith("whsec_")
    assert len(text(1)) == len("whsec_") + 44


def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one(now: datetime) -> None:
    overlapping = msgspec.structs.replace(ROTATED, previous_until=now + timedelta(seconds=1))
    during = SECRETS.headers(overlapping, MESSAGE, now, BODY)
    assert (is_good(during, 1), is_good(during, 2)) == (True, True)
    ended = msgspec.structs.replace(ROTATED, previous_until=now)
    after = SECRETS.headers(ended, MESSAGE, now, BODY)
    assert (is_good(after, 1), is_good(after, 2)) == (False, True)


def test_a_secret_that_stems_from_another_key_signs_nothing() -> None:
    at = MADE - timedelta(seconds=1)
    other = msgspec.structs.replace(ROTATED, previous_key_id="other")
    assert len(SECRETS.headers(other, MESSAGE, at, BODY)["webhook-signature"].split()) == 1
    foreign = msgspec.structs.replace(ENDPOINT, secret_key_id="other")  # noqa: S106 -- a key's id
    assert SECRETS.headers(foreign, MESSAGE, at, BODY)["webhook-signature"] == ""


def test_every_endpoint_of_every_tenant_has_secrets_of_its_own() -> None:
    made = {
        SECRETS.text(TenantId(UUID(int=tenant)), UUID(int=endpoint), number)
        for tenant in (1, 2)
        for endpoint in (1, 2)
        for number in (1, 2)
    }
    assert len(made) == 8
    assert SigningSecrets(bytes(32)).text(ENDPOINT.tenant_id, ENDPOINT.endpoint_id, 1) != text(1)


def test_the_key_is_made_once_and_others_may_not_read_it(tmp_path: Path) -> None:
    first = SigningSecrets.load(tmp_path / "keys")
    assert SigningSecrets.load(tmp_path / "keys").key_id == first.key_id
    file = tmp_path / "keys" / "webhook.key"
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o644)
    with pytest.raises(KeyFileUnusable):
        SigningSecrets.load(tmp_path / "keys")
