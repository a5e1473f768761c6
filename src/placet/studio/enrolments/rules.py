"""Whether a challenge serves, what stands against a confirmation, and when a key counts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import asdict

from placet.authority.model import EnrolmentFlaw, EnrolmentReason
from placet.evidence.enrolment import EnrolmentVote
from placet.evidence.vote import CheckpointSeen, VoteDecision
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
    Panel,
)
from placet.studio.workspaces.model import (
    GovernanceWorkspace,
    GroupMember,
    KeyStanding,
    WorkspaceKey,
)
from placet.studio.workspaces.rules import approvers_of, groups_of, names_of


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


def check_groups(workspace: GovernanceWorkspace, groups: Collection[str]) -> list[EnrolmentReason]:
    """Return which groups the workspace's approval policy does not have."""
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.GROUP_UNKNOWN,
            detail=f"the approval policy of the workspace has no group `{name}`",
        )
        for name in sorted(set(groups) - names_of(workspace.approval_policy))
    ]


def check_new(
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]],
    members: Sequence[GroupMember],
    key_id: str,
    groups: Collection[str],
) -> list[EnrolmentReason]:
    """Return what stands against letting a key in: it was let in, and to all of these groups."""
    if key_id not in keys:
        return []
    theirs = {member.group_name for member in members if member.key_id == key_id}
    is_live = keys[key_id][1] in {KeyStanding.COUNTS, KeyStanding.NOT_YET}
    if is_live and not theirs.issuperset(groups):
        return []
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.KEY_KNOWN_HERE,
            detail=f"the key was let in to this workspace before: `{keys[key_id][1]}`",
        )
    ]


def status_at(
    enrolment: Enrolment, said: Sequence[EnrolmentConfirmation], now: datetime
) -> EnrolmentStatus:
    """Return what an enrolment counts for at `now`, by what was signed about it."""
    if any(each.decision is VoteDecision.REFUSE for each in said):
        return EnrolmentStatus.DECLINED
    if any(each.counts_from is not None for each in said):
        return EnrolmentStatus.CONFIRMED
    return EnrolmentStatus.EXPIRED if enrolment.expires_at <= now else EnrolmentStatus.PENDING


def counts_from(workspace: GovernanceWorkspace, now: datetime) -> datetime:
    """Return when a key that is confirmed at `now` begins to count."""
    if workspace.environment is Environment.DEVELOPMENT:
        return now
    return now + timedelta(hours=workspace.approval_policy.enrolment_delay_hours)


def fields_to_sign(enrolment: Enrolment, latest: CheckpointSeen | None) -> EnrolmentFields:
    """Return what every word on an enrolment says, of a voter who was shown this checkpoint."""
    return EnrolmentFields(
        tenant_id=enrolment.tenant_id,
        workspace_id=enrolment.workspace_id,
        environment=enrolment.environment,
        enrolment_id=enrolment.enrolment_id,
        actor_id=enrolment.actor_id,
        enrolled_key_id=enrolment.key_id,
        public_key=enrolment.public_key.hex(),
        challenge=enrolment.challenge.hex(),
        groups=enrolment.groups,
        latest_checkpoint=latest,
    )


def check_fields(
    vote: EnrolmentVote, enrolment: Enrolment, voter_id: ActorId
) -> list[ConfirmationReason]:
    """Return what a signed word says otherwise than the enrolment and its voter.

    Which checkpoint it names is for the caller to look up: another may be newer by now.
    """
    expected = asdict(fields_to_sign(enrolment, vote.latest_checkpoint)) | {"voter_id": voter_id}
    wrong = [name for name, value in expected.items() if getattr(vote, name) != value]
    if not wrong:
        return []
    detail = "what was signed differs from what is asked for in: " + ", ".join(wrong)
    return [reason(ConfirmationFlaw.SIGNED_OTHERWISE, detail)]


def checkpoint_unknown() -> ConfirmationReason:
    """Return that a word names a checkpoint which nobody signed."""
    detail = "what was signed differs from what is asked for in: latest_checkpoint"
    return reason(ConfirmationFlaw.SIGNED_OTHERWISE, detail)


def check_voter(
    enrolment: Enrolment,
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]],
    voter_id: ActorId,
    *,
    has_role: bool,
) -> list[ConfirmationReason]:
    """Return what stands against this person deciding on this enrolment."""
    reasons = []
    if not has_role or voter_id not in approvers_of(keys):
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


def check_confirmer(panel: Panel, vote: EnrolmentVote) -> list[ConfirmationReason]:
    """Return what stands against this word counting for the groups of the enrolment.

    Whoever declines need be in none of them.
    """
    enrolment = panel.enrolment
    reasons = []
    if any(each.confirmed_by == vote.voter_id for each in panel.said):
        detail = "you have signed about this enrolment already"
        reasons.append(reason(ConfirmationFlaw.SIGNED_ALREADY, detail))
    if vote.decision is VoteDecision.REFUSE or not enrolment.groups:
        return reasons
    reasons += [
        reason(ConfirmationFlaw.GROUP_UNKNOWN, wrong.detail)
        for wrong in check_groups(panel.workspace, enrolment.groups)
    ]
    if not seconded(panel, vote.key_id):
        detail = "the key that signed counts for none of the groups that are asked for"
        reasons.append(reason(ConfirmationFlaw.NOT_IN_GROUP, detail))
    return reasons


def seconded(panel: Panel, key_id: str) -> list[str]:
    """Return for which groups of the enrolment a word by this key counts now."""
    if key_id not in panel.keys or panel.keys[key_id][1] is not KeyStanding.COUNTS:
        return []
    groups = groups_of(panel.members, key_id, panel.now)
    return [name for name in panel.enrolment.groups if name in groups]


def seconders(panel: Panel, said: Sequence[EnrolmentConfirmation]) -> dict[str, list[ActorId]]:
    """Return for each group of the enrolment whose word for it counts now.

    One whose key was revoked, or who was removed meanwhile, counts no more.
    """
    good = [each for each in said if each.decision is VoteDecision.APPROVE]
    return {
        name: [each.confirmed_by for each in good if name in seconded(panel, each.key_id)]
        for name in panel.enrolment.groups
    }


def missing(enrolment: Enrolment, said: Sequence[EnrolmentConfirmation]) -> list[str]:
    """Return the groups of an enrolment of which nobody has signed."""
    had = {name for each in said for name in each.groups}
    return [name for name in enrolment.groups if name not in had]


def reason(code: ConfirmationFlaw, detail: str) -> ConfirmationReason:
    """Return one thing that stands against a word on an enrolment."""
    return ConfirmationReason(code=code, detail=detail)
