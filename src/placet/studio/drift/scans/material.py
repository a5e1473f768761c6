"""What a scan compares with an approval beside its calls: read, and prepared outside of it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, cast
from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.authority.model import CompiledGovernanceArtifact
from placet.kernel import foreign
from placet.kernel.clock import Clock
from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import InventoryTool
from placet.policy.model import Ruling
from placet.policy.projection import RuntimeProjection
from placet.storage.database import Reading
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift import store as items
from placet.studio.drift.model import DriftItem, ToolChange
from placet.studio.drift.scans import tool_drift, tools
from placet.studio.drift.scans.listed import NotListedError, listed_tools
from placet.studio.drift.scans.model import (
    ApprovedTool,
    Difference,
    NothingToScan,
    SeenTool,
)
from placet.studio.rule_evidence import service as evidence
from placet.studio.rule_evidence.service import Capture, JudgedCapture
from placet.studio.sources import store as sources
from placet.studio.sources.model import SecurityStatus, SourceKind, SourceMedia, SourcePart
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import WorkspaceStatus

TOOL_LISTS_MAX: Final = 5
"""Sources that list tools which a scan looks at, the last ones."""

COMPARING_SECONDS: Final = 15.0
"""How long a scan goes on beginning to judge captures, to read lists and to compare schemas.

One of these takes a second or two. The time begins when the thread does.
"""

_LISTS: Final = frozenset({SourceMedia.JSON, SourceMedia.YAML})
DUE: Final = ThreadPoolExecutor(1, thread_name_prefix="drift-due")
ASKED: Final = ThreadPoolExecutor(1, thread_name_prefix="drift-asked")
"""Where scans compare, one after the other: those that are due wait for none that is asked for."""


class ToolList(Value, frozen=True):
    """A source that lists tools."""

    content: bytes
    parts: list[SourcePart]
    media: SourceMedia
    is_redacted: bool
    added_at: datetime


class Material(Value, frozen=True):
    """What a scan compares with an approval beside its calls, as it was read."""

    approval: GovernanceApproval
    artifact: CompiledGovernanceArtifact
    offered: list[InventoryTool]
    listed: list[ToolList]
    captures: list[Capture]
    classified: dict[str, ToolChange]
    live: list[DriftItem]


class Compared(Value, frozen=True):
    """What came of comparing tools, and the versions for which there was no time."""

    new: list[SeenTool]
    changed: list[Difference]
    not_compared: list[SeenTool]
    tool_count: int


class Prepared(Value, frozen=True):
    """What takes its time, done before the transaction of a scan: tools and captured calls.

    `tools` is None where the lists of tools could not be read in time: what was known at the
    approval is not known then, and nothing can be compared with it.
    """

    approval: GovernanceApproval
    artifact: CompiledGovernanceArtifact
    approved: dict[str, ApprovedTool]
    unmatched: Ruling
    tools: Compared | None
    judged: list[JudgedCapture]


async def read_material(tx: Reading, workspace_id: UUID) -> Material:
    """Return what a scan of a workspace needs.

    Refuses `workspace_not_found` and `nothing_to_scan`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    is_active = workspace.status is WorkspaceStatus.ACTIVE
    if not is_active or workspace.active_approval_id is None:
        raise NothingToScan(detail="the workspace has no approval in force")
    approval = await approvals.get_approval(tx, workspace.active_approval_id)
    return Material(
        approval=approval,
        artifact=await authority.get_artifact(tx, approval.artifact_id),
        offered=await inventory.list_inventory(tx, workspace.agent, workspace.environment),
        listed=await _lists(tx, workspace.workspace_id),
        captures=await evidence.read_captures(tx, approval),
        classified=await items.list_changes(tx, approval.approval_id),
        live=[
            item
            for item in await items.list_live(tx, workspace.workspace_id)
            if item.approval_id == approval.approval_id
        ],
    )


async def _lists(tx: Reading, workspace_id: UUID) -> list[ToolList]:
    """Return the sources of a workspace that list tools, the last `TOOL_LISTS_MAX` of them."""
    listing = [
        source.source_id
        for source in await sources.list_counted(tx, workspace_id)
        if source.kind is SourceKind.TOOL_SCHEMAS and source.media_type in _LISTS
    ]
    found = []
    for source_id in listing[-TOOL_LISTS_MAX:]:
        source = await sources.get_source(tx, source_id)
        found.append(
            ToolList(
                content=await sources.get_content(tx, source_id),
                parts=source.parts,
                media=source.media_type,
                is_redacted=source.security_status is SecurityStatus.REDACTED,
                added_at=source.added_at,
            )
        )
    return found


async def prepare(material: Material, clock: Clock, thread: ThreadPoolExecutor) -> Prepared:
    """Compare tools and judge captured calls. No transaction may be open: this takes its time.

    It is done in `thread`, `DUE` or `ASKED`. `clock` tells when nothing further may begin there.
    What is left then is told, or is there for the next scan.
    """
    work = partial(_prepared, material, clock)
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def _prepared(material: Material, clock: Clock) -> Prepared:
    ends = clock.monotonic() + COMPARING_SECONDS

    def is_over() -> bool:
        return clock.monotonic() >= ends

    runtime = foreign.parse(material.artifact.runtime_projection_json)
    projection = msgspec.convert(runtime, RuntimeProjection)
    approved = _approved(projection)
    # Captures come first: each is judged once, whatever an agent says of its tools.
    judged = list(_judged(material, is_over))
    return Prepared(
        approval=material.approval,
        artifact=material.artifact,
        approved=approved,
        unmatched=projection.unmatched_tools,
        tools=_compared(material, approved, is_over),
        judged=judged,
    )


def _judged(material: Material, is_over: Callable[[], bool]) -> Iterator[JudgedCapture]:
    for capture in material.captures:
        if is_over():
            return
        yield evidence.judge_capture(capture, material.artifact)


def _compared(
    material: Material, approved: dict[str, ApprovedTool], is_over: Callable[[], bool]
) -> Compared | None:
    try:
        seen = [*_offered(material.offered), *_listed(material.listed, is_over)]
    except NotListedError:
        return None
    approved_at = material.approval.approved_at
    changed, left = tools.changed_tools(
        list(approved.values()),
        seen,
        approved_at,
        material.classified,
        tools.Comparisons(is_over, tool_drift.full_tools(material.live, approved)),
    )
    return Compared(
        new=tools.new_tools(approved, seen, approved_at),
        changed=changed,
        not_compared=left,
        tool_count=len(seen),
    )


def _approved(projection: RuntimeProjection) -> dict[str, ApprovedTool]:
    return {
        name: ApprovedTool(
            name=name,
            side_effect=tool.side_effect,
            ruling=tool.ruling,
            schema_hash=tool.schema_hash,
            schema=cast("Json", tool.input_schema),
        )
        for name, tool in projection.tools.items()
    }


def _listed(lists: Sequence[ToolList], is_over: Callable[[], bool]) -> Iterator[SeenTool]:
    for source in lists:
        yield from listed_tools(
            source.content,
            source.parts,
            source.media,
            source.added_at,
            is_redacted=source.is_redacted,
            is_over=is_over,
        )


def _offered(offered: Sequence[InventoryTool]) -> list[SeenTool]:
    return [
        SeenTool(
            name=tool.tool,
            description_hash=tool.description_hash,
            schema_hash=tool.schema_hash,
            schema=None if tool.input_schema is None else foreign.parse(tool.input_schema.encode()),
            first_seen_at=tool.first_seen_at,
            last_seen_at=tool.last_seen_at,
        )
        for tool in offered
    ]
