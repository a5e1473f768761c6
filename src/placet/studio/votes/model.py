"""A vote, what it is judged by, and what is said about it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.value import Input, Value
from placet.studio.drafts.model import BusinessDraft
from placet.studio.requests.model import ApprovalRequest, RequestId, RequestStatus
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces.model import (
    GovernanceWorkspace,
    GroupMember,
    GroupName,
    KeyStanding,
    WorkspaceId,
    WorkspaceKey,
)

REASON_MAX: Final = 2_000


class SigningPlace(StrEnum):
    """Where a vote was signed, as the program that handed it in says of itself.

    Only one that was signed `local` was made over a contract that the voter's own machine compiled
    and compared. Nothing proves it, and no vote counts for more because of it.
    """

    API = "api"
    PAGE = "page"
    LOCAL = "local"


class ApprovalVote(Value, frozen=True):
    """One person's signed word on a request. `envelope` is its JSON."""

    tenant_id: TenantId
    request_id: RequestId
    voter_id: ActorId
    vote_id: UUID
    decision: VoteDecision
    key_id: HexDigest
    envelope: bytes
    reason: str | None
    voted_at: datetime
    signed_in: SigningPlace


class CastVote(Input, frozen=True):
    """Hand in a signed vote. `envelope` is the DSSE envelope as JSON."""

    envelope: msgspec.Raw
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)] | None = None
    signed_in: SigningPlace = SigningPlace.API


class Ballot(Value, frozen=True):
    """Everything that a vote is judged by, as it is while the request is held.

    `authors` wrote what it asks for; `votes` are the earlier ones, those included that count no
    more; `keys` are those that were let in to the workspace, by their ids, and whether each counts;
    `members` tells for which groups.
    """

    request: ApprovalRequest
    workspace: GovernanceWorkspace
    draft: BusinessDraft
    snapshot: BusinessDraftSnapshot
    votes: list[ApprovalVote]
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]]
    members: list[GroupMember]
    authors: frozenset[ActorId]
    voter_id: ActorId
    is_approver: bool
    now: datetime


class CountedVote(Value, frozen=True):
    """A vote as others see it."""

    voter_id: ActorId
    key_id: HexDigest
    decision: VoteDecision
    reason: str | None
    voted_at: datetime
    signed_in: SigningPlace


class GroupTally(Value, frozen=True):
    """How many distinct people of a group approve, and how many it takes."""

    name: GroupName
    approvals: int
    quorum: int


class Tally(Value, frozen=True):
    """How many distinct people approve whose votes count, and how many it takes.

    The request is granted once all of it is met: `quorum`, and that of each group.
    """

    approvals: int
    quorum: int
    groups: list[GroupTally]

    @property
    def is_met(self) -> bool:
        """Tell whether nothing is missing."""
        return self.approvals >= self.quorum and all(
            group.approvals >= group.quorum for group in self.groups
        )


class VoteList(Value, frozen=True):
    """The votes on a request so far, in the order in which they were cast.

    `tally` is what they come to now; votes whose keys count no more are not in it.
    """

    votes: list[CountedVote]
    tally: Tally


class VoteAnswer(Value, frozen=True):
    """What became of a vote, and of the request with it."""

    vote_id: UUID
    request_id: RequestId
    status: RequestStatus
    approvals: int
    quorum: int
    groups: list[GroupTally]
    approval_id: UUID | None
    compiled_hash: HexDigest | None


class VoteCast(Value, frozen=True):
    """Event: somebody signed a vote. `envelope` is base64.

    The reason, and where it was signed, are no part of it.
    """

    vote_id: UUID
    workspace_id: WorkspaceId
    request_id: RequestId
    voter_id: ActorId
    key_id: HexDigest
    decision: VoteDecision
    envelope: bytes
    reason: str | None
    signed_in: SigningPlace
