"""What becomes of material on its way into a workspace."""

import asyncio
from uuid import UUID

import pytest
from tests.studio.story import Story

from placet.events.model import StreamId
from placet.events.store import list_events
from placet.studio.sources import rules, service, store
from placet.studio.sources.model import (
    AddSource,
    ContentEncoding,
    IngestionStatus,
    PartKind,
    Provenance,
    SecurityStatus,
    SourceKind,
    SourceMedia,
    SourceNotFound,
    SourceSummary,
)
from placet.studio.workspaces.model import WorkspaceNotFound

SECRET = "hunter2-Correct"  # noqa: S105 -- what must not be kept
NOTE = f"Refund within 30 days.\n\nThe desk's password: {SECRET}\nAsk ada@example.org."


def note(content: str = NOTE, **fields: object) -> AddSource:
    """Return a manual note, or what the fields make of it."""
    given: dict[str, object] = {
        "kind": SourceKind.MANUAL_NOTE,
        "title": "Refunds",
        "media_type": SourceMedia.TEXT,
        "content": content,
        "provenance": Provenance(origin="the refund team"),
    }
    return AddSource(**(given | fields))  # type: ignore[arg-type]  # fields of the Struct by name


async def added(story: Story, workspace_id: UUID, asked: AddSource) -> tuple[SourceSummary, bool]:
    """Add a source in a transaction of its own."""
    material = await service.examine(asked)
    async with story.db.writing(story.founder) as tx:
        return await service.add_source(tx, workspace_id, material, story.ids)


async def test_a_source_is_kept_without_its_secrets_and_told_in_the_workspaces_stream(
    story: Story,
) -> None:
    workspace = await story.workspace()
    source, is_new = await added(story, workspace.workspace_id, note())
    async with story.db.reading(story.founder) as tx:
        kept = await store.get_source(tx, source.source_id)
        content = await store.get_content(tx, source.source_id)
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=20)
    assert is_new
    assert content == (
        b"Refund within 30 days.\n\nThe desk's password: [redacted:password]\nAsk [redacted:email]."
    )
    assert (kept.security_status, kept.ingestion_status) == (
        SecurityStatus.REDACTED,
        IngestionStatus.INDEXED,
    )
    assert [(finding.line, finding.column) for finding in kept.findings] == [(3, 22), (4, 5)]
    assert [part.kind for part in kept.parts] == [PartKind.PARAGRAPH] * 2
    assert (kept.part_count, kept.content_bytes) == (2, len(content))
    assert events[-1].type == "SourceAdded"
    assert str(source.content_hash).encode() in (events[-1].body or b"")


async def test_the_same_content_again_is_the_first_source_and_says_nothing_new(
    story: Story,
) -> None:
    workspace = await story.workspace()
    first, _ = await added(story, workspace.workspace_id, note())
    again, is_new = await added(story, workspace.workspace_id, note(title="Another title"))
    assert (again, is_new) == (first, False)
    other, is_other_new = await added(
        story, workspace.workspace_id, note(kind=SourceKind.PASTED_RULES)
    )
    assert is_other_new
    assert other.source_id != first.source_id
    async with story.db.reading(story.founder) as tx:
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=20)
    assert [event.type for event in events].count("SourceAdded") == 2


async def test_of_many_who_add_the_same_at_once_one_adds_it(story: Story) -> None:
    workspace = await story.workspace()
    answers = await asyncio.gather(
        *(added(story, workspace.workspace_id, note()) for _ in range(6))
    )
    assert sum(is_new for _, is_new in answers) == 1
    assert len({source.source_id for source, _ in answers}) == 1
    async with story.db.reading(story.founder) as tx:
        found = await store.list_sources(tx, workspace.workspace_id, after=None, limit=10)
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=20)
    assert len(found) == 1
    assert [event.type for event in events].count("SourceAdded") == 1


async def test_nothing_is_kept_of_what_is_quarantined_and_each_is_kept_apart(
    story: Story,
) -> None:
    workspace = await story.workspace()
    key = note("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n", title="The key")
    first, _ = await added(story, workspace.workspace_id, key)
    second, is_new = await added(story, workspace.workspace_id, key)
    assert is_new
    assert first.source_id != second.source_id
    async with story.db.reading(story.founder) as tx:
        assert await store.get_content(tx, first.source_id) == b""
        assert await store.list_counted(tx, workspace.workspace_id) == []
    assert first.content_hash is None
    assert first.ingestion_status is IngestionStatus.RECEIVED


async def test_only_indexed_sources_count_and_their_order_does_not_matter(story: Story) -> None:
    workspace = await story.workspace()
    await added(story, workspace.workspace_id, note())
    await added(story, workspace.workspace_id, note("{", media_type=SourceMedia.JSON))
    await added(story, workspace.workspace_id, note("AAA=", encoding=ContentEncoding.BASE64))
    await added(story, workspace.workspace_id, note("# Rules\n", media_type=SourceMedia.MARKDOWN))
    async with story.db.reading(story.founder) as tx:
        counted = await store.list_counted(tx, workspace.workspace_id)
    assert [source.media_type for source in counted] == [SourceMedia.TEXT, SourceMedia.MARKDOWN]
    whole = rules.source_snapshot_hash(counted)
    assert rules.source_snapshot_hash(counted[::-1]) == whole
    assert rules.source_snapshot_hash(counted[:1]) != whole


async def test_a_source_that_cannot_be_read_is_kept_with_the_reason(story: Story) -> None:
    workspace = await story.workspace()
    asked = note('{"a": 1,\n"b": }', media_type=SourceMedia.JSON)
    source, _ = await added(story, workspace.workspace_id, asked)
    assert source.ingestion_status is IngestionStatus.FAILED
    assert (source.failure, source.failure_line) == ("the text is not JSON", 2)


async def test_another_tenants_or_workspaces_source_is_none(story: Story, other: Story) -> None:
    workspace = await story.workspace()
    elsewhere = await story.workspace(agent="elsewhere")
    source, _ = await added(story, workspace.workspace_id, note())
    with pytest.raises(WorkspaceNotFound):
        await added(other, workspace.workspace_id, note())
    async with other.db.reading(other.founder) as tx:
        with pytest.raises(SourceNotFound):
            await store.get_source(tx, source.source_id)
        with pytest.raises(SourceNotFound):
            await store.get_content(tx, source.source_id)
        with pytest.raises(WorkspaceNotFound):
            await service.list_sources(tx, workspace.workspace_id, after=None, limit=1)
    async with story.db.reading(story.founder) as tx:
        assert await store.get_source(tx, source.source_id, workspace.workspace_id)
        with pytest.raises(SourceNotFound):
            await store.get_source(tx, source.source_id, elsewhere.workspace_id)
