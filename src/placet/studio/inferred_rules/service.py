"""Looking at the sources of a draft, keeping what they suggest, and deciding on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.foreign import Json
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.studio.draft_sources import rules as span_rules
from placet.studio.draft_sources import service as draft_sources
from placet.studio.drafts import rules as draft_rules
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.drafts.grounds.model import AcceptInferredRule, RejectInferredRule
from placet.studio.drafts.model import BusinessDraft
from placet.studio.inferred_rules import rules, store
from placet.studio.inferred_rules.model import (
    BYTES_MAX,
    CALLS_MAX,
    InferenceBusy,
    Inferred,
    InferredRule,
    InferredRuleAnswer,
    InferredRuleId,
    InferRules,
    Proposal,
    RulesInferred,
)
from placet.studio.sources import rules as source_rules
from placet.studio.sources import store as sources
from placet.studio.sources.calls import declared_tools, observed_calls
from placet.studio.sources.model import CountedSource, SourcePart
from placet.studio.workspaces import service as workspaces

WAIT_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 5


class Suggested(Value, frozen=True):
    """What the sources of a draft suggest at a version."""

    draft: BusinessDraft
    source_snapshot_hash: str
    proposals: list[Proposal]
    calls: int
    is_partial: bool


class Inferences:
    """The one place of this process in which the sources of a draft are looked at."""

    def __init__(self) -> None:
        """Hold the place free."""
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take the place, and give it back. Refuses `inference_busy` after waiting a while."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._place.acquire()
        except TimeoutError as fault:
            raise InferenceBusy(
                detail="the sources of another draft are being looked at; nothing was stored",
                retry_after_seconds=RETRY_SECONDS,
            ) from fault
        try:
            yield
        finally:
            self._place.release()


class Looked(Value, frozen=True):
    """The sources of a draft as they were read: each with its parts and content."""

    draft: BusinessDraft
    counted: list[CountedSource]
    read: list[tuple[CountedSource, list[SourcePart], bytes]]
    is_partial: bool


async def look(tx: Reading, draft_id: UUID) -> Looked:
    """Read the sources of a draft, the first `BYTES_MAX` of them. Refuses `draft_not_found`."""
    draft = await drafts.get_draft(tx, draft_id)
    counted = (await draft_sources.read_standing(tx, draft)).counted()
    read: list[tuple[CountedSource, list[SourcePart], bytes]] = []
    left = BYTES_MAX
    for source in counted:
        about = await sources.get_source(tx, source.source_id, draft.workspace_id)
        left -= about.content_bytes
        if left < 0:
            break
        read.append((source, about.parts, await sources.get_content(tx, source.source_id)))
    return Looked(draft=draft, counted=counted, read=read, is_partial=len(read) < len(counted))


async def suggest(looked: Looked) -> Suggested:
    """Return what the sources suggest. No transaction may be open: this takes its time."""
    return await asyncio.to_thread(_suggested, looked)


async def keep(tx: Writing, suggested: Suggested, asked: InferRules, ids: Ids) -> Inferred:
    """Keep what was not proposed from these sources before.

    Refuses `draft_closed`, and `draft_version_conflict` for another version than the expected one.
    """
    draft = await drafts.get_draft(tx, suggested.draft.draft_id)
    draft_service.check_expected(draft, asked.expected_draft_version)
    draft_service.check_expected(draft, suggested.draft.current_version)
    now = await tx.now()
    added = 0
    for proposal in suggested.proposals:
        rule = InferredRule(
            tenant_id=tx.tenant_id,
            inferred_rule_id=InferredRuleId(ids.new()),
            workspace_id=draft.workspace_id,
            source_snapshot_hash=suggested.source_snapshot_hash,
            rule_hash=rules.hash_rule(proposal),
            kind=proposal.kind,
            tool=proposal.tool,
            path=proposal.path,
            proposal_json=proposal.proposal_json,
            basis=proposal.basis,
            sample_size=proposal.sample_size,
            spans=proposal.spans,
            inferred_by=tx.actor_id,
            inferred_at=now,
        )
        added += await store.insert_rule(tx, rule)
    inferred = Inferred(
        draft_id=draft.draft_id,
        version=draft.current_version,
        source_snapshot_hash=suggested.source_snapshot_hash,
        calls=suggested.calls,
        rules=len(suggested.proposals),
        rules_new=added,
        is_partial=suggested.is_partial,
    )
    await workspaces.tell(tx, draft.workspace_id, [_told(inferred)], ids)
    return inferred


async def list_rules(
    tx: Reading, draft_id: UUID, *, after: UUID | None, limit: int
) -> list[InferredRuleAnswer]:
    """Return up to `limit` proposals from the sources that a draft counts, with what was decided.

    Refuses `draft_not_found`.
    """
    draft = await drafts.get_draft(tx, draft_id)
    standing = await draft_sources.read_standing(tx, draft)
    from_these = source_rules.source_snapshot_hash(standing.counted())
    found = await store.list_rules(tx, draft.workspace_id, from_these, after=after, limit=limit)
    return [
        InferredRuleAnswer(
            inferred_rule_id=rule.inferred_rule_id,
            workspace_id=rule.workspace_id,
            source_snapshot_hash=rule.source_snapshot_hash,
            rule_hash=rule.rule_hash,
            kind=rule.kind,
            tool=rule.tool,
            path=rule.path,
            proposal=msgspec.Raw(rule.proposal_json),
            basis=rule.basis,
            sample_size=rule.sample_size,
            spans=rule.spans,
            inferred_by=rule.inferred_by,
            inferred_at=rule.inferred_at,
            ruling=standing.rulings.get(rule.rule_hash),
        )
        for rule in found
    ]


async def ruling_fields(
    tx: Reading, draft: BusinessDraft, command: AcceptInferredRule | RejectInferredRule
) -> dict[str, Json]:
    """Return what a command on a proposal is kept with.

    Refuses `inferred_rule_not_found` and `contract_invalid`.
    """
    rule = await store.get_rule(tx, command.inferred_rule_id, draft.workspace_id)
    fields: dict[str, Json] = {
        "rule_hash": rule.rule_hash,
        "sample_size": rule.sample_size,
        "sources": span_rules.kept(rule.spans),
    }
    if isinstance(command, RejectInferredRule):
        return fields
    rules.check_sources(rule, (await draft_sources.read_standing(tx, draft)).counted())
    agent = draft_rules.agent_of(draft.contract_json)
    tool = rules.accept(draft.contract_json, agent, rule, command.side_effect)
    return {**fields, "tool": tool}


def _suggested(looked: Looked) -> Suggested:
    materials: dict[str, rules.Material] = {}
    left = CALLS_MAX
    is_partial = looked.is_partial
    for source, parts, content in looked.read:
        calls, are_more = rules.first_calls(observed_calls(content, parts), left)
        is_partial = is_partial or are_more
        rules.gather(materials, source, parts, calls, declared_tools(content, parts))
        left -= len(calls)
    return Suggested(
        draft=looked.draft,
        source_snapshot_hash=source_rules.source_snapshot_hash(looked.counted),
        proposals=rules.propose(looked.draft.contract_json, materials),
        calls=CALLS_MAX - left,
        is_partial=is_partial,
    )


def _told(inferred: Inferred) -> RulesInferred:
    return RulesInferred(
        draft_id=inferred.draft_id,
        version=inferred.version,
        source_snapshot_hash=inferred.source_snapshot_hash,
        calls=inferred.calls,
        rules=inferred.rules,
        rules_new=inferred.rules_new,
    )
