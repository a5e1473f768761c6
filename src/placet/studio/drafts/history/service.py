"""The history of a draft, each with one query beside the draft's own."""

from uuid import UUID

from placet.storage.database import Reading
from placet.studio.drafts import rules as draft_rules
from placet.studio.drafts import store
from placet.studio.drafts.history import rules
from placet.studio.drafts.history.model import BlameAnswer, CommentsAnswer


async def show_blame(tx: Reading, draft_id: UUID) -> BlameAnswer:
    """Return who set each rule of a draft. Refuses `draft_not_found`."""
    draft = await store.get_draft(tx, draft_id)
    agent = draft_rules.agent_of(draft.contract_json)
    history = await store.list_history(tx, draft)
    return BlameAnswer(
        draft_id=draft.draft_id,
        version=draft.current_version,
        rules=rules.blame_rules(draft_rules.empty_document(agent), history),
    )


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
