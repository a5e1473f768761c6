"""An enrolment, what it is confirmed with, and what is said about it."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.authority.model import ENVELOPE_BYTES_MAX, PUBLIC_KEY_BYTES
from placet.evidence.fields import HexDigest
from placet.evidence.vote import CheckpointSeen, VoteDecision
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Forbidden, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.studio.workspaces.model import (
    GROUPS_MAX,
    GovernanceWorkspace,
    GroupMember,
    GroupName,
    KeyStanding,
    WorkspaceId,
    WorkspaceKey,
)

EnrolmentId = NewType("EnrolmentId", UUID)

CHALLENGE_BYTES: Final = 32
CHALLENGE_LASTS: Final = timedelta(minutes=15)
ENROLMENT_LASTS: Final = timedelta(days=7)
REASON_MAX: Final = 2_000


class EnrolmentStatus(StrEnum):
    """Whether an enrolment still waits, or how it ended."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"


class EnrolmentChallenge(Value, frozen=True):
    """32 random bytes for one person's one proof of possession."""

    tenant_id: TenantId
    challenge_id: UUID
    actor_id: ActorId
    challenge: bytes
    issued_at: datetime
    expires_at: datetime


class Enrolment(Value, frozen=True):
    """Somebody's wish to vote in a workspace with a key, and the proof that they hold it.

    `groups` are those for which the key is to count, sorted.
    """

    tenant_id: TenantId
    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    environment: Environment
    actor_id: ActorId
    challenge_id: UUID
    challenge: bytes
    key_id: HexDigest
    public_key: bytes
    proof: bytes
    asked_at: datetime
    expires_at: datetime
    groups: list[GroupName]


class EnrolmentConfirmation(Value, frozen=True):
    """What an approver signed about an enrolment, and for which of its groups they could.

    `counts_from` is null where they declined, and where the word of other groups was missing still.
    """

    tenant_id: TenantId
    enrolment_id: EnrolmentId
    decision: VoteDecision
    confirmed_by: ActorId
    key_id: HexDigest
    envelope: bytes
    confirmed_at: datetime
    counts_from: datetime | None
    groups: list[GroupName]


class Panel(Value, frozen=True):
    """Everything that a word on an enrolment is judged by, as it is while the enrolment is held.

    `said` is what was signed before; `keys` and `members` are those of the workspace.
    """

    enrolment: Enrolment
    workspace: GovernanceWorkspace
    said: list[EnrolmentConfirmation]
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]]
    members: list[GroupMember]
    now: datetime


class AskChallenge(Input, frozen=True):
    """Ask for a challenge. There is nothing to say."""


class AskEnrolment(Input, frozen=True):
    """Ask to vote in a workspace with a key, and for which of the groups of its policy.

    A key that counts there already may ask for groups that it is not in. `public_key` is the raw
    Ed25519 key, `proof` the envelope of the proof of possession over the challenge, as JSON; both
    travel in base64.
    """

    workspace_id: UUID
    challenge_id: UUID
    public_key: Annotated[
        bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)
    ]
    proof: Annotated[bytes, msgspec.Meta(min_length=1, max_length=ENVELOPE_BYTES_MAX)]
    groups: Annotated[tuple[GroupName, ...], msgspec.Meta(max_length=GROUPS_MAX)] = ()


class ConfirmEnrolment(Input, frozen=True):
    """Hand in a signed word on an enrolment. `envelope` is the DSSE envelope as JSON."""

    envelope: msgspec.Raw


class RemoveApprover(Input, frozen=True):
    """Take the right to vote in a workspace from somebody, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class ChallengeAnswer(Value, frozen=True):
    """A challenge in hex, and what a proof over it names."""

    challenge_id: UUID
    tenant_id: TenantId
    actor_id: ActorId
    challenge: HexDigest
    expires_at: datetime


class EnrolmentFields(Value, frozen=True):
    """What a word on an enrolment says, but for the decision, the voter and the voter's key."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    environment: Environment
    enrolment_id: EnrolmentId
    actor_id: ActorId
    enrolled_key_id: HexDigest
    public_key: HexDigest
    challenge: HexDigest
    groups: list[GroupName]
    latest_checkpoint: CheckpointSeen | None


class EnrolmentAnswer(Value, frozen=True):
    """An enrolment as it counts now, and what exactly is to be signed about it.

    Sign the canonical JSON of `vote_fields` with `decision`, `voter_id` and `key_id` added, under
    the type `vote_type`. `proof` is base64. `confirmed_by` is everybody who signed about it,
    and `missing` the groups of which nobody has yet.
    """

    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    status: EnrolmentStatus
    proof: bytes
    asked_at: datetime
    expires_at: datetime
    groups: list[GroupName]
    missing: list[GroupName]
    confirmed_by: list[ActorId]
    counts_from: datetime | None
    vote_type: str
    vote_fields: EnrolmentFields


class ConfirmationFlaw(StrEnum):
    """Why a word on an enrolment does not count."""

    ENVELOPE_MALFORMED = "envelope_malformed"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNED_OTHERWISE = "signed_otherwise"
    KEY_NOT_COUNTING = "key_not_counting"
    NOT_AN_APPROVER = "not_an_approver"
    OWN_ENROLMENT = "own_enrolment"
    SIGNED_ALREADY = "signed_already"
    NOT_IN_GROUP = "not_in_group"
    GROUP_UNKNOWN = "group_unknown"


class ConfirmationReason(Value, frozen=True):
    """One thing that stands against it."""

    code: ConfirmationFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class ConfirmationRefused(Invalid):
    """The word on the enrolment does not count."""

    hint = "an approver of the same workspace and group signs it, with a key that counts there"
    reasons: list[ConfirmationReason]


@dataclasses.dataclass(kw_only=True, eq=False)
class EnrolmentClosed(Conflict):
    """The enrolment waits no more."""

    hint = "ask for a new one if it is still wanted"
    enrolment_status: EnrolmentStatus


class EnrolmentNotFound(NotFound):
    """There is no such enrolment here."""


class ApproverNotFound(NotFound):
    """There is no such approver of this workspace."""


class RemovalNotAllowed(Forbidden):
    """Only an admin removes another approver."""

    hint = "have an admin remove them"


class EnrolmentAsked(Value, frozen=True):
    """Event: a person asked to vote in a workspace. `public_key` and `proof` are base64."""

    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    public_key: bytes
    proof: bytes
    challenge: HexDigest
    groups: list[GroupName]
    expires_at: datetime


class EnrolmentSeconded(Value, frozen=True):
    """Event: an approver signed for some groups of an enrolment; others are missing still.

    `envelope` is base64.
    """

    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    seconded_by: ActorId
    envelope: bytes
    groups: list[GroupName]


class EnrolmentConfirmed(Value, frozen=True):
    """Event: an approver signed that a person may vote in a workspace, and nobody is missing.

    `envelope` is base64; `groups` are all that the key is let in to.
    """

    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    confirmed_by: ActorId
    envelope: bytes
    groups: list[GroupName]
    counts_from: datetime


class EnrolmentDeclined(Value, frozen=True):
    """Event: an approver signed that a person may not. `envelope` is base64."""

    enrolment_id: EnrolmentId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    declined_by: ActorId
    envelope: bytes


class ApproverRemoved(Value, frozen=True):
    """Event: a person's votes in a workspace count no more, by any key let in so far."""

    workspace_id: WorkspaceId
    actor_id: ActorId
    reason: str
