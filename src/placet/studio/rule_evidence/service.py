"""Counting what speaks for each rule of an approval."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.authority.model import CompiledGovernanceArtifact
from placet.kernel.value import Value
from placet.replay.observed.model import DecidedCalls, ToolCalls
from placet.storage.database import Reading, Writing
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import GovernanceApproval
from placet.studio.rule_evidence import captures, rules, store
from placet.studio.rule_evidence.model import (
    CapturedCalls,
    EvidenceAnswer,
    EvidenceEntry,
    EvidenceSource,
    GovernedRule,
    RuleCount,
)
from placet.studio.sources import store as sources
from placet.studio.sources.model import SourceKind, SourcePart

SOURCES_MAX: Final = 5
"""Sources whose captured calls are counted at once; the others come next time."""


class Capture(Value, frozen=True):
    """A source with captured calls that an approval was not compared with yet."""

    source_id: UUID
    content: bytes
    parts: list[SourcePart]
    added_at: datetime


class JudgedCapture(Value, frozen=True):
    """What a contract says of the captured calls of a source."""

    source_id: UUID
    calls: list[CapturedCalls]


class Observed(Value, frozen=True):
    """What calls came to since the last look, and captured calls that were judged."""

    decided: list[DecidedCalls]
    succeeded: list[ToolCalls]
    judged: list[JudgedCapture]


async def read_captures(tx: Reading, approval: GovernanceApproval) -> list[Capture]:
    """Return observed runs of the workspace that were not counted yet, at most `SOURCES_MAX`."""
    done = await store.list_counted(tx, approval.approval_id)
    found = [
        source
        for source in await sources.list_counted(tx, approval.workspace_id)
        if source.kind is SourceKind.OBSERVED_RUNS and source.source_id not in done
    ]
    captured = []
    for counted in found[:SOURCES_MAX]:
        source = await sources.get_source(tx, counted.source_id)
        content = await sources.get_content(tx, counted.source_id)
        captured.append(
            Capture(
                source_id=source.source_id,
                content=content,
                parts=source.parts,
                added_at=source.added_at,
            )
        )
    return captured


def judge_capture(capture: Capture, artifact: CompiledGovernanceArtifact) -> JudgedCapture:
    """Return what an artifact says of the captured calls of a source. Blocking."""
    calls = captures.captured_calls(capture.content, capture.parts)
    runtime = artifact.runtime_projection_json
    return JudgedCapture(
        source_id=capture.source_id,
        calls=captures.judge_captures(calls, runtime, capture.added_at),
    )


async def add_evidence(
    tx: Writing,
    approval: GovernanceApproval,
    governed: Sequence[GovernedRule],
    seen: Observed,
) -> tuple[list[EvidenceEntry], int]:
    """Count what was found about the rules of an approval.

    Returns all of its evidence, and how many sources were counted: calls are counted as they are
    given, a source that somebody else counted meanwhile is left out.
    """
    captured: list[CapturedCalls] = []
    sources_counted = 0
    for capture in seen.judged:
        source = EvidenceSource(
            tenant_id=tx.tenant_id,
            approval_id=approval.approval_id,
            source_id=capture.source_id,
            counted_at=await tx.now(),
        )
        if await store.insert_source(tx, source):
            captured += capture.calls
            sources_counted += 1
    known = {entry.rule for entry in await store.list_entries(tx, approval.approval_id)}
    counts = rules.weigh(governed, seen.decided, seen.succeeded, captured)
    fresh = [
        _entry(approval, rule, count)
        for rule, count in zip(governed, counts, strict=True)
        if count.last_at is not None or rule.rule not in known
    ]
    await store.add_counts(tx, fresh)
    return await store.list_entries(tx, approval.approval_id), sources_counted


async def show_evidence(
    tx: Reading, approval_id: UUID, *, after: str | None, limit: int
) -> list[EvidenceAnswer]:
    """Return up to `limit` entries of an approval by rule, as fresh as they are now.

    Refuses `approval_not_found`.
    """
    approval = await approvals.get_approval(tx, approval_id)
    found = await store.list_entries(tx, approval.approval_id, after=after, limit=limit)
    now = await tx.now()
    return [rules.answer_of(entry, now) for entry in found]


def _entry(approval: GovernanceApproval, rule: GovernedRule, count: RuleCount) -> EvidenceEntry:
    return EvidenceEntry(
        tenant_id=approval.tenant_id,
        approval_id=approval.approval_id,
        rule=rule.rule,
        workspace_id=approval.workspace_id,
        tool=rule.tool,
        family=rule.family,
        support_count=count.support,
        contradiction_count=count.contradictions,
        last_observed_at=count.last_at,
    )
