"""Whether a challenge serves, what stands against a confirmation, and when a key counts."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import asdict

from placet.authority.model import EnrolmentFlaw, EnrolmentReason
from placet.evidence.enrolment import EnrolmentVote
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment
from placet.studio.enrolments.model import (
    ConfirmationFlaw,
    ConfirmationReason,
    Enrolment,
    EnrolmentChallenge,
    EnrolmentConfirmation,
    EnrolmentFields,
    EnrolmentStatus,
)
from placet.studio.workspaces.model import GovernanceWorkspace, KeyStanding, WorkspaceKey


def check_challenge(
    challenge: EnrolmentChallenge | None, actor_id: ActorId, now: datetime
) -> list[EnrolmentReason]:
    """Return what stands against a challenge: it is nobody's, another's, or too old."""
    if challenge is None or challenge.actor_id != actor_id:
        detail = "no challenge with this id was given to you"
        return [EnrolmentReason(code=EnrolmentFlaw.CHALLENGE_UNKNOWN, detail=detail)]
    if challenge.expires_at <= now:
        detail = f"the challenge ended at {challenge.expires_at}"
        return [EnrolmentReason(code=EnrolmentFlaw.CHALLENGE_EXPIRED, detail=detail)]
    return []


def challenge_used() -> EnrolmentReason:
    """Return the reason that an enrolment was asked for over this challenge already."""
    return EnrolmentReason(
        code=EnrolmentFlaw.CHALLENGE_USED, detail="the challenge has served an enrolment"
    )


def check_new(
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]], key_id: str
) -> list[EnrolmentReason]:
    """Return what stands against letting a key in to a workspace: it was let in before."""
    if key_id not in keys:
        return []
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.KEY_KNOWN_HERE,
            detail=f"the key was let in to this workspace before: `{keys[key_id][1]}`",
        )
    ]


def status_at(
    enrolment: Enrolment, confirmation: EnrolmentConfirmation | None, now: datetime
) -> EnrolmentStatus:
    """Return what an enrolment counts for at `now`."""
    if confirmation is not None:
        if confirmation.decision is VoteDecision.REFUSE:
            return EnrolmentStatus.DECLINED
        return EnrolmentStatus.CONFIRMED
    return EnrolmentStatus.EXPIRED if enrolment.expires_at <= now else EnrolmentStatus.PENDING


def counts_from(workspace: GovernanceWorkspace, now: datetime) -> datetime:
    """Return when a key that is confirmed at `now` begins to count."""
    if workspace.environment is Environment.DEVELOPMENT:
        return now
    return now + timedelta(hours=workspace.approval_policy.enrolment_delay_hours)


def fields_to_sign(enrolment: Enrolment) -> EnrolmentFields:
    """Return what every word on an enrolment says."""
    return EnrolmentFields(
        tenant_id=enrolment.tenant_id,
        workspace_id=enrolment.workspace_id,
        environment=enrolment.environment,
        enrolment_id=enrolment.enrolment_id,
        actor_id=enrolment.actor_id,
        enrolled_key_id=enrolment.key_id,
        public_key=enrolment.public_key.hex(),
        challenge=enrolment.challenge.hex(),
        latest_checkpoint=None,
    )


def check_fields(
    vote: EnrolmentVote, enrolment: Enrolment, voter_id: ActorId
) -> list[ConfirmationReason]:
    """Return what a signed word says otherwise than the enrolment and its voter."""
    expected = asdict(fields_to_sign(enrolment)) | {"voter_id": voter_id}
    wrong = [name for name, value in expected.items() if getattr(vote, name) != value]
    if not wrong:
        return []
    detail = "what was signed differs from what is asked for in: " + ", ".join(wrong)
    return [reason(ConfirmationFlaw.SIGNED_OTHERWISE, detail)]


def check_voter(
    enrolment: Enrolment,
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]],
    voter_id: ActorId,
    *,
    has_role: bool,
) -> list[ConfirmationReason]:
    """Return what stands against this person deciding on this enrolment."""
    reasons = []
    is_approver = has_role and any(
        key.actor_id == voter_id and standing is not KeyStanding.REMOVED
        for key, standing in keys.values()
    )
    if not is_approver:
        detail = "whoever signed it is no approver of this workspace"
        reasons.append(reason(ConfirmationFlaw.NOT_AN_APPROVER, detail))
    if enrolment.actor_id == voter_id:
        detail = "nobody confirms their own enrolment"
        reasons.append(reason(ConfirmationFlaw.OWN_ENROLMENT, detail))
    return reasons


def check_key(
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]], key_id: str
) -> list[ConfirmationReason]:
    """Return what stands against the key that signed: it does not count in this workspace."""
    standing = keys[key_id][1] if key_id in keys else None
    if standing is KeyStanding.COUNTS:
        return []
    detail = f"the key that signed does not count in this workspace: `{standing or 'unknown'}`"
    return [reason(ConfirmationFlaw.KEY_NOT_COUNTING, detail)]


def reason(code: ConfirmationFlaw, detail: str) -> ConfirmationReason:
    """Return one thing that stands against a word on an enrolment."""
    return ConfirmationReason(code=code, detail=detail)
