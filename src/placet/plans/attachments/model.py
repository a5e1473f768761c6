"""Reports of an agent's processes, and the list that is made of them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.value import Input, Value
from placet.plans.inventory.model import TOOLS_MAX, OfferedTool
from placet.plans.model import PlanStatus

INSTANCES_MAX: Final = 1_000
SILENT_SECONDS: Final = 900
"""After three reports that did not come an instance is shown as silent."""

InstanceId = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}(?!\n)$", min_length=1, max_length=128)
]
"""The name that a process chose for itself: another for every process."""


class AttachmentStatus(StrEnum):
    """How far a process has come with its plan."""

    ATTACHED = "attached"
    NO_PLAN = "no_plan"
    FETCH_FAILED = "fetch_failed"
    ARTIFACT_INVALID = "artifact_invalid"
    ATTACHMENT_FAILED = "attachment_failed"


class ReportAttachment(Input, frozen=True):
    """What a process says of itself.

    `compiled_hash` is what it runs under. `reason` is the code of the refusal that kept it from
    attaching. `tools` is everything that it offers to its model; left out, it says nothing of them.
    """

    instance_id: InstanceId
    status: AttachmentStatus
    sdk_version: Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,100}(?!\n)$", max_length=100)]
    compiled_hash: HexDigest | None = None
    reason: (
        Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}(?!\n)$", max_length=64)] | None
    ) = None
    tools: Annotated[list[OfferedTool], msgspec.Meta(max_length=TOOLS_MAX)] | None = None


class Attachment(Value, frozen=True):
    """The last report of one instance. `since` is the time of the first of those like it."""

    tenant_id: TenantId
    agent: str
    environment: Environment
    instance_id: str
    status: AttachmentStatus
    compiled_hash: HexDigest | None
    reason: str | None
    sdk_version: str
    tool_count: int | None
    reported_by: ActorId
    since: datetime
    first_seen_at: datetime
    last_seen_at: datetime


class AttachmentNoted(Value, frozen=True):
    """The answer to a report: what is in force, and whether the instance runs it."""

    instance_id: str
    status: AttachmentStatus
    is_converged: bool
    plan_status: PlanStatus | None
    plan_version: int | None
    compiled_hash: HexDigest | None
    last_seen_at: datetime


class AttachmentQuery(Input, frozen=True):
    """Whose instances are listed, how many, and from where."""

    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    environment: Environment
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


class AttachmentView(Value, frozen=True):
    """One instance, as the list shows it.

    `is_converged` compares it with what is in force now; `is_silent` says that it has not reported
    for 15 minutes, so that what it runs now is not known.
    """

    instance_id: str
    status: AttachmentStatus
    compiled_hash: HexDigest | None
    reason: str | None
    sdk_version: str
    tool_count: int | None
    is_converged: bool
    is_silent: bool
    since: datetime
    first_seen_at: datetime
    last_seen_at: datetime


class AttachmentCounts(Value, frozen=True):
    """How many instances there are over all pages, silent ones included, and of what sort."""

    instances: int
    converged: int
    silent: int


class AttachmentPage(Value, frozen=True):
    """Who runs what: what is in force, how many run it, and a page of the instances."""

    plan_status: PlanStatus
    plan_version: int
    compiled_hash: HexDigest | None
    counts: AttachmentCounts
    items: list[AttachmentView]
    next_cursor: str | None = None
