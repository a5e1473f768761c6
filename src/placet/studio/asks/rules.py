"""What stands against a vote on calls that wait, and what the votes come to."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

from placet.authority.model import PersonKey
from placet.evidence.ask_vote import AskDecision, AskedCall, AskVote, verify_ask_vote
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import ActorId
from placet.policy.model import Approvers
from placet.replay.asks.model import AskStatus
from placet.studio.asks.model import (
    AskCase,
    AskFlaw,
    AskObjection,
    AskPanel,
    AskRefused,
    AskVoteFields,
    RoleTally,
)
from placet.studio.workspaces.model import KeyStanding
from placet.studio.workspaces.rules import groups_of

APPROVER: Final = "approver"
"""The role of everybody who approves in the workspace."""

_STANDINGS: Final = {
    KeyStanding.REVOKED: (AskFlaw.KEY_REVOKED, "the key was revoked"),
    KeyStanding.DISABLED: (AskFlaw.VOTER_DISABLED, "the voter is disabled"),
    KeyStanding.NOT_YET: (AskFlaw.KEY_NOT_YET, "the key does not count yet"),
    KeyStanding.REMOVED: (
        AskFlaw.KEY_NOT_CONFIRMED,
        "the key ended with an earlier membership",
    ),
}


def open_vote(
    envelope: Envelope, own: Sequence[PersonKey], named: PersonKey | None
) -> AskVote | AskObjection:
    """Return the vote if one of the voter's own keys signed it, else why it is none.

    `named` is the key that the envelope hints at, whoever's it is; it only helps to say why.
    """
    try:
        return verify_ask_vote(envelope, [PublicKey(raw=key.public_key) for key in own])
    except EnvelopeRefused as fault:
        if fault.flaw is EnvelopeFlaw.PAYLOAD:
            return _objection(AskFlaw.SIGNED_OTHERWISE, fault.detail)
        if named is None:
            detail = "the key that signed is not enrolled in this tenant"
            return _objection(AskFlaw.KEY_UNKNOWN, detail)
        if named.key_id not in {key.key_id for key in own}:
            return _objection(AskFlaw.KEY_OF_ANOTHER, "the key is enrolled for another person")
        return _objection(AskFlaw.SIGNATURE_INVALID, fault.detail)


def fields_of(panel: AskPanel, cases: Sequence[AskCase]) -> AskVoteFields:
    """Return what a vote on these calls signs beside what the voter says."""
    named = sorted(cases, key=lambda case: case.call.call_id.bytes)
    return AskVoteFields(
        tenant_id=panel.session.tenant_id,
        workspace_id=panel.workspace_id,
        environment=panel.session.environment,
        session_id=panel.session.session_id,
        calls=[
            {
                "call_id": str(case.call.call_id),
                "arguments_hash": case.call.arguments_hash.hex(),
                "view_hash": case.view_hash,
            }
            for case in named
        ],
        latest_checkpoint=panel.latest,
    )


def check_place(vote: AskVote, call_id: UUID) -> list[AskObjection]:
    """Return why a vote cannot be handed in for a call: it is not among those it speaks of."""
    if call_id in {asked.call_id for asked in vote.calls}:
        return []
    return [_objection(AskFlaw.SIGNED_OTHERWISE, "the signed vote is about other calls")]


def checkpoint_unknown() -> AskObjection:
    """Return that a vote names a checkpoint which nobody signed."""
    detail = "the signed vote differs from what is asked in: latest_checkpoint"
    return _objection(AskFlaw.SIGNED_OTHERWISE, detail)


def check_vote(
    vote: AskVote, voter_id: ActorId, panel: AskPanel, cases: Sequence[AskCase], *, has_role: bool
) -> list[AskObjection]:
    """Return everything that stands against a vote of this person on these calls.

    `has_role` tells whether the voter holds the role `approver` where the workspace is.
    """
    found = _check_fields(vote, voter_id, panel, cases)
    found += _check_key(vote.key_id, panel, has_role=has_role)
    if len({case.call.prepared_request_id for case in cases}) > 1:
        found.append(_objection(AskFlaw.SEVERAL_STEPS, "the calls are of several steps"))
    roles = roles_of(panel, vote.key_id)
    for case in cases:
        found += _check_case(vote, voter_id, case, roles)
    return found


def tally_of(
    panel: AskPanel, case: AskCase, more: Mapping[str, ActorId] = MappingProxyType({})
) -> list[RoleTally]:
    """Return what the approvals of a call come to, with those of `more`, by their keys."""
    approving = {
        vote.key_id: vote.voter_id
        for vote in case.votes
        if vote.decision is AskDecision.APPROVE and _counts(panel, vote.key_id)
    } | dict(more)
    return [_tally(panel, wanted, approving) for wanted in case.checkpoint.all_of]


def said(vote: AskVote, voter_id: ActorId) -> dict[str, ActorId]:
    """Return the approval that a vote is, by its key; a rejection is none."""
    return {vote.key_id: voter_id} if vote.decision is AskDecision.APPROVE else {}


def decide_outcome(vote: AskVote, voter_id: ActorId, panel: AskPanel, case: AskCase) -> AskStatus:
    """Return what a vote that nothing stands against makes of one of its calls."""
    if vote.decision is AskDecision.REJECT:
        return AskStatus.REJECTED
    tally = tally_of(panel, case, said(vote, voter_id))
    is_met = all(role.approvals >= role.count for role in tally)
    return AskStatus.APPROVED if is_met else AskStatus.OPEN


def roles_of(panel: AskPanel, key_id: str) -> frozenset[str]:
    """Return the roles for which votes by a key count now."""
    if not _counts(panel, key_id):
        return frozenset()
    return groups_of(panel.members, key_id, panel.now) | {APPROVER}


def malformed(detail: str) -> AskObjection:
    """Return the objection that what was handed in is no envelope."""
    return _objection(AskFlaw.ENVELOPE_MALFORMED, detail)


def refused(reasons: list[AskObjection]) -> AskRefused:
    """Return the refusal that lists what stands against a vote."""
    return AskRefused(detail="; ".join(reason.detail for reason in reasons), reasons=reasons)


def _tally(panel: AskPanel, wanted: Approvers, approving: Mapping[str, ActorId]) -> RoleTally:
    people = {who for key_id, who in approving.items() if wanted.role in roles_of(panel, key_id)}
    return RoleTally(role=wanted.role, approvals=len(people), count=wanted.count)


def _counts(panel: AskPanel, key_id: str) -> bool:
    return key_id in panel.keys and panel.keys[key_id][1] is KeyStanding.COUNTS


def _check_fields(
    vote: AskVote, voter_id: ActorId, panel: AskPanel, cases: Sequence[AskCase]
) -> list[AskObjection]:
    session = panel.session
    expected = {
        "tenant_id": session.tenant_id,
        "workspace_id": panel.workspace_id,
        "environment": session.environment,
        "session_id": session.session_id,
        "voter_id": voter_id,
    }
    wrong = [name for name, value in expected.items() if getattr(vote, name) != value]
    shown = {case.call.call_id: case for case in cases}
    for asked in vote.calls:
        wrong += _differs(asked, shown[asked.call_id])
    if not wrong:
        return []
    detail = "the signed vote differs from what is asked in: " + ", ".join(wrong)
    return [_objection(AskFlaw.SIGNED_OTHERWISE, detail)]


def _differs(asked: AskedCall, case: AskCase) -> list[str]:
    place = f"calls[{asked.call_id}]"
    hashes = {"arguments_hash": case.call.arguments_hash.hex(), "view_hash": case.view_hash}
    return [f"{place}.{name}" for name, value in hashes.items() if getattr(asked, name) != value]


def _check_key(key_id: str, panel: AskPanel, *, has_role: bool) -> list[AskObjection]:
    if key_id not in panel.keys:
        detail = "no approver of the session's workspace confirmed the key"
        return [_objection(AskFlaw.KEY_NOT_CONFIRMED, detail)]
    _, standing = panel.keys[key_id]
    found = [] if standing is KeyStanding.COUNTS else [_objection(*_STANDINGS[standing])]
    if not has_role:
        detail = "the voter is no approver of the session's workspace"
        found.append(_objection(AskFlaw.NOT_AN_APPROVER, detail))
    return found


def _check_case(
    vote: AskVote, voter_id: ActorId, case: AskCase, roles: Collection[str]
) -> list[AskObjection]:
    call_id = case.call.call_id
    found = []
    if any(earlier.voter_id == voter_id for earlier in case.votes):
        detail = f"the voter has voted on {call_id} already"
        found.append(_objection(AskFlaw.VOTED_ALREADY, detail))
    wanted = {group.role for group in case.checkpoint.all_of}
    if roles and not wanted & set(roles):
        names = ", ".join(f"`{name}`" for name in sorted(wanted))
        detail = f"the voter has none of the roles that {call_id} asks for: {names}"
        found.append(_objection(AskFlaw.ROLE_MISSING, detail))
    if case.checkpoint.reason_required and vote.reason is None:
        detail = f"a yes to {call_id} needs a reason"
        found.append(_objection(AskFlaw.REASON_MISSING, detail))
    return found


def _objection(code: AskFlaw, detail: str) -> AskObjection:
    return AskObjection(code=code, detail=detail)
