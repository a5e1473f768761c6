"""A grant is checked before its call is run, against exactly that run."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.kernel.principal import Environment
from placet.replay.calls.model import CallStatus, Verdict
from placet.sdk.answers import ProposedCall
from placet.sdk.arguments import arguments_of
from placet.sdk.errors import GrantRefused
from placet.sdk.grants import RunOf, check_grant, header_of

KEY = SigningKey.generate()
OTHER_KEY = SigningKey.generate()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HASH = arguments_of({"order_id": "ord_1"}).hash
GRANT = Grant(
    tenant_id=UUID(int=1),
    environment=Environment.STAGING,
    agent="refund-desk",
    session_id=UUID(int=2),
    step=1,
    call_id=UUID(int=3),
    server="orders",
    tool="pay",
    tool_schema_hash="ab" * 32,
    arguments_hash=HASH,
    fence=Fence(epoch=1, n=4),
    artifact_hash="cd" * 32,
    control=ControlSeen(epoch=0, revision=0),
    key_list_version=1,
    not_before=NOON,
    expires_at=NOON + timedelta(seconds=50),
    audience=None,
)
RUN = RunOf(session_id=UUID(int=2), arguments_hash=HASH, fence=Fence(epoch=1, n=4), at=NOON)


def granted(grant: Grant = GRANT, key: SigningKey = KEY) -> ProposedCall:
    return ProposedCall(
        call_id=UUID(int=3),
        tool_call_id="c1",
        tool="pay",
        verdict=Verdict.ALLOW,
        status=CallStatus.GRANTED,
        arguments_hash=HASH,
        grant=msgspec.Raw(encode_envelope(sign_grant(grant, key))),
    )


def changed(**fields: Any) -> Grant:  # noqa: ANN401 -- any field of a grant
    return msgspec.structs.replace(GRANT, **fields)


def test_the_grant_of_this_run_is_taken() -> None:
    assert check_grant(granted(), [OTHER_KEY.public, KEY.public], RUN) == GRANT


@pytest.mark.parametrize(
    ("call", "flaw"),
    [
        (granted(key=OTHER_KEY), "signature"),
        (granted(changed(tool="refund")), "tool"),
        (granted(changed(arguments_hash="ef" * 32)), "arguments"),
        (granted(changed(call_id=UUID(int=9))), "call"),
        (granted(changed(session_id=UUID(int=9))), "session"),
        (granted(changed(fence=Fence(epoch=1, n=3))), "fence"),
        (granted(changed(fence=Fence(epoch=2, n=4))), "fence"),
        (granted(changed(not_before=NOON - timedelta(9), expires_at=NOON)), "expired"),
        (msgspec.structs.replace(granted(), arguments_hash=None), "arguments"),
        (msgspec.structs.replace(granted(), arguments_hash="ef" * 32), "arguments"),
        (msgspec.structs.replace(granted(), grant=msgspec.Raw(b"null")), "missing"),
        (msgspec.structs.replace(granted(), grant=msgspec.Raw(b"{}")), "malformed"),
    ],
)
def test_any_other_grant_is_refused_and_the_flaw_is_named(call: ProposedCall, flaw: str) -> None:
    with pytest.raises(GrantRefused) as caught:
        check_grant(call, [KEY.public], RUN)
    assert caught.value.flaw == flaw


@pytest.mark.parametrize(
    "change",
    [
        lambda: {"arguments_hash": arguments_of({"order_id": "ord_2"}).hash},
        lambda: {"session_id": UUID(int=8)},
        lambda: {"fence": Fence(epoch=1, n=5)},
        lambda: {"at": NOON + timedelta(seconds=50)},
    ],
)
def test_a_grant_covers_no_other_run(change: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(GrantRefused):
        check_grant(granted(), [KEY.public], msgspec.structs.replace(RUN, **change()))


def test_with_no_key_that_counts_no_grant_is_good() -> None:
    with pytest.raises(GrantRefused) as caught:
        check_grant(granted(), [], RUN)
    assert caught.value.flaw == "keys"


def test_a_guess_of_the_time_that_lags_behind_the_grant_does_not_refuse_it() -> None:
    early = msgspec.structs.replace(RUN, at=NOON - timedelta(seconds=1))
    check_grant(granted(), [KEY.public], early)


def test_the_header_is_the_envelope_and_nothing_else() -> None:
    text = header_of(granted())
    assert "=" not in text
    envelope = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert parse_envelope(envelope) == sign_grant(GRANT, KEY)


def test_a_call_shows_no_grant() -> None:
    assert "payload" not in repr(granted())
