"""What a bundle says of itself is held against what is in it, and what nobody can tell is said."""

import base64
import io
from typing import Any

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    CHECKPOINT_KEY,
    ERASURES,
    SEALS,
    Parts,
    all_keys,
    bundle_v2,
    erasure_said,
    log_of,
    sample_streams,
)
from tests.evidence.dossier_samples import SECOND, SECOND_KEY
from tests.evidence.samples import (
    CONTROL,
    KILL,
    PERSON,
    PERSON_KEY,
    SESSION,
    STRANGER_KEY,
    TENANT,
    WORKSPACE,
    Said,
    call_body,
    chained,
    hash_of,
    uuid_of,
)

from placet.evidence import verify as verifier
from placet.evidence.bundle import KeyList, ScopeKind
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote
from placet.evidence.verify import BundleReport, verify_bundle
from placet.evidence.vote import VoteDecision
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment

LOG = log_of(sample_streams())
SIZE = len(LOG.leaves)


def check(parts: Parts, held: list[Envelope] | None = None) -> BundleReport:
    """Verify a bundle of these parts, held to these checkpoints."""
    lines = b"".join(encode_envelope(one) + b"\n" for one in held or ())
    kept = verifier.parse_held(lines) if held else []
    return verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))), held=kept)


def flaw(parts: Parts, held: list[Envelope] | None = None) -> str:
    """Return what is named, and why."""
    found = check(parts, held).flaw
    assert found is not None
    return f"{found.item}: {found.why}"


# The scope.


@pytest.mark.parametrize("scope", list(ScopeKind))
def test_the_report_says_what_the_bundle_is_of(scope: ScopeKind) -> None:
    report = check(Parts(scope=scope))
    assert report.flaw is None
    assert report.scope is not None
    assert report.scope.split()[0] == scope.value


def test_a_bundle_of_a_session_brings_that_session() -> None:
    streams = [one for one in sample_streams() if one[0] != SESSION]
    parts = Parts(streams=streams, scope=ScopeKind.SESSION, signed=[], dossiers=[])
    parts.checkpoints, parts.inclusions, parts.consistencies = [], [], []
    assert "it is of a session that it does not name" in flaw(parts)


def test_a_bundle_of_an_approval_brings_its_dossier() -> None:
    assert "is missing" in flaw(Parts(scope=ScopeKind.APPROVAL, dossiers=[]))


# Who let an approver in.


def let_in(key: SigningKey = PERSON_KEY, **changes: Any) -> Said:  # noqa: ANN401 -- any field of it
    """Return the event that lets in the second person, as the first one signed it."""
    said: dict[str, Any] = {
        "enrolment_id": str(uuid_of("enrolment")),
        "workspace_id": str(WORKSPACE),
        "actor_id": str(SECOND),
        "key_id": SECOND_KEY.key_id,
        "confirmed_by": str(PERSON),
    }
    vote = EnrolmentVote(
        tenant_id=TENANT,
        workspace_id=WORKSPACE,
        environment=Environment.PRODUCTION,
        enrolment_id=uuid_of("enrolment"),
        decision=VoteDecision.APPROVE,
        actor_id=SECOND,
        enrolled_key_id=SECOND_KEY.key_id,
        public_key=SECOND_KEY.public.raw.hex(),
        challenge=hash_of("challenge"),
        groups=[],
        voter_id=PERSON,
        key_id=key.key_id,
        latest_checkpoint=None,
    )
    said |= {name: changes.pop(name) for name in ("confirmed_by",) if name in changes}
    signed = sign_enrolment_vote(replace(vote, **changes), key)
    return Said(
        "EnrolmentConfirmed", said | {"envelope": base64.b64encode(canonical(signed)).decode()}
    )


def enrolled(key: SigningKey, who: object) -> Said:
    """Return the event that enrols a key."""
    return Said("PersonKeyEnrolled", {"actor_id": str(who), "key_id": key.key_id})


BOTH = [enrolled(PERSON_KEY, PERSON), enrolled(SECOND_KEY, SECOND)]


def people(*said: Said) -> Parts:
    """Return a bundle whose stream of people tells this."""
    return Parts(streams=sample_streams(authority=said), dossiers=[])


def test_whoever_is_let_in_is_so_by_what_a_colleague_signed() -> None:
    report = check(people(*BOTH, let_in()))
    assert report.flaw is None
    assert not any("let in" in one for one in report.not_proved)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"decision": VoteDecision.REFUSE}, "says otherwise"),
        ({"voter_id": SECOND}, "not its voter's"),
        ({"confirmed_by": str(SECOND)}, "says otherwise"),
        ({"enrolled_key_id": "00" * 32}, "another enrolment"),
        ({"workspace_id": uuid_of("elsewhere")}, "another enrolment"),
        ({"enrolment_id": uuid_of("another")}, "another enrolment"),
        ({"actor_id": PERSON}, "another enrolment"),
        ({"tenant_id": uuid_of("tenant")}, "another tenant"),
    ],
)
def test_a_word_on_something_else_lets_nobody_in(changes: dict[str, Any], why: str) -> None:
    assert why in flaw(people(*BOTH, let_in(**changes)))


def test_a_key_that_nobody_enrolled_or_that_ended_lets_nobody_in() -> None:
    assert "no event before it enrols" in flaw(people(BOTH[1], let_in(), BOTH[0]))
    end = Said("PersonKeyRevoked", {"actor_id": str(PERSON), "key_id": PERSON_KEY.key_id})
    assert "had been revoked before" in flaw(people(*BOTH, end, let_in()))
    assert "none of the keys" in flaw(people(*BOTH, let_in(STRANGER_KEY)))


def test_whoever_pins_keys_need_not_know_who_let_others_in() -> None:
    known = KeyList(version=1, keys=tuple(key for key in all_keys() if key.actor_id is None))
    said = people(*BOTH, let_in())
    report = verify_bundle(io.BytesIO(b"".join(bundle_v2(said))), known)
    assert report.flaw is None
    assert any("let in 1 approvers" in one for one in report.not_proved)


def test_rubbish_lets_nobody_in_and_what_nobody_signed_is_told() -> None:
    said = let_in()
    said.body["envelope"] = base64.b64encode(b"rubbish").decode()
    assert "authority" not in flaw(people(*BOTH, said)).partition(":")[2]
    said.body["envelope"] = None
    report = check(people(*BOTH, said))
    assert any("let in 1 approvers" in one for one in report.not_proved)


# Kills that nobody can tell of.


def test_what_may_follow_the_controls_that_are_here_is_told() -> None:
    opened = Said("SessionOpened", {"agent": "refund-desk"}, fence=0)
    proposed = Said("CallProposed", call_body(1), 1, control_epoch=3)
    session = (SESSION, "session", chained(SESSION, [opened, proposed]))
    kill: dict[str, object] = {"kind": "agent", "target": "another", "effect": "pause"}
    told = [
        Said("ControlSet", kill | {"control_id": str(uuid_of(str(epoch)))}, 0, control_epoch=epoch)
        for epoch in (1, 2, 3)
    ]
    # What another stream says under an epoch does not tell what raised it, whatever its kind is
    # said to be: no leaf covers that.
    other = [Said("Other", {}, fence=0, control_epoch=3)]
    late = [
        (SEALS, "seals", chained(SEALS, other)),
        (ERASURES, "control", chained(ERASURES, other)),
    ]
    for known in (0, 1, 2, 3):
        streams = [session, *late]
        if known:
            streams.append((CONTROL, "control", chained(CONTROL, told[:known])))
        parts = Parts(streams=streams, seals=[], signed=[], dossiers=[], scope=ScopeKind.SESSION)
        report = check(parts)
        assert report.flaw is None
        lines = [one for one in report.not_proved if "no kill follows the last control" in one]
        assert bool(lines) is (known < 3)
        assert all(f"raised from {known} to 3 before" in one for one in lines)
    parts.scope, parts.streams = ScopeKind.TENANT, [session, *late]
    assert not any("the last control" in one for one in check(parts).not_proved)


def test_a_session_that_is_not_told_to_be_closed_may_go_on() -> None:
    for scope, is_told in ((ScopeKind.SESSION, True), (ScopeKind.TENANT, False)):
        streams = sample_streams(sealed=[Said("Other", {})])
        cut = [(one, kind, told[:-3] if one == SESSION else told) for one, kind, told in streams]
        for some, may in ((cut, is_told), (sample_streams(), False)):
            report = check(Parts(streams=some, seals=[], signed=[], scope=scope))
            assert report.flaw is None
            assert any("did after their last event" in one for one in report.not_proved) is may


def test_a_call_of_a_session_without_its_opening_may_be_under_a_kill_of_its_agent() -> None:
    kill: dict[str, object] = {
        "control_id": str(KILL),
        "kind": "agent",
        "target": "refund-desk",
        "effect": "kill",
        "reason": "wrong refunds",
    }
    control = chained(CONTROL, [Said("ControlSet", kill, fence=0, control_epoch=1)], PERSON)
    opened = Said("SessionOpened", {"agent": "refund-desk"}, fence=0)
    for epoch, is_under in ((0, False), (3, True)):
        said = [opened, Said("CallProposed", call_body(1), 1, control_epoch=epoch)]
        session = chained(SESSION, said)
        streams = [(SESSION, "session", session), (CONTROL, "control", control)]
        whole = Parts(streams=streams, seals=[], signed=[], dossiers=[], scope=ScopeKind.SESSION)
        assert (check(whole).flaw is not None) is is_under
        session[0] = replace(session[0], salt=None, body=None)
        erased = chained(ERASURES, [erasure_said(SESSION, 1, 1, 1)])
        report = check(replace(whole, streams=[*streams, (ERASURES, "erasures", erased)]))
        assert report.flaw is None
        lines = [one for one in report.not_proved if "the openings of their sessions" in one]
        assert bool(lines) is is_under


# Proofs of the log.


def test_proofs_come_in_order_and_each_once() -> None:
    first, last = LOG.inclusion(SESSION, 1, SIZE), LOG.inclusion(SESSION, 3, SIZE)
    other = LOG.inclusion(WORKSPACE, 1, SIZE)
    alike = Parts(scope=ScopeKind.SESSION, checkpoints=[LOG.checkpoint(SIZE)], consistencies=[])
    assert check(replace(alike, inclusions=[first, last, other])).is_good
    for wrong in ([last, first], [first, other, first], [last, other, last]):
        assert "behind that of a later event" in flaw(replace(alike, inclusions=wrong))
    grown = [LOG.consistency(7, SIZE), LOG.consistency(9, SIZE)]
    assert check(replace(alike, consistencies=grown)).is_good
    assert "begins later" in flaw(replace(alike, consistencies=[grown[1], grown[0]]))
    assert "begins later" in flaw(
        replace(alike, consistencies=[grown[0], LOG.consistency(8, SIZE), grown[0]])
    )


def test_of_what_is_held_the_newest_is_proved_and_what_can_be_compared() -> None:
    kept = [LOG.checkpoint(size) for size in range(1, SIZE + 1)]
    assert check(Parts(), kept).flaw is None
    # Of those in between nothing in the bundle tells: nobody looks at who signed them.
    between = kept[4]
    by_nobody = replace(between.signatures[0], sig=bytes(64))
    kept[4] = replace(between, signatures=(by_nobody,))
    report = check(Parts(), kept)
    assert report.flaw is None
    assert any(f"{SIZE - 2} checkpoints that you hold: the" in one for one in report.not_proved)
    middle = SIZE // 2
    for place in (SIZE - 1, middle - 1):
        forged = list(kept)
        signature = replace(forged[place].signatures[0], sig=bytes(64))
        forged[place] = replace(forged[place], signatures=(signature,))
        assert "signature" in flaw(Parts(), forged)
    other = log_of(sample_streams(7)).checkpoint(middle, CHECKPOINT_KEY)
    assert "another root" in flaw(Parts(), [*kept[:-1], other, kept[-1]])
