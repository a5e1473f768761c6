"""What stands against an activation, and what one counts for at a moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import asdict, replace

from placet.authority.model import PersonKey
from placet.evidence import break_glass as evidence
from placet.evidence.dsse import (
    Envelope,
    EnvelopeFlaw,
    EnvelopeRefused,
    open_payload,
    parse_envelope,
)
from placet.evidence.ed25519 import PublicKey
from placet.evidence.vote import VotePurpose
from placet.kernel.principal import Environment
from placet.studio.break_glass.model import (
    PAIR_RESTS,
    Activation,
    ActivationCase,
    ActivationEnd,
    ActivationFields,
    ActivationFlaw,
    ActivationReason,
    ActivationStatus,
    BreakGlassRefused,
    Operator,
)
from placet.studio.workspaces.model import WorkspaceStatus


def open_envelope(
    envelope: Envelope, own: Sequence[PersonKey]
) -> evidence.BreakGlassVote | ActivationReason:
    """Return the vote if one of the person's own keys signed it, else why it is none."""
    try:
        return evidence.verify_break_glass(envelope, [PublicKey(raw=key.public_key) for key in own])
    except EnvelopeRefused as fault:
        if fault.flaw is EnvelopeFlaw.PAYLOAD:
            return _reason(ActivationFlaw.SIGNED_OTHERWISE, fault.detail)
        if envelope.signatures[0].keyid not in {key.key_id for key in own}:
            detail = "the key that signed is not enrolled for you in this tenant"
            return _reason(ActivationFlaw.KEY_UNKNOWN, detail)
        return _reason(ActivationFlaw.SIGNATURE_INVALID, fault.detail)


def check_operator(key_id: str, operator: Operator) -> list[ActivationReason]:
    """Return why this person with this key activates nothing here."""
    reasons = []
    if not operator.is_operator:
        detail = "it takes the role `operator`, in the tenant or in this workspace"
        reasons.append(_reason(ActivationFlaw.NOT_AN_OPERATOR, detail))
    if key_id in operator.revoked:
        reasons.append(_reason(ActivationFlaw.KEY_REVOKED, "the key was revoked"))
    return reasons


def check_fields(vote: evidence.BreakGlassVote, case: ActivationCase) -> list[ActivationReason]:
    """Return what the vote that opens an activation says otherwise than is so.

    Which checkpoint it names is for the caller to look up.
    """
    return _differing(
        vote,
        {
            "tenant_id": case.workspace.tenant_id,
            "workspace_id": case.workspace.workspace_id,
            "environment": case.workspace.environment,
            "artifact_hash": case.artifact_hash,
        },
    )


def check_same(vote: evidence.BreakGlassVote, fields: ActivationFields) -> list[ActivationReason]:
    """Return what the vote that confirms an activation says otherwise than the first."""
    return _differing(vote, asdict(fields))


def check_voter(vote: evidence.BreakGlassVote, operator: Operator) -> list[ActivationReason]:
    """Return why a vote is not that of whoever hands it in."""
    return _differing(vote, {"voter_id": operator.actor_id})


def check_standby(case: ActivationCase) -> list[ActivationReason]:
    """Return why nothing of this approval can be activated now."""
    reasons = []
    approval, now = case.approval, case.now
    if case.workspace.status is not WorkspaceStatus.ACTIVE:
        detail = f"the workspace is `{case.workspace.status}`"
        reasons.append(_reason(ActivationFlaw.WORKSPACE_NOT_ACTIVE, detail))
    if approval.purpose is not VotePurpose.BREAK_GLASS:
        detail = "the approval was not given for break-glass"
        reasons.append(_reason(ActivationFlaw.NOT_FOR_BREAK_GLASS, detail))
    if case.revoked_at is not None:
        reasons.append(_reason(ActivationFlaw.APPROVAL_REVOKED, "the approval was revoked"))
    if approval.expires_at is not None and approval.expires_at <= now:
        detail = f"the approval expired at {approval.expires_at.isoformat()}"
        reasons.append(_reason(ActivationFlaw.APPROVAL_EXPIRED, detail))
    if case.in_effect is not None:
        detail = f"the activation {case.in_effect} is in effect"
        reasons.append(_reason(ActivationFlaw.ACTIVE_ALREADY, detail))
    return reasons


def check_confirmation(
    activation: Activation, opener: Operator, confirmer: Operator, case: ActivationCase
) -> list[ActivationReason]:
    """Return why these two people do not activate this now."""
    reasons = []
    status = as_it_counts(activation, None, case.now).status
    if status is not ActivationStatus.OPEN:
        reasons.append(_reason(ActivationFlaw.NOT_OPEN, f"the activation is `{status}`"))
    if opener.actor_id == confirmer.actor_id:
        detail = "it takes two people; whoever opened it cannot confirm it"
        reasons.append(_reason(ActivationFlaw.SAME_PERSON, detail))
    if check_operator(activation.opener_key_id, opener):
        detail = "whoever opened it is no operator any more, or the key was revoked"
        reasons.append(_reason(ActivationFlaw.OPENER_LEFT, detail))
    pair = {opener.actor_id, confirmer.actor_id}
    for each in case.earlier:
        since = each.confirmed_at
        if since and pair == {each.opened_by, each.confirmed_by} and case.now < since + PAIR_RESTS:
            detail = f"the two of you activated something at {since.isoformat()}; others may"
            reasons.append(_reason(ActivationFlaw.PAIR_RESTS, detail))
    return reasons


def ends_at(case: ActivationCase, minutes: int) -> datetime:
    """Return when an activation that is confirmed now is over: in time, or with its approval."""
    end = case.now + timedelta(minutes=minutes)
    return end if case.approval.expires_at is None else min(end, case.approval.expires_at)


def as_it_counts(activation: Activation, revoked_at: datetime | None, now: datetime) -> Activation:
    """Return an activation as it counts at `now`, whether or not anybody has written that down.

    `revoked_at` is when its approval was revoked, if it was.
    """
    if activation.status is ActivationStatus.OPEN and activation.lapses_at <= now:
        return replace(activation, status=ActivationStatus.LAPSED, ended_at=activation.lapses_at)
    if activation.status is not ActivationStatus.ACTIVE or activation.ends_at is None:
        return activation
    if revoked_at is not None and revoked_at < activation.ends_at:
        return _ended(activation, ActivationEnd.REVOKED, revoked_at)
    if activation.ends_at <= now:
        return _ended(activation, ActivationEnd.RAN_OUT, activation.ends_at)
    return activation


def fields_of(activation: Activation, environment: Environment) -> ActivationFields:
    """Return what both operators sign about an activation, as whoever opened it did."""
    opened = parse_envelope(activation.opener_envelope)
    first = open_payload(opened.payload, evidence.BreakGlassVote)
    return ActivationFields(
        tenant_id=activation.tenant_id,
        workspace_id=activation.workspace_id,
        environment=environment,
        activation_id=activation.activation_id,
        approval_id=activation.approval_id,
        artifact_hash=activation.artifact_hash,
        minutes=activation.minutes,
        reason=activation.reason,
        latest_checkpoint=first.latest_checkpoint,
    )


def malformed(detail: str) -> ActivationReason:
    """Return the reason that what was handed in is no envelope."""
    return _reason(ActivationFlaw.ENVELOPE_MALFORMED, detail)


def checkpoint_unknown() -> ActivationReason:
    """Return the reason that a vote names a checkpoint which nobody signed."""
    detail = "the signed vote differs from what is so in: latest_checkpoint"
    return _reason(ActivationFlaw.SIGNED_OTHERWISE, detail)


def killed(whose: str) -> ActivationReason:
    """Return the reason that a kill is in force, which no activation lifts."""
    return _reason(ActivationFlaw.KILLED, f"a kill of the {whose} is in force")


def refused(reasons: list[ActivationReason]) -> BreakGlassRefused:
    """Return the refusal that names all of these reasons."""
    return BreakGlassRefused(detail="; ".join(each.detail for each in reasons), reasons=reasons)


def _ended(activation: Activation, why: ActivationEnd, at: datetime) -> Activation:
    return replace(activation, status=ActivationStatus.ENDED, end_why=why, ended_at=at)


def _differing(
    vote: evidence.BreakGlassVote, expected: Mapping[str, object]
) -> list[ActivationReason]:
    wrong = [name for name, value in expected.items() if getattr(vote, name) != value]
    if not wrong:
        return []
    detail = "the signed vote differs from what is so in: " + ", ".join(wrong)
    return [_reason(ActivationFlaw.SIGNED_OTHERWISE, detail)]


def _reason(code: ActivationFlaw, detail: str) -> ActivationReason:
    return ActivationReason(code=code, detail=detail)
