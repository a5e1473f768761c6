"""The history of a draft."""

import asyncio
from uuid import UUID

import msgspec

from placet.storage.database import Reading
from placet.studio.drafts import rules as draft_rules
from placet.studio.drafts import store
from placet.studio.drafts.history import rules
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer
from placet.studio.drafts.lists.model import CommandAnswer
from placet.studio.drafts.model import BusinessDraft


async def show_blame(tx: Reading, draft_id: UUID) -> BlameAnswer:
    """Return who set each rule of a draft. Refuses `draft_not_found`."""
    draft = await store.get_draft(tx, draft_id)
    agent = draft_rules.agent_of(draft.contract_json)
    history = await store.list_history(tx, draft)
    # A long history of large contracts takes long to replay, and others wait for the loop.
    blamed = await asyncio.to_thread(rules.blame_rules, draft_rules.empty_document(agent), history)
    return BlameAnswer(draft_id=draft.draft_id, version=draft.current_version, rules=blamed)


async def show_comments(tx: Reading, draft_id: UUID, place: str | None) -> CommentsAnswer:
    """Return what was said about a draft and its rules, or one. Refuses `draft_not_found`."""
    draft = await store.get_draft(tx, draft_id)
    history = await store.list_history(tx, draft)
    told = rules.tell_comments(draft.contract_json, history)
    return CommentsAnswer(
        draft_id=draft.draft_id,
        version=draft.current_version,
        comments=[comment for comment in told if place in {None, comment.place}],
    )


async def show_command(tx: Reading, draft_id: UUID, version: int) -> CommandAnswer:
    """Return the command that made a version. Refuses `draft_not_found`, `command_not_found`."""
    draft = await store.get_draft(tx, draft_id)
    command = await store.get_command(tx, draft_id, version)
    before = await _head_before(tx, draft, version)
    return CommandAnswer(
        workspace_id=draft.workspace_id,
        draft_id=command.draft_id,
        version=command.version,
        command_id=command.command_id,
        command_type=command.command_type,
        origin=command.origin,
        actor_id=command.actor_id,
        applied_at=command.applied_at,
        payload=msgspec.Raw(command.payload_json),
        previous_hash=before.hex(),
        chain_hash=command.chain_hash.hex(),
    )


async def _head_before(tx: Reading, draft: BusinessDraft, version: int) -> bytes:
    """Return the head of the chain before a version: that of the one before, or the parent's."""
    if version > 1:
        return (await store.get_command(tx, draft.draft_id, version - 1)).chain_hash
    if draft.parent_draft_id is None:
        return draft_rules.NO_HISTORY
    return (await store.get_draft(tx, draft.parent_draft_id)).command_head
