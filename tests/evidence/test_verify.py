"""The verifier: what it proves of a good bundle, and how it names what is wrong with a bad one."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec
import pytest
from tests.evidence.branches import before_each_line
from tests.evidence.samples import (
    GRANT_KEY,
    PERSON,
    PERSON_KEY,
    SESSION,
    STRANGER_KEY,
    TENANT,
    WORKSPACE,
    Said,
    bundle_lines,
    call_body,
    chained,
    control_events,
    header_of,
    named_keys,
    sample_envelopes,
    sample_grant,
    sample_vote,
    session_events,
    uuid_of,
)

from placet.authority.controls.model import ControlEffect, ControlKind, ControlSet
from placet.events.model import RecordedEvent
from placet.evidence import verify as verifier
from placet.evidence.break_glass import BreakGlassVote, sign_break_glass
from placet.evidence.bundle import KeyList, KeyPurpose, Manifest, NamedKey
from placet.evidence.dsse import Envelope, Signature, sign
from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote
from placet.evidence.export import write_bundle
from placet.evidence.fields import Fence
from placet.evidence.grant import GRANT_TYPE, Grant, sign_grant
from placet.evidence.leaf import EventHeader, event_leaf
from placet.evidence.verify import BundleReport, verify_bundle
from placet.evidence.vote import VoteDecision, sign_proof, sign_vote
from placet.kernel.canonical import canonical
from placet.kernel.hashing import plain_sha256
from placet.kernel.principal import Environment
from placet.replay.calls.events import CallClaimed, CallProposed, CallStarted
from placet.replay.calls.model import CallStatus
from placet.replay.sessions.model import SessionOpened, SessionStopped

LINES = bundle_lines()
EVENTS_FROM = 1
ENVELOPES_FROM = len(LINES) - 1 - len(sample_envelopes())


def check(lines: list[bytes], pinned: KeyList | None = None) -> BundleReport:
    """Verify the joined lines."""
    return verify_bundle(io.BytesIO(b"".join(lines)), pinned)


def sealed(lines: list[bytes]) -> list[bytes]:
    """Return the lines with a manifest that fits them, as a forger would make it."""
    body = lines[:-1]
    events = sum(b'"kind":"event"' in line for line in body)
    manifest = Manifest(events=events, sha256=plain_sha256(b"".join(body)).hex())
    return [*body, canonical(manifest) + b"\n"]


def why(lines: list[bytes], pinned: KeyList | None = None) -> str:
    """Return the reason that is named for bad lines."""
    report = check(lines, pinned)
    assert report.flaw is not None
    return report.flaw.why


def test_a_good_bundle_is_good_and_the_report_says_how_much_was_proved() -> None:
    report = check(LINES)
    assert report.flaw is None
    assert (report.events, report.bodies, report.bodies_erased) == (20, 19, 1)
    assert (report.streams, report.grants, report.envelopes) == (3, 2, 3)
    assert report.tenant_id == TENANT
    assert report.proved[0].startswith("20 events in 3 streams")
    assert any("checkpoint" in sentence for sentence in report.not_proved)
    assert any("none were pinned" in sentence for sentence in report.not_proved)
    assert any("1 events said" in sentence for sentence in report.not_proved)


def test_a_bundle_without_events_is_good_too() -> None:
    lines = list(write_bundle(header_of([(SESSION, "session", [])]), []))
    assert check(lines).is_good


def flips(lines: list[bytes], first: int, last: int) -> Iterator[tuple[int, BundleReport]]:
    """Yield what is said of the bundle with each byte of some lines flipped, and the line (from 1).

    What stands before the line is read once for all of its bytes; of some the whole is read too.
    """
    at = sum(map(len, lines[:first]))
    for number, before in enumerate(before_each_line(lines)):
        rest = b"".join(lines[number + 1 :])
        for place, byte in enumerate(lines[number]) if first <= number < last else ():
            line = bytearray(lines[number])
            line[place] = byte ^ 1 << at % 8
            report = before.verify(bytes(line) + rest)
            if at % 59 == 0:
                assert report == check([*lines[:number], bytes(line), rest])
            yield number + 1, report
            at += 1


def test_every_flipped_byte_of_an_event_is_found_in_its_line() -> None:
    lines = bundle_lines(session_events(4), envelopes=[])
    tried = 0
    for line, report in flips(lines, EVENTS_FROM, len(lines)):
        assert report.flaw is not None
        assert report.flaw.line == line
        tried += 1
    assert tried > 10_000


def test_every_flipped_byte_of_an_envelope_is_found_in_its_line() -> None:
    lines = bundle_lines([], [], sample_envelopes()[2:])
    first = len(lines) - 4
    for line, report in flips(lines, first, len(lines)):
        assert report.flaw is not None
        assert report.flaw.line == line


def test_every_flipped_byte_of_a_grant_is_found_in_its_line() -> None:
    lines = bundle_lines(session_events(1), [], [sign_grant(sample_grant(), GRANT_KEY)])
    for line, report in flips(lines, len(lines) - 2, len(lines)):
        assert report.flaw is not None
        assert report.flaw.line == line


def test_every_flipped_byte_of_the_header_is_found() -> None:
    lines = bundle_lines(session_events(1), [], [])
    assert all(report.flaw is not None for _, report in flips(lines, 0, 1))


def test_a_dropped_line_is_found_where_it_is_missing() -> None:
    for number in range(len(LINES)):
        report = check(LINES[:number] + LINES[number + 1 :])
        assert report.flaw is not None
        assert report.flaw.line >= number + 1


def test_a_dropped_event_in_the_middle_is_named_even_if_the_manifest_was_made_to_fit() -> None:
    for number in range(EVENTS_FROM, ENVELOPES_FROM):
        report = check(sealed(LINES[:number] + LINES[number + 1 :]))
        assert report.flaw is not None
        assert "stream" in report.flaw.item


def test_a_doubled_line_is_found_at_the_second() -> None:
    for number in range(EVENTS_FROM, ENVELOPES_FROM):
        report = check(sealed([*LINES[: number + 1], LINES[number], *LINES[number + 1 :]]))
        assert report.flaw is not None
        assert report.flaw.line == number + 2


def test_two_events_of_a_stream_that_trade_places_are_found_at_the_first() -> None:
    for number in range(ENVELOPES_FROM - 14, ENVELOPES_FROM - 1):
        swapped = [*LINES[:number], LINES[number + 1], LINES[number], *LINES[number + 2 :]]
        report = check(sealed(swapped))
        assert report.flaw is not None
        assert report.flaw.line == number + 1


def test_a_cut_tail_is_found_wherever_it_is_cut() -> None:
    whole = b"".join(LINES)
    for size in range(0, len(whole), 97):
        assert verify_bundle(io.BytesIO(whole[:size])).flaw is not None
    assert "cut" in why(LINES[:-1])
    assert "cut" in why([*LINES[:-1], LINES[-1][:-1]])


def test_a_cut_stream_is_found_by_its_head() -> None:
    number = ENVELOPES_FROM - 1
    report = check(sealed(LINES[:number] + LINES[number + 1 :]))
    assert report.flaw is not None
    assert (report.flaw.line, report.flaw.item) == (number + 1, f"stream {SESSION}")


def test_bytes_after_the_manifest_and_a_second_bundle_are_found() -> None:
    assert "after the manifest" in why([*LINES, b"\n"])
    assert "after the manifest" in why([*LINES, *LINES])


def test_an_event_of_another_stream_or_tenant_is_found() -> None:
    stranger = chained(uuid_of("stranger"), [Said("SessionOpened", {})])
    events = session_events(1)
    head = header_of([(SESSION, "session", events)])
    assert "no such" in why(list(write_bundle(head, [*events, *stranger])))
    foreign = header_of([(SESSION, "session", events)], tenant=uuid_of("tenant"))
    assert "another tenant" in why(list(write_bundle(foreign, events)))


def test_interleaved_streams_are_good_while_each_keeps_its_order() -> None:
    session = session_events(2)
    work = chained(WORKSPACE, [Said("Done", {"n": n}) for n in range(len(session))])
    mixed = [event for pair in zip(session, work, strict=True) for event in pair]
    header = header_of([(SESSION, "session", session), (WORKSPACE, "workspace", work)])
    assert check(list(write_bundle(header, mixed))).is_good


def rechained(change: Callable[[RecordedEvent], RecordedEvent], at: int) -> list[RecordedEvent]:
    """Return the session with one event changed and every leaf made anew, as a forger would."""
    events = session_events()
    events[at] = change(events[at])
    for index in range(at, len(events)):
        prev = events[index - 1].leaf if index else events[index].prev
        plain = msgspec.structs.asdict(msgspec.structs.replace(events[index], prev=prev))
        fence = Fence(epoch=plain["epoch"], n=plain["fence"])
        fields = {name: plain[name] for name in EventHeader.__struct_fields__ if name != "fence"}
        leaf = event_leaf(EventHeader(**fields, fence=fence))
        events[index] = msgspec.structs.replace(events[index], prev=prev, leaf=leaf)
    return events


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda event: msgspec.structs.replace(event, at=event.at - timedelta(hours=1)), "time"),
        (lambda event: msgspec.structs.replace(event, fence=0), "fence"),
        (lambda event: msgspec.structs.replace(event, epoch=0), "fence"),
        (lambda event: msgspec.structs.replace(event, seq=event.seq + 1), "sequence"),
        (lambda event: msgspec.structs.replace(event, salt=None), "salt"),
        (lambda event: msgspec.structs.replace(event, body=None), "salt"),
        (lambda event: msgspec.structs.replace(event, salt=b"short"), "16 bytes"),
        (lambda event: msgspec.structs.replace(event, body=b"{}"), "its body"),
        (lambda event: msgspec.structs.replace(event, tenant_id=uuid_of("x")), "tenant"),
    ],
)
def test_a_history_that_was_chained_anew_must_still_make_sense(
    change: Callable[[RecordedEvent], RecordedEvent], word: str
) -> None:
    report = check(bundle_lines(rechained(change, 5)))
    assert report.flaw is not None
    assert word in report.flaw.why
    assert report.flaw.item == f"event 6 of stream {SESSION}"


@pytest.mark.parametrize("name", ["control_epoch", "control_revision"])
def test_control_numbers_may_rise_but_never_fall(name: str) -> None:
    higher = rechained(lambda event: msgspec.structs.replace(event, **{name: 5}), 4)
    assert "older" in why(bundle_lines(higher))


def test_a_flaw_of_the_last_event_is_found_although_nothing_follows() -> None:
    events = session_events()
    events[-1] = msgspec.structs.replace(events[-1], actor_id=PERSON)
    report = check(bundle_lines(events))
    assert report.flaw is not None
    assert report.flaw.item == f"event {len(events)} of stream {SESSION}"
    assert report.proved == ()


# Grants against kills.


def grants(*given: Grant, is_killed: bool = True) -> list[bytes]:
    """Return the sample bundle with these grants and no other envelopes."""
    envelopes = [sign_grant(grant, GRANT_KEY) for grant in given]
    return bundle_lines(session_events(is_killed=is_killed), envelopes=envelopes)


def test_a_grant_of_a_killed_session_counts_only_from_before_the_kill() -> None:
    assert check(grants(sample_grant())).is_good
    assert "session had been stopped" in why(grants(sample_grant(revision=1)))
    assert "newer" in why(grants(sample_grant(revision=1), is_killed=False))


@pytest.mark.parametrize(("epoch", "is_good"), [(0, True), (1, False), (2, False)])
def test_a_grant_is_bad_from_a_wider_kill_on(epoch: int, is_good: object) -> None:
    report = check(grants(sample_grant(epoch=epoch)))
    assert report.is_good == is_good
    assert is_good or (report.flaw is not None and "in force" in report.flaw.why)


@pytest.mark.parametrize(
    ("kind", "target", "effect", "is_good"),
    [
        ("tenant", "", "kill", False),
        ("agent", "refund-desk", "kill", False),
        ("agent", "other-desk", "kill", True),
        ("tool", "refund_order", "kill", False),
        ("tool", "find_order", "kill", True),
        ("tenant", "", "label", True),
    ],
)
def test_a_kill_reaches_its_scope_and_nothing_else(
    kind: str, target: str, effect: str, is_good: object
) -> None:
    body: dict[str, object] = {
        "control_id": str(uuid_of("control")),
        "kind": kind,
        "target": target,
        "effect": effect,
    }
    control = chained(control_events()[0].stream_id, [Said("ControlSet", body, control_epoch=1)])
    envelopes = [sign_grant(sample_grant(epoch=1), GRANT_KEY)]
    assert check(bundle_lines(control=control, envelopes=envelopes)).is_good == is_good


def test_a_control_whose_body_was_erased_is_told_as_not_proved() -> None:
    control = control_events()
    control[0] = msgspec.structs.replace(control[0], salt=None, body=None)
    report = check(bundle_lines(control=control))
    assert report.is_good
    assert any("1 of them did" in sentence for sentence in report.not_proved)


def test_a_control_event_that_says_nothing_readable_is_a_flaw() -> None:
    control = chained(control_events()[0].stream_id, [Said("ControlSet", {}, control_epoch=1)])
    assert "not that of a `ControlSet`" in why(bundle_lines(control=control))


def session_saying(*said: Said) -> list[bytes]:
    """Return the sample bundle with another session and no envelopes."""
    return bundle_lines(chained(SESSION, [Said("SessionOpened", {}), *said]), envelopes=[])


GRANTED = call_body()
BLOCKED = call_body(2, "blocked")
STARTED: dict[str, object] = {"call_id": GRANTED["call_id"], "start_id": str(uuid_of("start"))}
STOPPED = Said("SessionStopped", {}, revision=1)


@pytest.mark.parametrize(
    ("after", "is_good"),
    [
        (Said("CallProposed", call_body(3), revision=1), False),
        (Said("CallStarted", STARTED, revision=1), False),
        (Said("CallProposed", BLOCKED, revision=1), True),
        (Said("ReceiptReceived", {"status": "succeeded"}, revision=1), True),
    ],
)
def test_after_a_kill_of_the_session_no_event_may_grant_or_start(
    after: Said, is_good: object
) -> None:
    report = check(session_saying(Said("CallProposed", GRANTED), STOPPED, after))
    assert report.is_good == is_good
    assert report.calls == 1
    assert is_good or (report.flaw is not None and report.flaw.item.startswith("event 4 of"))


@pytest.mark.parametrize(("epoch", "is_good"), [(0, True), (1, False), (2, False)])
def test_no_event_may_grant_or_start_while_the_tenant_was_killed(
    epoch: int, is_good: object
) -> None:
    granted = check(session_saying(Said("CallProposed", GRANTED, control_epoch=epoch)))
    before = Said("CallProposed", GRANTED)
    started = check(session_saying(before, Said("CallStarted", STARTED, control_epoch=epoch)))
    for report, number in ((granted, 2), (started, 3)):
        assert report.is_good == is_good
        if report.flaw is not None:
            assert report.flaw.item == f"event {number} of stream {SESSION}"
            assert report.flaw.line == 1 + 2 + 3 + number


@pytest.mark.parametrize(("target", "is_good"), [("refund_order", False), ("find_order", True)])
def test_a_killed_tool_may_not_be_granted_and_another_may(target: str, is_good: object) -> None:
    body: dict[str, object] = {"control_id": str(uuid_of("c")), "kind": "tool", "effect": "kill"}
    kill = Said("ControlSet", {**body, "target": target}, control_epoch=1)
    control = chained(control_events()[0].stream_id, [kill])
    granted = Said("CallProposed", GRANTED)
    for said in (
        [Said("CallProposed", GRANTED, control_epoch=1)],
        [granted, Said("CallStarted", STARTED, control_epoch=1)],
    ):
        session = chained(SESSION, [Said("SessionOpened", {}), *said])
        assert check(bundle_lines(session, control, [])).is_good == is_good


def test_a_call_event_that_says_nothing_readable_is_a_flaw() -> None:
    assert "not that of a `CallProposed`" in why(session_saying(Said("CallProposed", {"tool": 1})))


def test_the_verifier_reads_the_events_that_the_service_writes() -> None:
    """The verifier knows these by name alone, as it uses none of the service's code."""
    assert SessionOpened.__name__ == verifier.SESSION_OPENED
    assert "artifact_id" in SessionOpened.__struct_fields__
    assert SessionStopped.__name__ == verifier.SESSION_STOPPED
    assert ControlSet.__name__ == verifier.CONTROL_SET
    assert CallProposed.__name__ == verifier.CALL_PROPOSED
    assert CallClaimed.__name__ == verifier.CALL_CLAIMED
    assert CallStarted.__name__ == verifier.CALL_STARTED
    assert {"control_id", "kind", "target", "effect"} <= set(ControlSet.__struct_fields__)
    assert {"call_id", "tool", "arguments_hash", "status"} <= set(CallProposed.__struct_fields__)
    assert issubclass(CallClaimed, CallProposed)
    assert "call_id" in CallStarted.__struct_fields__
    assert CallStatus.GRANTED.value == "granted"
    assert (ControlKind.TENANT.value, ControlEffect.KILL.value) == ("tenant", "kill")
    assert ControlKind.ARTIFACT.value == "artifact"


def test_a_grant_must_fit_the_history_of_its_session() -> None:
    assert "fence is newer" in why(grants(sample_grant(fence=3)))
    other_tenant = msgspec.structs.replace(sample_grant(), tenant_id=uuid_of("tenant"))
    assert "another tenant" in why(grants(other_tenant))


# Keys.


def signed(envelope: Envelope) -> list[bytes]:
    """Return the sample bundle with one envelope."""
    return bundle_lines(envelopes=[envelope])


def test_a_key_counts_only_for_its_own_purpose() -> None:
    assert "none of the keys" in why(signed(sign_grant(sample_grant(), PERSON_KEY)))
    assert "none of the keys" in why(signed(sign_vote(sample_vote(), GRANT_KEY)))


def test_a_vote_counts_only_by_its_voters_own_key() -> None:
    other = msgspec.structs.replace(sample_vote(), voter_id=uuid_of("someone else"))
    assert "not its voter's" in why(signed(sign_vote(other, PERSON_KEY)))


def test_a_word_on_an_enrolment_counts_only_by_another_approvers_own_key() -> None:
    word = EnrolmentVote(
        tenant_id=TENANT,
        workspace_id=uuid_of("workspace"),
        environment=Environment.STAGING,
        enrolment_id=uuid_of("enrolment"),
        decision=VoteDecision.APPROVE,
        actor_id=uuid_of("newcomer"),
        enrolled_key_id="11" * 32,
        public_key="22" * 32,
        challenge="33" * 32,
        groups=["legal"],
        voter_id=PERSON,
        key_id=PERSON_KEY.key_id,
        latest_checkpoint=None,
    )
    assert check(signed(sign_enrolment_vote(word, PERSON_KEY))).is_good
    for change, said in (
        ({"tenant_id": uuid_of("tenant")}, "another tenant"),
        ({"voter_id": uuid_of("someone else")}, "not its voter's"),
        ({"actor_id": PERSON}, "their own enrolment"),
    ):
        other = msgspec.structs.replace(word, **change)
        assert said in why(signed(sign_enrolment_vote(other, PERSON_KEY)))


def test_a_word_on_break_glass_counts_only_by_its_voters_own_key() -> None:
    word = BreakGlassVote(
        tenant_id=TENANT,
        workspace_id=uuid_of("workspace"),
        environment=Environment.STAGING,
        activation_id=uuid_of("activation"),
        approval_id=uuid_of("approval"),
        artifact_hash="11" * 32,
        minutes=30,
        reason="the provider is down",
        voter_id=PERSON,
        key_id=PERSON_KEY.key_id,
        latest_checkpoint=None,
    )
    assert check(signed(sign_break_glass(word, PERSON_KEY))).is_good
    for change, said in (
        ({"tenant_id": uuid_of("tenant")}, "another tenant"),
        ({"voter_id": uuid_of("someone else")}, "not its voter's"),
    ):
        other = msgspec.structs.replace(word, **change)
        assert said in why(signed(sign_break_glass(other, PERSON_KEY)))


def test_a_proof_counts_only_for_the_actor_whose_key_it_is() -> None:
    proof = sign_proof(TENANT, uuid_of("someone else"), bytes(32), PERSON_KEY)
    assert "not the one it names" in why(signed(proof))


def test_a_wrong_hint_is_a_flaw_in_a_bundle() -> None:
    envelope = sign_grant(sample_grant(), GRANT_KEY)
    hinted = msgspec.structs.replace(
        envelope, signatures=(Signature(keyid="x", sig=envelope.signatures[0].sig),)
    )
    assert "key id" in why(signed(hinted))


def test_an_envelope_of_an_unknown_type_is_a_flaw() -> None:
    assert "not known" in why(signed(sign("placet.other.v1", b"{}", PERSON_KEY)))
    as_envelope = signed(sign_grant(sample_grant(), GRANT_KEY))
    as_envelope[-2] = as_envelope[-2].replace(b'"kind":"grant"', b'"kind":"envelope"')
    assert f"`{GRANT_TYPE}` is not known" in why(sealed(as_envelope))


def test_a_kill_that_is_hidden_behind_the_envelopes_is_found() -> None:
    alive = bundle_lines(session_events(is_killed=False))
    killed_line = bundle_lines()[ENVELOPES_FROM - 1]
    hidden = [*alive[:-1], killed_line, alive[-1]]
    assert "after the envelopes" in why(sealed(hidden))


def test_a_second_kill_does_not_make_the_first_forgotten() -> None:
    kills = [Said("SessionStopped", {"n": n}, revision=n) for n in (1, 2)]
    session = chained(SESSION, [Said("SessionOpened", {}), *kills])
    envelopes = [sign_grant(sample_grant(revision=1), GRANT_KEY)]
    assert "had been stopped" in why(bundle_lines(session, envelopes=envelopes))


def test_a_vote_of_another_tenant_is_a_flaw() -> None:
    other = msgspec.structs.replace(sample_vote(), tenant_id=uuid_of("tenant"))
    assert "another tenant" in why(signed(sign_vote(other, PERSON_KEY)))


def test_a_vote_counts_only_by_the_key_that_it_names() -> None:
    second = NamedKey(
        key_id=STRANGER_KEY.key_id,
        public_key=STRANGER_KEY.public.raw,
        purpose=KeyPurpose.PERSON,
        actor_id=PERSON,
    )
    pinned = KeyList(version=1, keys=(*named_keys(), second))
    assert "not its voter's" in why(signed(sign_vote(sample_vote(), STRANGER_KEY)), pinned)


def test_a_head_must_name_the_last_leaf_and_not_only_the_count() -> None:
    header = LINES[0].replace(session_events()[-1].leaf.hex().encode(), b"0" * 64)
    report = check(sealed([header, *LINES[1:]]))
    assert report.flaw is not None
    assert report.flaw.item == f"stream {SESSION}"


def test_pinned_keys_take_the_place_of_those_in_the_bundle() -> None:
    pinned = KeyList(version=1, keys=named_keys())
    report = check(LINES, pinned)
    assert report.is_good
    assert report.keys_pinned
    assert not any("none were pinned" in sentence for sentence in report.not_proved)
    stranger = NamedKey(
        key_id=STRANGER_KEY.key_id,
        public_key=STRANGER_KEY.public.raw,
        purpose=named_keys()[0].purpose,
    )
    assert "none of the keys" in why(LINES, KeyList(version=1, keys=(stranger,)))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (rb'"public_key":"[^"]*"', b'"public_key":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
        (rb'"key_id":"[0-9a-f]*"', b'"key_id":"' + b"0" * 64 + b'"'),
        (rb'"kind":"placet.bundle.v1"', b'"kind":"placet.bundle.v2"'),
        (rb'"exported_at":"[^"]*"', b'"exported_at":"2026-03-01T09:30:00"'),
        (rb'"tenant_id"', b'"more":1,"tenant_id"'),
        (rb'"streams":\[\{', b'"streams": [{'),
    ],
)
def test_a_bad_header_is_named(pattern: bytes, replacement: bytes) -> None:
    header, changed = re.subn(pattern, replacement, LINES[0], count=1)
    assert changed
    report = check(sealed([header, *LINES[1:]]))
    assert report.flaw is not None
    assert (report.flaw.line, report.flaw.item) == (1, "the header")


def test_a_stream_that_is_named_twice_is_a_flaw() -> None:
    events = session_events(1)
    header = header_of([(SESSION, "session", events), (SESSION, "session", events)])
    assert "twice" in why(list(write_bundle(header, events)))


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\x00" * 1_000, b"[" * 100_000 + b"\n", b"null\n", b"\xff\xfe\n"]
)
def test_what_is_no_bundle_at_all_is_named_and_raises_nothing(data: bytes) -> None:
    report = verify_bundle(io.BytesIO(data))
    assert report.flaw is not None
    assert report.flaw.line == 1
    assert report.tenant_id is None


def test_a_line_that_never_ends_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "LINE_MAX", 10_000)
    stream = io.BytesIO(LINES[0] + b"x" * 1_000_000)
    report = verify_bundle(stream)
    assert report.flaw is not None
    assert "10000 bytes" in report.flaw.why
    assert stream.tell() == len(LINES[0]) + 10_001
