"""The verifier holds starts and grants against the events, and reads each event in one way."""

import io
import time
from uuid import UUID

import msgspec
import pytest
from tests.evidence.samples import (
    CONTROL,
    GRANT_KEY,
    SESSION,
    Said,
    bundle_lines,
    call_body,
    chained,
    control_events,
    hash_of,
    header_of,
    named_keys,
    sample_grant,
    session_events,
    uuid_of,
)

from placet.events.model import RecordedEvent
from placet.evidence.bundle import KeyList, KeyPurpose, NamedKey
from placet.evidence.dsse import Envelope, Signature
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.fields import Fence
from placet.evidence.grant import Grant, sign_grant
from placet.evidence.leaf import EventHeader, body_hash, event_leaf
from placet.evidence.verify import BundleReport, verify_bundle

OTHER = uuid_of("another session")
OPENED = Said("SessionOpened", {})
GRANTED = Said("CallProposed", call_body())
STARTED = Said("CallStarted", {"call_id": str(uuid_of("call 1"))})


def report_of(
    session: list[RecordedEvent], *given: Grant, control: list[RecordedEvent] | None = None
) -> BundleReport:
    """Return the report on a bundle with one session and these grants."""
    envelopes = [sign_grant(grant, GRANT_KEY) for grant in given]
    return verify_bundle(io.BytesIO(b"".join(bundle_lines(session, control, envelopes))))


def why(report: BundleReport) -> str:
    """Return the reason that is named."""
    assert report.flaw is not None
    return report.flaw.why


def erased(events: list[RecordedEvent], at: int) -> list[RecordedEvent]:
    """Return the events with the body of one of them gone."""
    gone = msgspec.structs.replace(events[at], salt=None, body=None)
    return [*events[:at], gone, *events[at + 1 :]]


# Grants against events.


def test_a_grant_that_no_event_tells_of_is_a_flaw() -> None:
    session = chained(SESSION, [OPENED, GRANTED])
    assert report_of(session, sample_grant()).grants_matched == 1
    assert "no event of its session granted" in why(report_of(session, sample_grant(2)))
    assert "no event of its session granted" in why(
        report_of(chained(SESSION, [OPENED]), sample_grant())
    )


def test_a_grant_for_a_call_that_waited_needs_the_event_of_its_claim() -> None:
    waits = Said("CallProposed", call_body(status="awaiting_approval"))
    voted = Said("AskVoted", {"call_id": str(uuid_of("call 1")), "outcome": "approved"})
    claimed = Said("CallClaimed", call_body())
    good = report_of(chained(SESSION, [OPENED, waits, voted, claimed, STARTED]), sample_grant())
    assert (good.flaw, good.grants_matched) == (None, 1)
    unclaimed = chained(SESSION, [OPENED, waits, voted])
    assert "no event of its session granted" in why(report_of(unclaimed, sample_grant()))
    twice = chained(SESSION, [OPENED, waits, claimed, claimed])
    assert report_of(twice).flaw is not None


def test_a_grant_for_a_call_that_was_refused_is_a_flaw() -> None:
    refused = chained(SESSION, [OPENED, Said("CallProposed", call_body(status="blocked"))])
    assert "no event of its session granted" in why(report_of(refused, sample_grant()))


@pytest.mark.parametrize(
    "change", [{"tool": "close_case"}, {"arguments_hash": hash_of("other")}, {"session_id": OTHER}]
)
def test_a_grant_for_another_tool_session_or_arguments_than_its_event_is_a_flaw(
    change: dict[str, str | UUID],
) -> None:
    grant = msgspec.structs.replace(sample_grant(), **change)
    assert "another session, tool or arguments" in why(
        report_of(chained(SESSION, [OPENED, GRANTED]), grant)
    )


def test_a_grant_whose_event_cannot_be_read_is_told_as_not_proved() -> None:
    session = erased(chained(SESSION, [OPENED, GRANTED]), 1)
    elsewhere = msgspec.structs.replace(sample_grant(2), session_id=OTHER)
    for report in (report_of(session, sample_grant()), report_of(session, elsewhere)):
        assert report.is_good
        assert (report.grants, report.grants_matched) == (1, 0)
        assert any("1 signed grants" in sentence for sentence in report.not_proved)
        assert not any("of them are for calls" in sentence for sentence in report.proved)


def test_an_erased_body_of_another_kind_hides_no_grant() -> None:
    session = erased(chained(SESSION, [OPENED, GRANTED]), 0)
    assert "no event of its session granted" in why(report_of(session, sample_grant(2)))


def test_a_grant_of_a_session_that_is_not_there_is_still_held_against_kills() -> None:
    grant = msgspec.structs.replace(sample_grant(epoch=1), session_id=OTHER)
    assert "in force" in why(report_of(chained(SESSION, [OPENED]), grant))


def test_a_call_is_granted_once() -> None:
    session = chained(SESSION, [OPENED, GRANTED, GRANTED])
    assert "granted before" in why(report_of(session))


# Starts.


def test_a_start_that_nothing_granted_is_a_flaw() -> None:
    assert report_of(chained(SESSION, [OPENED, GRANTED, STARTED])).calls == 2
    refused = Said("CallProposed", call_body(status="blocked"))
    for said in ([STARTED], [refused, STARTED], [STARTED, GRANTED]):
        assert "no event of its session" in why(report_of(chained(SESSION, [OPENED, *said])))


def test_a_start_of_another_sessions_call_is_a_flaw() -> None:
    session = chained(SESSION, [OPENED, GRANTED])
    other = erased(chained(OTHER, [OPENED, Said("CallProposed", call_body(2)), STARTED]), 1)
    header = header_of([(SESSION, "session", session), (OTHER, "session", other)])
    lines = b"".join(write_bundle(header, [*session, *other]))
    assert "no event of its session" in why(verify_bundle(io.BytesIO(lines)))


def test_a_start_whose_granting_event_cannot_be_read_is_told_as_not_proved() -> None:
    report = report_of(erased(chained(SESSION, [OPENED, GRANTED, STARTED]), 1))
    assert report.is_good
    assert report.calls == 0
    assert any("1 starts" in sentence for sentence in report.not_proved)
    assert not any("starts" in sentence for sentence in report.proved)


def test_a_start_without_a_readable_grant_may_still_not_follow_a_tenants_kill() -> None:
    started = msgspec.structs.replace(STARTED, control_epoch=1)
    report = report_of(erased(chained(SESSION, [OPENED, GRANTED, started]), 1))
    assert "in force" in why(report)


# Events in the wrong place, twice, or written in two ways.


def kill(name: str, kind: str = "tenant", target: str = "", epoch: int = 1) -> Said:
    """Return a kill."""
    body = {"control_id": str(uuid_of(name)), "kind": kind, "target": target, "effect": "kill"}
    return Said("ControlSet", dict[str, object](body), fence=0, control_epoch=epoch)


def test_a_control_in_a_stream_of_another_kind_is_a_flaw() -> None:
    report = report_of(chained(SESSION, [kill("a"), OPENED]))
    assert "no place in a stream of kind `session`" in why(report)


@pytest.mark.parametrize("said", [GRANTED, STARTED, Said("SessionStopped", {})])
def test_a_call_in_a_stream_of_another_kind_is_a_flaw(said: Said) -> None:
    control = chained(CONTROL, [said])
    report = report_of(session_events(1, is_killed=False), control=control)
    assert "no place in a stream of kind `control`" in why(report)


def test_a_control_that_is_set_twice_is_a_flaw() -> None:
    control = chained(CONTROL, [kill("a"), kill("a", "tool", "x", 2)])
    assert "set before" in why(report_of(session_events(1), control=control))


def test_a_kill_of_something_unknown_is_a_flaw() -> None:
    control = chained(CONTROL, [kill("a", "planet", "earth")])
    assert "`planet`" in why(report_of(session_events(1), control=control))


def test_the_earliest_kill_of_a_scope_counts_in_whichever_stream_it_stands() -> None:
    second = uuid_of("second control stream")
    late, early = chained(CONTROL, [kill("a", epoch=9)]), chained(second, [kill("b", epoch=1)])
    session = chained(SESSION, [OPENED, msgspec.structs.replace(GRANTED, control_epoch=4)])
    for one, two in ((late, early), (early, late)):
        streams = [(one[0].stream_id, "control", one), (two[0].stream_id, "control", two)]
        header = header_of([*streams, (SESSION, "session", session)])
        report = verify_bundle(io.BytesIO(b"".join(write_bundle(header, [*one, *two, *session]))))
        assert "in force" in why(report)


@pytest.mark.parametrize(("target", "is_good"), [("a revoked one", False), ("another", True)])
def test_nothing_is_granted_or_started_under_an_artifact_that_was_revoked(
    target: str, is_good: object
) -> None:
    control = chained(CONTROL, [kill("a", "artifact", target)])
    opened = Said("SessionOpened", {"artifact_id": "a revoked one"})
    again = Said("SessionOpened", {"artifact_id": "another"})
    late = [msgspec.structs.replace(said, control_epoch=1) for said in (GRANTED, STARTED)]
    for said in ([late[0]], [GRANTED, late[1]], [again, late[0]]):
        report = report_of(chained(SESSION, [opened, *said]), control=control)
        assert report.is_good == is_good
        assert is_good or "in force" in why(report)
    grant = report_of(chained(SESSION, [opened, late[0]]), sample_grant(epoch=1), control=control)
    assert grant.is_good == is_good
    before = report_of(chained(SESSION, [opened, GRANTED]), sample_grant(), control=control)
    assert before.is_good


def test_a_signed_grant_under_a_revoked_artifact_is_bad_although_its_event_is_erased() -> None:
    control = chained(CONTROL, [kill("a", "artifact", "a revoked one")])
    opened = Said("SessionOpened", {"artifact_id": "a revoked one"})
    granted = msgspec.structs.replace(GRANTED, control_epoch=1)
    session = erased(chained(SESSION, [opened, granted]), 1)
    assert "in force" in why(report_of(session, sample_grant(epoch=1), control=control))


def with_body(event: RecordedEvent, body: bytes) -> RecordedEvent:
    """Return the last event of a stream with another body and the leaf that it then has."""
    plain = msgspec.structs.asdict(event)
    names = set(EventHeader.__struct_fields__) - {"fence", "body_hash"}
    assert event.salt is not None
    header = EventHeader(
        **{name: plain[name] for name in names},
        fence=Fence(epoch=event.epoch, n=event.fence),
        body_hash=body_hash(event.salt, body),
    )
    return msgspec.structs.replace(
        event, body=body, body_hash=header.body_hash, leaf=event_leaf(header)
    )


@pytest.mark.parametrize(
    "trick",
    [
        lambda body: body[:-1] + b',"status":"blocked"}',
        lambda body: body[:-1] + b',"\\u0073tatus":"blocked"}',
        lambda body: b" " + body,
        lambda body: body.replace(b'"granted"', b'"\\u0067ranted"'),
        lambda _: b"{}{}",
        lambda _: b'{"a":' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_a_body_that_reads_in_two_ways_is_a_flaw(trick: object) -> None:
    events = chained(SESSION, [OPENED, GRANTED])
    assert callable(trick)
    assert events[1].body is not None
    events[1] = with_body(events[1], trick(events[1].body))
    assert "not that of a `CallProposed`" in why(report_of(events))


# Bundles that were made to take long.


def test_many_kills_and_many_calls_take_no_time_that_is_their_product() -> None:
    count = 6_000
    control = chained(CONTROL, [kill(f"k{n}", "tool", f"t{n}", n + 1) for n in range(count)])
    calls = [Said("CallProposed", call_body(n, tool="free"), control_epoch=n) for n in range(count)]
    lines = b"".join(bundle_lines(chained(SESSION, [OPENED, *calls]), control, []))
    began = time.process_time()
    assert verify_bundle(io.BytesIO(lines)).is_good
    assert time.process_time() - began < 2


def test_many_keys_and_many_grants_take_no_time_that_is_their_product() -> None:
    seeds = (SigningKey(n.to_bytes(32, "big")) for n in range(1, 1_001))
    keys = tuple(
        NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=KeyPurpose.GRANT)
        for key in seeds
    )
    pinned = KeyList(version=1, keys=(*keys, *named_keys()))
    good = [sign_grant(sample_grant(), GRANT_KEY)] * 500
    lines = b"".join(bundle_lines(chained(SESSION, [OPENED, GRANTED]), control_events(), good))
    began = time.process_time()
    assert verify_bundle(io.BytesIO(lines), pinned).grants == 500
    assert time.process_time() - began < 1


def test_a_key_id_that_is_not_the_signers_is_a_flaw_although_the_signer_counts() -> None:
    second = SigningKey(b"\x09" * 32)
    named = NamedKey(key_id=second.key_id, public_key=second.public.raw, purpose=KeyPurpose.GRANT)
    signed = sign_grant(sample_grant(), GRANT_KEY)
    hint = Signature(keyid=second.key_id, sig=signed.signatures[0].sig)
    hinted: Envelope = msgspec.structs.replace(signed, signatures=(hint,))
    lines = b"".join(bundle_lines(chained(SESSION, [OPENED, GRANTED]), None, [hinted]))
    pinned = KeyList(version=1, keys=(named, *named_keys()))
    assert "none of the keys" in why(verify_bundle(io.BytesIO(lines), pinned))
