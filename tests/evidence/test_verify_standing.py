"""The verifier holds calls that were granted beforehand to what was signed."""

import base64
import io
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.evidence.samples import (
    CONTROL,
    PERSON,
    PERSON_KEY,
    SESSION,
    STARTED,
    STRANGER_KEY,
    Said,
    call_body,
    chained,
    header_of,
    uuid_of,
)
from tests.evidence.standing_samples import STANDING

from placet.events.model import RecordedEvent
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.standing import sign_standing
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.principal import Environment

OPENED = Said("SessionOpened", {"agent": "refund-desk", "environment": "production"})
REVOKED = Said("StandingRevoked", {"standing_id": str(STANDING.standing_id)})


def given(key: SigningKey = PERSON_KEY, **changes: Any) -> Said:  # noqa: ANN401 -- any field of it
    """Return the event of a standing grant."""
    signed = sign_standing(msgspec.structs.replace(STANDING, **changes), key)
    body: dict[str, object] = {
        "standing_id": str(STANDING.standing_id),
        "granted_by": str(PERSON),
        "envelope": base64.b64encode(encode_envelope(signed)).decode(),
    }
    return Said("StandingGranted", body)


def used(number: int = 1, **changes: object) -> Said:
    """Return the event of a call that was granted by it."""
    body = call_body(number) | {"standing": str(STANDING.standing_id)} | changes
    return Said("CallProposed", body)


def report_of(*session: Said, authority: tuple[Said, ...] | None = None) -> BundleReport:
    """Return the report on a session, beside the authority stream."""
    streams: list[tuple[Any, str, list[RecordedEvent]]] = [
        (SESSION, "session", chained(SESSION, [OPENED, *session]))
    ]
    if authority is not None:
        streams.insert(0, (CONTROL, "authority", chained(CONTROL, authority, PERSON)))
    lines = write_bundle(header_of(streams), [event for _, _, each in streams for event in each])
    return verify_bundle(io.BytesIO(b"".join(lines)))


def why(report: BundleReport) -> str:
    """Return the reason that is named."""
    assert report.flaw is not None
    return report.flaw.why


def test_calls_that_were_granted_beforehand_are_held_to_what_was_signed() -> None:
    report = report_of(used(1), used(2), authority=(given(),))
    assert report.flaw is None
    assert any("2 calls were granted by a yes" in sentence for sentence in report.proved)


def test_without_the_stream_that_tells_it_is_not_proved() -> None:
    report = report_of(used(1))
    assert report.flaw is None
    assert any("beforehand to 1 calls" in sentence for sentence in report.not_proved)
    assert not any("by a yes" in sentence for sentence in report.proved)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tool": "close_case"}, "another tool"),
        ({"agent": "another"}, "another tool, agent"),
        ({"environment": Environment.STAGING}, "or environment"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "had run out"),
        ({"uses": 1}, "fewer calls"),
        ({"standing_id": uuid_of("other")}, "says otherwise"),
        ({"granted_by": uuid_of("other")}, "not the word"),
        ({"key_id": "00" * 32}, "not the word"),
        ({"tenant_id": uuid_of("other")}, "another tenant"),
    ],
)
def test_what_was_signed_for_something_else_is_a_flaw(changes: dict[str, Any], said: str) -> None:
    assert said in why(report_of(used(1), used(2), authority=(given(**changes),)))


def test_a_stranger_signs_nothing_beforehand() -> None:
    report = report_of(used(1), authority=(given(STRANGER_KEY),))
    assert "names none of the keys" in why(report)


def test_what_was_given_twice_is_a_flaw() -> None:
    assert "given before" in why(report_of(authority=(given(), given())))


def test_a_call_after_the_revocation_is_a_flaw_and_one_before_it_is_none() -> None:
    padding = [Said("Unread", {"n": n}) for n in range(10)]
    early, late = [given(), REVOKED], [*padding, used(1)]
    assert "had been revoked" in why(report_of(*late, authority=tuple(early)))
    assert report_of(used(1), authority=(given(), *padding, REVOKED)).flaw is None
    assert STANDING.expires_at > STARTED
