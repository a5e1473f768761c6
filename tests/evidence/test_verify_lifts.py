"""The verifier holds the lifting of a kill to what two people signed, and to whose keys these were.

The kill is set at epoch 2 and lifted at 5.
"""

import io
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.evidence.bundle_samples import Parts, bundle_v2
from tests.evidence.samples import (
    CONTROL,
    PERSON,
    PERSON_KEY,
    STRANGER_KEY,
    TENANT,
    Said,
    chained,
    header_of,
    named_keys,
    uuid_of,
)

from placet.authority.lifts.model import ControlLifted
from placet.authority.model import PersonKeyEnrolled, PersonKeyRevoked
from placet.events.model import RecordedEvent
from placet.evidence import verify as verifier
from placet.evidence.bundle import KeyPurpose, NamedKey, ScopeKind
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.lift_vote import LiftAct, LiftVote, sign_lift_vote
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.ids import ActorId
from placet.studio.enrolments.model import ApproverRemoved, EnrolmentConfirmed

AUTHORITY = uuid_of("authority")
OTHER, OTHER_KEY = ActorId(uuid_of("another person")), SigningKey(b"\x07" * 32)
OTHER_NAMED = NamedKey(
    key_id=OTHER_KEY.key_id,
    public_key=OTHER_KEY.public.raw,
    purpose=KeyPurpose.PERSON,
    actor_id=OTHER,
)
NAMED: dict[str, Any] = {"kind": "tool", "target": "refund_order"}
KILL = Said(
    "ControlSet",
    {"control_id": str(uuid_of("a")), **NAMED, "effect": "kill"},
    fence=0,
    control_epoch=2,
)


def word(said: LiftAct, signer: SigningKey | None = None, **changes: Any) -> str:  # noqa: ANN401 -- any field of it
    """Return the envelope of one of the two words, with some of its fields as told."""
    who, own = (PERSON, PERSON_KEY) if said is LiftAct.ASK else (OTHER, OTHER_KEY)
    vote = LiftVote(
        tenant_id=TENANT,
        act=said,
        lift_id=uuid_of("lift"),
        control_id=uuid_of("a"),
        **NAMED,
        set_epoch=2,
        reason="repaired" if said is LiftAct.ASK else "agreed",
        voter_id=who,
        key_id=own.key_id,
    )
    signed = sign_lift_vote(msgspec.structs.replace(vote, **changes), signer or own)
    return encode_envelope(signed).decode()


def lifted(**changes: object) -> Said:
    """Return the lifting that both signed, some of its body as told."""
    body: dict[str, object] = {
        "control_id": str(uuid_of("a")),
        "lift_id": str(uuid_of("lift")),
        **NAMED,
        "asked_by": str(PERSON),
        "reason": "repaired",
        "confirm_reason": "agreed",
        "ask_vote": word(LiftAct.ASK),
        "confirm_vote": word(LiftAct.CONFIRM),
    }
    return Said("ControlLifted", body | changes, fence=0, control_epoch=5)


def enrolled(key: SigningKey, who: UUID, epoch: int = 1, *, by: object = None) -> Said:
    """Return the enrolment of a person's key, confirmed by somebody or by nobody."""
    body: dict[str, object] = {
        "actor_id": str(who),
        "key_id": key.key_id,
        "confirmed_by": [] if by is None else [str(by)],
    }
    return Said("PersonKeyEnrolled", body, fence=0, control_epoch=epoch)


FIRST, SECOND = enrolled(PERSON_KEY, PERSON), enrolled(OTHER_KEY, OTHER)


def revoked(epoch: int) -> Said:
    """Return the end of the key of whoever confirmed."""
    return Said("PersonKeyRevoked", {"key_id": OTHER_KEY.key_id}, fence=0, control_epoch=epoch)


def erased(events: list[RecordedEvent], seq: int) -> list[RecordedEvent]:
    """Return these events, the body of one of them erased."""
    gone = msgspec.structs.replace(events[seq - 1], salt=None, body=None)
    return [*events[: seq - 1], gone, *events[seq:]]


def report_of(
    lifting: Said,
    *authority: Said,
    is_told: bool = True,
    gone: int = 0,
    kill_gone: bool = False,
    told_to: int = 4,
) -> BundleReport:
    """Return the report on a lifting beside what the `authority` stream tells, if it is there.

    That stream goes on to the epoch `told_to`, with what is about nobody here.
    """
    control = chained(CONTROL, [KILL, lifting], OTHER)
    said = authority or (FIRST, SECOND)
    last = max(told_to, *(one.control_epoch for one in said))
    other_end = Said("PersonKeyRevoked", {"key_id": "00" * 32}, fence=0, control_epoch=last)
    people = chained(AUTHORITY, [*said, *([other_end] if told_to else [])], PERSON)
    streams = [(CONTROL, "control", erased(control, 1) if kill_gone else control)]
    if is_told:
        streams.append((AUTHORITY, "authority", erased(people, gone) if gone else people))
    header = msgspec.structs.replace(header_of(streams), keys=(*named_keys(), OTHER_NAMED))
    lines = write_bundle(header, [event for _, _, each in streams for event in each])
    return verify_bundle(io.BytesIO(b"".join(lines)))


def why(report: BundleReport) -> str:
    """Return the reason that is named, which must be on the line of the lifting."""
    assert report.flaw is not None
    assert (report.flaw.line, report.flaw.item) == (3, f"event 2 of stream {CONTROL}")
    return report.flaw.why


def test_a_lifting_that_two_people_signed_with_keys_of_before_the_kill_is_proved() -> None:
    report = report_of(lifted())
    assert report.flaw is None
    proved = " ".join(report.proved)
    assert "1 liftings of a kill are what two different people signed" in proved
    assert "1 of them were signed with keys that were enrolled" in proved
    told = [sentence for sentence in report.not_proved if "lifting" in sentence]
    assert told == ["that the two who signed a lifting are not one who holds the keys of both"]


def test_a_key_may_have_ended_by_what_raised_the_epoch_and_is_not_here() -> None:
    report = report_of(lifted(), told_to=0)
    assert report.flaw is None
    assert not any("were signed with keys that were enrolled" in one for one in report.proved)
    assert any("1 liftings counted then" in one for one in report.not_proved)


def test_where_the_whole_log_is_here_no_end_of_a_key_is_hidden() -> None:
    streams = [
        (CONTROL, "control", chained(CONTROL, [KILL, lifted()], OTHER)),
        (AUTHORITY, "authority", chained(AUTHORITY, [FIRST, SECOND], PERSON)),
    ]
    for scope, is_open in ((ScopeKind.TENANT, False), (ScopeKind.INCIDENT, True)):
        parts = Parts(streams=streams, scope=scope, signed=[], dossiers=[])
        parts.keys = (*parts.keys, OTHER_NAMED)
        report = verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))))
        assert report.flaw is None
        assert any("1 liftings counted then" in one for one in report.not_proved) is is_open
        assert any("keys that were enrolled" in one for one in report.proved) is not is_open


ASK, CONFIRM = LiftAct.ASK, LiftAct.CONFIRM


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ask_vote": "garbage"}, "no envelope"),
        ({"confirm_vote": "garbage"}, "no envelope"),
        ({"ask_vote": None}, "did not sign it"),
        ({"confirm_vote": None}, "did not sign it"),
        ({"ask_vote": None, "confirm_vote": None}, "somebody had a key"),
        ({"ask_vote": word(CONFIRM)}, "word to ask it"),
        ({"confirm_vote": word(ASK)}, "word to confirm it"),
        ({"confirm_vote": word(CONFIRM, act=ASK)}, "word to confirm it"),
        ({"ask_vote": word(ASK, lift_id=uuid_of("x"))}, "word to ask it"),
        ({"ask_vote": word(ASK, control_id=uuid_of("x"))}, "word to ask it"),
        ({"ask_vote": word(ASK, kind="agent")}, "word to ask it"),
        ({"ask_vote": word(ASK, target="x")}, "word to ask it"),
        ({"ask_vote": word(ASK, set_epoch=1)}, "word to ask it"),
        ({"ask_vote": word(ASK, reason="x")}, "word to ask it"),
        ({"confirm_vote": word(CONFIRM, reason="x")}, "word to confirm it"),
        ({"ask_vote": word(ASK, tenant_id=uuid_of("x"))}, "another tenant"),
        ({"confirm_vote": word(CONFIRM, voter_id=PERSON)}, "not its voter's"),
        ({"confirm_vote": word(CONFIRM, PERSON_KEY)}, "not its voter's"),
        (
            {"confirm_vote": word(CONFIRM, PERSON_KEY, voter_id=PERSON, key_id=PERSON_KEY.key_id)},
            "word to confirm it",
        ),
        ({"ask_vote": word(ASK, STRANGER_KEY, key_id=STRANGER_KEY.key_id)}, "names none of"),
        ({"asked_by": str(OTHER)}, "alone"),
        ({"lift_id": str(uuid_of("x"))}, "word to ask it"),
        ({"target": "x"}, "another agent or tool"),
        ({"kind": "agent"}, "another agent or tool"),
    ],
)
def test_a_lifting_that_two_people_did_not_sign_as_it_is_told_is_a_flaw(
    changes: dict[str, object], said: str
) -> None:
    assert said in why(report_of(lifted(**changes)))


@pytest.mark.parametrize(
    ("authority", "said"),
    [
        ([FIRST], "no event enrols"),
        ([FIRST, enrolled(OTHER_KEY, PERSON)], "somebody else"),
        ([FIRST, enrolled(OTHER_KEY, OTHER, 2)], "newer than the kill"),
        ([FIRST, enrolled(OTHER_KEY, OTHER, 5, by=PERSON)], "enrolled later"),
        ([FIRST, SECOND, revoked(4)], "had been revoked"),
    ],
)
def test_a_key_that_did_not_count_at_the_lifting_is_a_flaw(
    authority: list[Said], said: str
) -> None:
    assert said in why(report_of(lifted(), *authority))


def test_a_newer_key_that_was_confirmed_and_one_that_ends_later_are_good() -> None:
    confirmed = enrolled(OTHER_KEY, OTHER, 4, by=PERSON)
    for authority in ([FIRST, confirmed], [FIRST, SECOND, revoked(5)]):
        report = report_of(lifted(), *authority)
        assert report.flaw is None
        assert any("1 of them were signed with keys" in sentence for sentence in report.proved)


def test_what_nobody_signed_is_good_and_not_proved_only_where_nobody_had_a_key() -> None:
    bare = lifted(ask_vote=None, confirm_vote=None)
    later = enrolled(PERSON_KEY, PERSON, 5)
    for report in (report_of(bare, later), report_of(bare, is_told=False)):
        assert report.flaw is None
        assert any("agreed to 1 liftings" in sentence for sentence in report.not_proved)
        assert not any("lifting" in sentence for sentence in report.proved)
    assert "somebody had a key" in why(report_of(bare, FIRST, gone=1))


@pytest.mark.parametrize("shape", [{"is_told": False}, {"gone": 1}, {"kill_gone": True}])
def test_keys_that_the_bundle_does_not_tell_of_are_not_proved(shape: dict[str, Any]) -> None:
    report = report_of(lifted(), **shape)
    assert report.flaw is None
    assert any("which signed 1 liftings" in sentence for sentence in report.not_proved)
    assert any("two different people signed" in sentence for sentence in report.proved)
    assert not any("were signed with keys" in sentence for sentence in report.proved)


def test_a_revocation_that_an_erased_body_may_tell_of_is_not_proved() -> None:
    report = report_of(lifted(), FIRST, SECOND, revoked(4), gone=3)
    assert report.flaw is None
    assert any("which signed 1 liftings" in sentence for sentence in report.not_proved)


def test_the_votes_are_read_where_the_body_of_the_kill_was_erased() -> None:
    report = report_of(lifted(ask_vote="garbage"), kill_gone=True)
    assert "no envelope" in why(report)


def test_the_verifier_reads_what_the_service_writes_of_people_and_their_words() -> None:
    fields = {"lift_id", "kind", "target", "reason", "confirm_reason", "ask_vote", "confirm_vote"}
    assert fields <= set(ControlLifted.__struct_fields__)
    for told, name, read in (
        (PersonKeyEnrolled, verifier.KEY_ENROLLED, {"actor_id", "key_id", "confirmed_by"}),
        (PersonKeyRevoked, verifier.KEY_REVOKED, {"key_id"}),
        (EnrolmentConfirmed, verifier.LET_IN, {"workspace_id", "actor_id", "key_id"}),
        (ApproverRemoved, verifier.REMOVED, {"workspace_id", "actor_id"}),
    ):
        assert told.__name__ == name
        assert read <= set(told.__struct_fields__)
