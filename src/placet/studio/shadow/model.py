"""A shadow, its cursors and counts, and what is said of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, NotFound
from placet.kernel.value import Value
from placet.replay.calls.model import Verdict
from placet.studio.impact.model import Example
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import WorkspaceId

ShadowId = NewType("ShadowId", UUID)

DAYS_MAX: Final = 30
CALLS_MAX: Final = 2_000
"""Calls of one session that are judged."""

TOOLS_MAX: Final = 200
"""Tools that a shadow counts by name."""

OTHER_TOOLS: Final = "(other tools)"
"""Where calls of further tools are counted."""

LATE_START: Final = timedelta(minutes=1)
"""How long a session's opening may take to be seen."""


class ShadowStatus(StrEnum):
    """Whether a shadow still counts."""

    RUNNING = "running"
    ENDED = "ended"


class ShadowEnd(StrEnum):
    """Why a shadow ended."""

    STOPPED = "stopped"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    ABANDONED = "abandoned"
    RAN_OUT = "ran_out"


class Shadow(Value, frozen=True):
    """A snapshot beside what was in force when it began. Hashes are hex."""

    tenant_id: TenantId
    shadow_id: ShadowId
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    agent: str
    environment: Environment
    candidate_hash: HexDigest
    approval_id: UUID
    artifact_id: UUID
    artifact_hash: HexDigest
    status: ShadowStatus
    ended_why: ShadowEnd | None
    started_by: ActorId
    started_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    left_out: int


class ShadowCursor(Value, frozen=True):
    """How far a shadow has followed a session: the sequence of the last event it has looked at."""

    tenant_id: TenantId
    shadow_id: ShadowId
    session_id: UUID
    seq: int


class ShadowTally(Value, frozen=True):
    """So many calls of one tool with these two verdicts, and the first of them.

    `unjudged`: they cannot be compared, for want of a fact that no recording has.
    """

    tenant_id: TenantId
    shadow_id: ShadowId
    tool: str
    before: Verdict
    after: Verdict
    unjudged: bool
    calls: int
    example: Example


class TallyLine(Value, frozen=True):
    """A tally as it is shown."""

    tool: str
    before: Verdict
    after: Verdict
    unjudged: bool
    calls: int
    example: Example


class Behind(Value, frozen=True):
    """A session with events that a shadow has not looked at: from `seq` on, up to `last_seq`."""

    session_id: UUID
    seq: int
    last_seq: int


class Lag(Value, frozen=True):
    """How far a shadow is behind: sessions, their events, and the age of the oldest in seconds."""

    sessions: int
    events: int
    seconds: int


class ShadowCounts(Value, frozen=True):
    """All calls that a shadow has counted: `agreed`, `disagreed` and `unjudged` add up to them."""

    calls: int
    agreed: int
    disagreed: int
    unjudged: int
    left_out: int


class ShadowAnswer(Value, frozen=True):
    """A shadow as it is shown, with its lag while it runs; what disagrees stands first."""

    shadow_id: ShadowId
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    agent: str
    environment: Environment
    candidate_hash: HexDigest
    approval_id: UUID
    artifact_hash: HexDigest
    status: ShadowStatus
    ended_why: ShadowEnd | None
    started_by: ActorId
    started_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    counts: ShadowCounts
    tallies: list[TallyLine]
    lag: Lag | None


class ShadowNotFound(NotFound):
    """There is no shadow of this snapshot."""

    hint = "start one by POST on the same path"


class NothingInForce(Conflict):
    """Nothing is in force that a candidate could stand beside."""

    hint = "look at the impact preview instead, or have a contract approved first"


class ShadowStarted(Value, frozen=True):
    """Event: a candidate was put beside the artifact in force; nothing is enforced by it."""

    shadow_id: ShadowId
    snapshot_id: SnapshotId
    candidate_hash: HexDigest
    approval_id: UUID
    artifact_hash: HexDigest
    ends_at: datetime


class ShadowEnded(Value, frozen=True):
    """Event: a shadow ended, with what it had counted."""

    shadow_id: ShadowId
    snapshot_id: SnapshotId
    candidate_hash: HexDigest
    why: ShadowEnd
    counts: ShadowCounts
