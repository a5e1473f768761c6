"""A draft, frozen: what the snapshot says, and that it always says it."""

import os
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace
from tests.studio.on_loop import watched
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing

from placet.kernel.principal import Environment
from placet.policy.compile import compile_contract
from placet.policy.finding import Finding, Severity
from placet.policy.model import Contract
from placet.studio.drafts.model import Comment, DraftVersionConflict
from placet.studio.judgments.rules import judgments_of
from placet.studio.snapshots import rules, service, store
from placet.studio.snapshots.model import SnapshotStatus
from placet.studio.workspaces import store as workspaces

UNBOUNDED = {key: value for key, value in REFUND.items() if key != "arguments"}


@pytest.mark.parametrize(
    ("tools", "environment", "status"),
    [
        ([LOOKUP, REFUND], Environment.STAGING, SnapshotStatus.READY_FOR_APPROVAL),
        ([LOOKUP, UNBOUNDED], Environment.STAGING, SnapshotStatus.NEEDS_JUDGMENT),
        ([LOOKUP, REFUND], Environment.PRODUCTION, SnapshotStatus.NEEDS_JUDGMENT),
        (
            [LOOKUP | {"forbidden_after": [], "requires": [{"tool": "nobody"}]}],
            Environment.STAGING,
            SnapshotStatus.INVALID,
        ),
    ],
    ids=["ready", "no_upper_bound", "cooperative_in_production", "never_met"],
)
async def test_findings_over_the_whole_contract_decide_the_status(
    story: Story, tools: list[dict[str, Any]], environment: Environment, status: SnapshotStatus
) -> None:
    draft = await story.draft(await story.workspace(environment=environment))
    await story.command(draft, importing(contract(*tools)))
    snapshot = await story.snapshot(draft)
    assert snapshot.status is status, snapshot.findings


async def test_a_draft_without_tools_is_frozen_as_invalid(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    snapshot = await story.snapshot(draft, expected=0)
    assert snapshot.status is SnapshotStatus.INVALID
    assert snapshot.findings


async def test_the_same_version_gives_the_same_snapshot_and_a_new_version_a_new_one(
    story: Story,
) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()))
    first = await story.snapshot(draft)
    assert await story.snapshot(draft) == first
    await story.command(draft, Comment(text="again"), expected=1)
    with pytest.raises(DraftVersionConflict):
        await story.snapshot(draft, expected=1)
    second = await story.snapshot(draft, expected=2)
    assert second.snapshot_hash != first.snapshot_hash
    async with story.db.reading(story.founder) as tx:
        assert await store.get_snapshot(tx, first.snapshot_id) == first
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
    assert now.active_draft_snapshot_id == second.snapshot_id


async def test_the_hash_covers_every_field_but_the_time(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    content = rules.content_of(snapshot, Environment.STAGING)
    assert rules.snapshot_hash(content) == snapshot.snapshot_hash
    changes: dict[str, object] = {
        "memory_json": b"{}",
        "version": 9,
        "status": SnapshotStatus.INVALID,
        "findings": [*snapshot.findings, *snapshot.findings, _finding()],
        "command_history_hash": "0" * 64,
        "source_snapshot_hash": "0" * 64,
        "compiler_version": "0",
        "generation_profile": "other",
        "draft_id": story.ids.new(),
        "workspace_id": story.ids.new(),
        "snapshot_id": story.ids.new(),
        "tenant_id": story.ids.new(),
        "created_by": story.ids.new(),
    }
    hashes = {
        rules.snapshot_hash(
            rules.content_of(replace(snapshot, **{name: value}), Environment.STAGING)
        )
        for name, value in changes.items()
    }
    other = rules.snapshot_hash(rules.content_of(snapshot, Environment.PRODUCTION))
    assert len({*hashes, other, snapshot.snapshot_hash}) == len(changes) + 2


async def test_a_snapshot_compiles_to_the_same_hash_in_any_process(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract(gate="strip_partial")))
    snapshot = await story.snapshot(draft)
    read = rules.read_memory(snapshot.memory_json)
    assert isinstance(read, Contract)
    expected = compile_contract(read).compiled_hash.hex()
    for seed, locale, zone in (("1", "C", "UTC"), ("77", "C.UTF-8", "Asia/Kathmandu")):
        assert _compiled_elsewhere(snapshot.memory_json, seed, locale, zone) == expected


def _compiled_elsewhere(memory: bytes, seed: str, locale: str, zone: str) -> str:
    program = (
        "import sys; from placet.policy.compile import compile_contract;"
        "from placet.studio.snapshots.rules import read_memory;"
        "print(compile_contract(read_memory(sys.stdin.buffer.read())).compiled_hash.hex())"
    )
    done = subprocess.run(  # noqa: S603 -- our own interpreter and our own text
        [sys.executable, "-c", program],
        input=memory,
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
    )
    return done.stdout.decode().strip()


def _finding() -> Finding:
    return Finding(code="x", severity=Severity.ADVISORY, path="$", message="m")


async def test_a_contract_is_neither_checked_nor_judged_on_the_loop(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract(LOOKUP, UNBOUNDED)))
    async with story.db.reading(story.founder) as tx:
        review, on_loop = await watched(service.show_review(tx, draft.draft_id))
    snapshot, while_frozen = await watched(story.snapshot(draft))
    assert review.judgments == snapshot.judgments != []
    for called in (on_loop, while_frozen):
        assert called(rules.decide_status)
        assert not called(rules.check_memory)
        assert not called(judgments_of)
