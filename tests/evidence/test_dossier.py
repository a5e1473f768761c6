"""Dossiers: what a good one proves, and how each thing that is wrong with one is named."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.evidence.dossier_samples import (
    CONTRACT,
    POLICY,
    SECOND,
    SECOND_KEY,
    VOTERS,
    approval_file,
    approval_record,
    artifact_file,
    dossier_keys,
    first_proof,
)
from tests.evidence.samples import (
    ARTIFACT_KEY,
    PERSON,
    PERSON_KEY,
    STARTED,
    STRANGER_KEY,
    TENANT,
    WORKSPACE,
    uuid_of,
)

from placet.evidence.bundle import LINE_MAX, KeyList, KeyPurpose
from placet.evidence.dossier import (
    ApprovalRecord,
    DossierHeader,
    DossierSubject,
    seal_dossier,
    write_approval_dossier,
)
from placet.evidence.dsse import encode_envelope
from placet.evidence.verify import UNCOUNTED, DossierError, Flaw, verify_dossier
from placet.evidence.verify_dossier import open_dossier
from placet.evidence.vote import VoteDecision, VotePurpose, sign_proof
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment

LINES = approval_file().splitlines(keepends=True)
NAMES = (
    "header",
    "artifact",
    "snapshot",
    "view",
    "approval",
    "proof",
    "manifest",
)


def flaw(data: bytes, pinned: KeyList | None = None) -> Flaw:
    """Return the flaw that is named for a bad dossier."""
    found = verify_dossier(data, pinned).flaw
    assert found is not None
    return found


def test_a_good_dossier_proves_who_signed_what() -> None:
    report = verify_dossier(approval_file())
    assert report.is_good
    assert report.approvers == (PERSON, SECOND)
    assert report.purpose == VotePurpose.ORDINARY
    assert (report.tenant_id, report.approval_id) == (TENANT, uuid_of("approval"))
    assert any("2 people signed this view" in sentence for sentence in report.proved)
    assert any("none were pinned" in sentence for sentence in report.not_proved)
    opened = open_dossier(approval_file())
    assert opened.contract == CONTRACT
    assert opened.policy == canonical(POLICY)


def test_a_dossier_tells_for_what_was_approved() -> None:
    ready = approval_record(vote={"purpose": VotePurpose.BREAK_GLASS})
    assert verify_dossier(approval_file(ready)).purpose == VotePurpose.BREAK_GLASS


def test_what_a_policy_asks_for_and_nobody_signed_is_not_proved() -> None:
    report = verify_dossier(approval_file(), KeyList(version=1, keys=tuple(dossier_keys())))
    assert any("of `risk`" in sentence for sentence in report.not_proved)
    assert any("wrote the draft" in sentence for sentence in report.not_proved)
    assert not any("meet the approval policy" in sentence for sentence in report.proved)
    plain = POLICY | {"groups": [], "four_eyes": False}
    report = verify_dossier(approval_file(approval_record(policy=plain)))
    assert report.is_good
    assert not any("wrote the draft" in sentence for sentence in report.not_proved)
    assert not any("the voters are of" in sentence for sentence in report.not_proved)


def test_who_let_a_later_approver_in_is_reported_as_signed_by_nobody() -> None:
    later = {
        "first": None,
        "key_confirmed_by": [SECOND],
        "groups": [{"name": "risk", "confirmed_by": [SECOND]}],
        "proof": encode_envelope(sign_proof(TENANT, PERSON, b"\x07" * 32, PERSON_KEY)),
    }
    report = verify_dossier(approval_file(one_voter(**later)))
    assert report.is_good
    assert any("who let in" in sentence for sentence in report.not_proved)
    report = verify_dossier(approval_file())
    assert not any("who let in" in sentence for sentence in report.not_proved)


def test_a_dossier_tells_what_it_is_of() -> None:
    report = verify_dossier(approval_file())
    found = (report.workspace_id, report.request_id, report.agent, report.environment)
    assert found == (WORKSPACE, uuid_of("request"), "desk", "production")


def test_an_artifact_has_a_dossier_of_its_own_that_proves_less() -> None:
    report = verify_dossier(artifact_file())
    assert report.is_good
    assert report.subject == DossierSubject.ARTIFACT
    assert report.approvers == ()
    assert any("that anybody approved it" in sentence for sentence in report.not_proved)


def test_the_same_approval_has_the_same_bytes() -> None:
    record = approval_record()
    keys = dossier_keys()
    again = write_approval_dossier(TENANT, reversed(keys), record)
    assert write_approval_dossier(TENANT, keys, record) == again


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a file with each of its bytes flipped in turn, and the line (from 1) of the byte."""
    line = 1
    for at, byte in enumerate(data):
        flipped = bytes([byte ^ 1 << at % 8])
        yield line, data[:at] + flipped + data[at + 1 :]
        line += byte == ord("\n")


@pytest.mark.parametrize("whole", [approval_file(), artifact_file()], ids=["approval", "artifact"])
def test_every_flipped_byte_is_named_with_its_line(whole: bytes) -> None:
    for line, flipped in flips(whole):
        assert flaw(flipped).line == line


def test_a_changed_line_is_named_even_where_nothing_else_tells() -> None:
    """Nobody signed when it was approved."""
    later = {
        "approved_at": STARTED + timedelta(days=1),
        "expires_at": STARTED + timedelta(days=31),
    }
    changed = approval_file(approval_record(approval=later)).splitlines(keepends=True)
    assert verify_dossier(b"".join(changed)).is_good
    data = b"".join([*LINES[:4], changed[4], *LINES[5:]])
    assert flaw(data) == Flaw(line=5, item="the approval", why=UNCOUNTED)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_line_that_was_cut_doubled_or_swapped_is_bad(number: int) -> None:
    without = [*LINES[:number], *LINES[number + 1 :]]
    doubled = [*LINES[: number + 1], *LINES[number:]]
    swapped = [*without, LINES[number]] if number < len(LINES) - 1 else [LINES[-1], *LINES[:-1]]
    for lines in (without, doubled, swapped):
        assert not verify_dossier(b"".join(lines)).is_good


@pytest.mark.parametrize("cut", [0, 1, 100, len(b"".join(LINES)) - 1])
def test_a_file_that_was_cut_off_is_told_as_such(cut: int) -> None:
    assert flaw(b"".join(LINES)[:cut]).why == "the line is cut off"


def test_a_line_without_end_is_not_read() -> None:
    found = flaw(b" " * LINE_MAX + b"".join(LINES))
    assert found == Flaw(line=1, item="the line", why=f"more than {LINE_MAX} bytes")


def misnamed(record: ApprovalRecord) -> ApprovalRecord:
    """Return a record whose artifact's envelope names the artifact key, whoever signed it."""
    envelope = record.artifact.envelope
    signature = msgspec.structs.replace(envelope.signatures[0], keyid=ARTIFACT_KEY.key_id)
    changed = msgspec.structs.replace(envelope, signatures=(signature,))
    artifact = msgspec.structs.replace(record.artifact, envelope=changed)
    return msgspec.structs.replace(record, artifact=artifact)


def one_voter(**voter: object) -> ApprovalRecord:
    """Return the sample with one voter, of whom something else is told."""
    return approval_record(voters=VOTERS[:1], policy=POLICY | {"quorum": 1}, voter=voter)


FORGERIES: dict[str, tuple[Callable[[], ApprovalRecord], int, str]] = {
    "an artifact by another key": (
        lambda: approval_record(artifact_key=STRANGER_KEY),
        2,
        "none of the keys",
    ),
    "an artifact that another key signed in a good key's name": (
        lambda: misnamed(approval_record(artifact_key=STRANGER_KEY)),
        2,
        "none of the keys that count",
    ),
    "an artifact of other projections": (
        lambda: approval_record(artifact={"runtime": '{"tools":{"pay":{}}}'}),
        2,
        "not that of its projections",
    ),
    "another contract": (
        lambda: approval_record(contract=b'{"agent":"desk","tools":[{}]}'),
        3,
        "not the one that was frozen",
    ),
    "a snapshot of another tenant": (
        lambda: approval_record(content={"tenant_id": uuid_of("other")}),
        3,
        "another tenant",
    ),
    "a snapshot by another compiler": (
        lambda: approval_record(content={"compiler_version": "1"}),
        3,
        "another compiler version",
    ),
    "an artifact of another snapshot": (
        lambda: approval_record(artifact={"snapshot_id": uuid_of("other")}),
        3,
        "not the one that the artifact was made from",
    ),
    "a view of another artifact": (
        lambda: approval_record(view={"artifact_hash": "0" * 64}),
        4,
        "shown something else",
    ),
    "a view with another review": (
        lambda: approval_record(view={"review": {"rules": []}}),
        4,
        "shown something else",
    ),
    "a change of policy that nobody saw": (
        lambda: approval_record(proof={"policy_change": {"approval_policy": {"quorum": 1}}}),
        4,
        "shown something else",
    ),
    "an approval for longer": (
        lambda: approval_record(approval={"expires_at": None}),
        5,
        "does not end when",
    ),
    "an approval that ends beyond the calendar": (
        lambda: approval_record(approval={"approved_at": datetime(9999, 12, 31, tzinfo=UTC)}),
        5,
        "after the year 9999",
    ),
    "an approval for more days than can be counted": (
        lambda: approval_record(policy=POLICY | {"validity_days": 10**10}),
        5,
        "after the year 9999",
    ),
    "a view that names no agent": (
        lambda: approval_record(view={"agent": None}),
        4,
        "cannot be read",
    ),
    "an approval by others": (
        lambda: approval_record(approval={"approved_by": (PERSON,)}),
        5,
        "others than the voters",
    ),
    "another approval of the same snapshot": (
        lambda: approval_record(approval={"approval_id": uuid_of("other")}),
        5,
        "not the one that",
    ),
    "a vote that refuses": (
        lambda: approval_record(vote={"decision": VoteDecision.REFUSE}),
        6,
        "another decision",
    ),
    "votes on another view": (
        lambda: approval_record(vote={"view_hash": "0" * 64}),
        6,
        "another view_hash",
    ),
    "votes on another request": (
        lambda: approval_record(vote={"request_id": uuid_of("other")}),
        6,
        "another request_id",
    ),
    "votes in another environment": (
        lambda: approval_record(vote={"environment": "staging"}),
        6,
        "another environment",
    ),
    "votes under another policy": (
        lambda: approval_record(vote={"approval_policy_hash": "0" * 64}),
        6,
        "another approval_policy_hash",
    ),
    "votes over other sources": (
        lambda: approval_record(vote={"source_hash": "0" * 64}),
        6,
        "another source_hash",
    ),
    "a proof of another snapshot": (
        lambda: approval_record(proof={"snapshot_id": uuid_of("other")}),
        6,
        "another snapshot",
    ),
    "a looser policy than was signed": (
        lambda: approval_record(proof={"approval_policy": POLICY | {"quorum": 1}}),
        6,
        "not the one that the voters signed",
    ),
    "one vote too few": (
        lambda: approval_record(voters=VOTERS[:1]),
        6,
        "1 people approved, the policy asks for 2",
    ),
    "nobody, under a policy that asks for nobody": (
        lambda: approval_record(voters=(), policy=POLICY | {"quorum": 0, "groups": []}),
        6,
        "0 people approved",
    ),
    "nobody of a group": (
        lambda: approval_record(voter={"groups": []}),
        6,
        "0 of group `risk`",
    ),
    "one person twice": (
        lambda: approval_record(voters=(VOTERS[0], VOTERS[0])),
        6,
        "counted twice",
    ),
    "a vote with another person's key": (
        lambda: approval_record(voters=((PERSON_KEY, SECOND), (SECOND_KEY, PERSON))),
        6,
        "not its voter's",
    ),
    "votes in another person's name": (
        lambda: approval_record(vote={"voter_id": uuid_of("other")}),
        6,
        "not of the voter who is named for it",
    ),
    "a vote by a key that nobody lists": (
        lambda: approval_record(voters=(VOTERS[0], (STRANGER_KEY, SECOND))),
        6,
        "none of the keys",
    ),
    "a voter without a vote": (
        lambda: approval_record(proof={"votes": []}),
        6,
        "a voter for each vote",
    ),
    "a view that was changed after the votes": (
        lambda: approval_record(proof={"view_hash": "0" * 64}),
        4,
        "not the one that the voters signed",
    ),
    "a proof of possession by another key": (
        lambda: approval_record(
            voters=VOTERS[:1],
            policy=POLICY | {"quorum": 1},
            voter={"proof": encode_envelope(sign_proof(TENANT, PERSON, bytes(32), STRANGER_KEY))},
        ),
        6,
        "none of the keys that count",
    ),
    "somebody else's proof of possession": (
        lambda: approval_record(
            voters=VOTERS[:1],
            policy=POLICY | {"quorum": 1},
            voter={"proof": encode_envelope(sign_proof(TENANT, SECOND, bytes(32), PERSON_KEY))},
        ),
        6,
        "somebody else's",
    ),
    "a first approver's proof over nothing": (
        lambda: one_voter(proof=encode_envelope(sign_proof(TENANT, PERSON, bytes(32), PERSON_KEY))),
        6,
        "not made for this workspace",
    ),
    "a first approver's proof for another agent": (
        lambda: one_voter(proof=first_proof(agent="other-desk")),
        6,
        "not made for this workspace",
    ),
    "a first approver's proof for another environment": (
        lambda: one_voter(proof=first_proof(environment=Environment.STAGING)),
        6,
        "not made for this workspace",
    ),
    "a first approver's proof for fewer groups": (
        lambda: one_voter(proof=first_proof(groups=())),
        6,
        "not made for this workspace",
    ),
    "a first approver's proof for the workspace before": (
        lambda: one_voter(first={"groups": ["risk"], "succeeds": uuid_of("archived")}),
        6,
        "not made for this workspace",
    ),
    "a first approver in a group that they did not sign for": (
        lambda: one_voter(first={"groups": [], "succeeds": None}, proof=first_proof(groups=())),
        6,
        "every group that nobody confirmed",
    ),
    "a later approver in a group that nobody confirmed": (
        lambda: one_voter(first=None, key_confirmed_by=[SECOND]),
        6,
        "every group that nobody confirmed",
    ),
    "a first approver whom somebody let in": (
        lambda: one_voter(key_confirmed_by=[SECOND]),
        6,
        "not both or neither",
    ),
    "a voter whom nobody let in": (
        lambda: one_voter(first=None, groups=[{"name": "risk", "confirmed_by": [SECOND]}]),
        6,
        "not both or neither",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_that_is_sealed_anew_is_named(name: str) -> None:
    make, line, why = FORGERIES[name]
    found = flaw(approval_file(make()))
    assert (found.line, why in found.why) == (line, True), found


def test_only_pinned_keys_count_where_keys_are_pinned() -> None:
    keys = dossier_keys()
    assert verify_dossier(approval_file(), KeyList(version=1, keys=tuple(keys))).is_good
    without_ben = KeyList(version=1, keys=tuple(keys[:2]))
    assert flaw(approval_file(), without_ben).item == "vote 2"
    of_another = msgspec.structs.replace(keys[1], actor_id=SECOND)
    mixed = KeyList(version=1, keys=(keys[0], of_another, keys[2]))
    assert flaw(approval_file(), mixed).item == "vote 1"
    as_person = msgspec.structs.replace(keys[0], purpose=KeyPurpose.PERSON, actor_id=PERSON)
    swapped = KeyList(version=1, keys=(as_person, *keys[1:]))
    assert flaw(approval_file(), swapped).item == "the artifact"


def test_a_text_that_says_something_twice_is_bad() -> None:
    record = approval_record()
    doubled = record.proof.proof.replace(
        '{"approval_policy":', '{"approval_policy":{},"approval_policy":', 1
    )
    changed = msgspec.structs.replace(
        record, proof=msgspec.structs.replace(record.proof, proof=doubled)
    )
    assert flaw(approval_file(changed)).line == 6


def test_an_artifact_alone_does_not_pass_for_an_approval() -> None:
    header = DossierHeader(
        tenant_id=TENANT, subject=DossierSubject.APPROVAL, keys=tuple(dossier_keys())
    )
    data = seal_dossier([header, approval_record().artifact])
    assert flaw(data).item == "the end"
    with pytest.raises(DossierError):
        open_dossier(data)
