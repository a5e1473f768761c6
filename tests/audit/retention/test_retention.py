"""What goes by age, when, and what holds it back."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from litestar import Litestar
from tests.audit.erasures.ended import ended, erase, erase_some, spoken, told
from tests.audit.erasures.test_races import waits_for
from tests.conftest import Server
from tests.events.kept import Store
from tests.replay.desk import Desk, Worker

from placet.audit.bundles.model import Wish
from placet.audit.bundles.service import begin_export, write_bundle
from placet.audit.erasures.model import ErasureWhy, StreamClass
from placet.audit.erasures.service import Erasing
from placet.audit.retention import service, store
from placet.audit.retention.model import ExportManifest, Old, SetRetention, StreamTaken
from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.server_keys import ServerKeys
from placet.events.closings.model import Closing
from placet.events.closings.service import close
from placet.evidence.bundle import BundleScope, ScopeKind
from placet.evidence.verify import verify_bundle
from placet.tenancy.model import Role
from placet.worker.retention import erase_due

RETENTION = "/api/v1/audit/retention"


class Keeper:
    """Whoever keeps a tenant's evidence, and lets go of what is due."""

    def __init__(self, desk: Desk, keys: ServerKeys) -> None:
        """Stand beside a desk."""
        self.desk = desk
        self.keys = keys
        self.founder = desk.workplace.founder

    async def post(self, path: str, body: object) -> Any:  # noqa: ANN401 -- JSON
        """Send a request as the founder, who is an admin."""
        answered = await self.desk.post(path, body, self.desk.workplace.founder_key)
        assert answered.status_code == 200, answered.text
        return answered.json()

    async def set(self, days: int | None, stream_class: str = "session") -> None:
        """Set a policy."""
        asked = {"stream_class": stream_class, "days": days, "reason": "the law"}
        await self.post(RETENTION, asked)

    async def shown(self, stream_class: str = "session") -> dict[str, Any]:
        """Return what is shown of a class."""
        answered = await self.desk.get(RETENTION, self.desk.workplace.founder_key)
        assert answered.status_code == 200, answered.text
        (one,) = [c for c in answered.json()["classes"] if c["stream_class"] == stream_class]
        found: dict[str, Any] = one
        return found

    async def run(self) -> dict[str, Any]:
        """Erase what is due."""
        made: dict[str, Any] = await self.post(f"{RETENTION}/run", {})
        return made

    async def sign(self) -> None:
        """Have everything in the log, and the log signed."""
        await make_checkpoint(self.desk.db, self.founder, self.keys, self.desk.ids)

    async def export(self, worker: Worker, to_seq: int | None = None) -> None:
        """Record that a session was exported, up to its end or less."""
        to_seq = len(await worker.events()) if to_seq is None else to_seq
        manifest = ExportManifest(
            export_id=self.desk.ids.new(),
            sha256="ab" * 32,
            size_bytes=1,
            events=to_seq,
            log_size=1,
            log_root="cd" * 32,
            streams=(StreamTaken(stream_id=worker.session_id, to_seq=to_seq),),
        )
        async with self.desk.db.writing(self.founder) as tx:
            await service.record_export(tx, manifest, self.desk.ids)


@pytest.fixture
def keeper(desk: Desk, app: Litestar) -> Keeper:
    """The keeper of the desk's tenant."""
    return Keeper(desk, app.state[ServerKeys.__name__])


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


async def gone(worker: Worker) -> bool:
    """Tell whether a session's bodies went; either all of them did or none."""
    (is_gone,) = {event["body"] is None for event in await worker.events()}
    return is_gone


async def test_a_session_goes_once_it_is_old_in_a_checkpoint_and_in_an_export(
    desk: Desk, keeper: Keeper
) -> None:
    worker = await ended(desk)
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    assert (await keeper.shown())["streams"]["due"] == 1
    assert await keeper.run() == {"streams": 1, "bodies": len(await worker.events()), "more": False}
    assert await gone(worker)
    assert (await keeper.shown())["streams"]["erased"] == 1
    kinds = [kind for kind, _ in await told(desk)]
    assert kinds == ["RetentionSet", "ExportRecorded", "BodiesErased", "RetentionApplied"]
    assert json.loads((await told(desk))[2][1] or b"")["why"] == "retention"


@pytest.mark.parametrize(
    ("missing", "stand"),
    [
        ("age", "young"),
        ("checkpoint", "unlogged"),
        ("export", "unexported"),
        ("whole export", "unexported"),
        ("end", None),
        ("policy", "young"),
    ],
)
async def test_nothing_goes_while_one_thing_is_missing(
    desk: Desk, keeper: Keeper, missing: str, stand: str | None
) -> None:
    worker = await (spoken(desk) if missing == "end" else ended(desk))
    await keeper.set(1 if missing == "age" else 0)
    if missing != "checkpoint":
        await keeper.sign()
    if missing == "whole export":
        await keeper.export(worker, len(await worker.events()) - 1)
    elif missing != "export":
        await keeper.export(worker)
    if missing == "policy":
        await keeper.set(None)
        pruned = await service.prune(desk.db, keeper.founder, desk.ids)
        assert (pruned.streams, pruned.bodies) == (0, 0)
    else:
        assert (await keeper.run())["bodies"] == 0
    assert not await gone(worker)
    counts = (await keeper.shown())["streams"]
    assert {name for name, count in counts.items() if count} == ({stand} if stand else set())


async def test_keeping_for_ever_stops_a_round_that_is_under_way(
    desk: Desk, keeper: Keeper, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    stop = SetRetention(stream_class=StreamClass.SESSION, days=None, reason="a lawsuit")
    async with desk.db.writing(keeper.founder) as tx:
        await service.set_retention(tx, stop, desk.ids)
        under_way = asyncio.create_task(service.prune(desk.db, keeper.founder, desk.ids))
        assert await waits_for(admin, tx, under_way)
    assert (await under_way).bodies == 0
    assert not await gone(worker)


@pytest.mark.parametrize("held_by", ["policy", "export"])
async def test_a_round_that_is_held_up_asks_about_no_other_stream(
    desk: Desk, keeper: Keeper, admin: "asyncpg.Connection[Any]", held_by: str
) -> None:
    workers = [await ended(desk) for _ in range(3)]
    await keeper.set(0)
    await keeper.sign()
    for worker in workers:
        await keeper.export(worker)
    asked = []

    def note(*told: object) -> None:
        asked.extend(["held"] if "FOR SHARE" in str(told[2]) else [])

    days = None if held_by == "policy" else 0
    another = SetRetention(stream_class=StreamClass.SESSION, days=days, reason="a lawsuit")
    engine = desk.db._engine.sync_engine  # noqa: SLF001 -- what is sent is seen nowhere else
    async with desk.db.writing(keeper.founder) as tx:
        await service.set_retention(tx, another, desk.ids)
        sa.event.listen(engine, "before_cursor_execute", note)
        under_way = asyncio.create_task(service.prune(desk.db, keeper.founder, desk.ids))
        assert await waits_for(admin, tx, under_way)
        if held_by == "export":
            scope = BundleScope(kind=ScopeKind.SESSION, session_id=workers[0].session_id)
            wish = Wish(scope=scope, held_size=None)
            await begin_export(desk.db, keeper.founder, keeper.keys, desk.ids, wish)
    pruned = await under_way
    sa.event.remove(engine, "before_cursor_execute", note)
    assert (pruned.bodies, pruned.more) == (0, False)
    assert asked == ["held"]


async def test_without_any_export_it_is_said_why_nothing_goes(desk: Desk, keeper: Keeper) -> None:
    await ended(desk)
    assert "policy" in (await keeper.shown())["nothing_goes"]
    await keeper.set(0)
    assert "export" in (await keeper.shown())["nothing_goes"]
    await keeper.export(await ended(desk))
    assert "checkpoint" in (await keeper.shown())["nothing_goes"]
    await keeper.sign()
    assert (await keeper.shown())["nothing_goes"] is None


async def test_a_session_with_an_unsettled_call_stays_whatever_its_age(
    desk: Desk, keeper: Keeper
) -> None:
    worker = await spoken(desk)
    await worker.propose(("note", {"text": "b"}))
    await worker.post("kill", {"reason": "enough"}, desk.operator_key)
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    assert (await keeper.run())["bodies"] == 0
    assert (await keeper.shown())["streams"]["unsettled"] == 1
    assert not await gone(worker)


async def test_a_receipt_that_came_late_stays_until_it_is_exported_too(
    desk: Desk, keeper: Keeper
) -> None:
    worker = await spoken(desk)
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call)
    await worker.post("close", {})
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    await keeper.run()
    await worker.report(call)
    await keeper.sign()
    assert (await keeper.run())["bodies"] == 0
    assert (await keeper.shown())["streams"]["unexported"] == 1
    await keeper.export(worker)
    assert (await keeper.run())["bodies"] == 1
    assert await gone(worker)


async def test_a_bundle_that_was_taken_counts_and_verifies_before_and_after(
    desk: Desk, keeper: Keeper
) -> None:
    worker = await ended(desk)
    await keeper.set(0)
    _, key = await desk.workplace.person("auditor", Role.AUDITOR)
    bundles = f"/api/v1/audit/bundles?session_id={worker.session_id}"
    before = await desk.get(bundles, key)
    assert before.status_code == 200
    await keeper.sign()
    assert (await keeper.run())["streams"] == 1
    after = await desk.get(bundles, key)
    for bundle, is_erased in ((before, False), (after, True)):
        report = verify_bundle(io.BytesIO(bundle.content))
        assert (report.flaw, report.bodies_erased > 0) == (None, is_erased)


async def test_nothing_goes_by_age_while_an_export_is_being_written(
    desk: Desk, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await ended(desk)
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    scope = BundleScope(kind=ScopeKind.SESSION, session_id=worker.session_id)
    wish = Wish(scope=scope, held_size=None)
    begun = await begin_export(desk.db, keeper.founder, keeper.keys, desk.ids, wish)
    assert (await keeper.run())["bodies"] == 0
    assert "was begun" in (await keeper.shown())["nothing_goes"]
    lines = [line async for line in write_bundle(desk.db, keeper.founder, begun, desk.ids)]
    assert verify_bundle(io.BytesIO(b"".join(lines))).flaw is None
    assert (await keeper.shown())["nothing_goes"] is None
    assert (await keeper.run())["streams"] == 1
    # One that was given up holds nothing up for long.
    other = await ended(desk)
    await keeper.sign()
    await keeper.export(other)
    scope = BundleScope(kind=ScopeKind.SESSION, session_id=other.session_id)
    wish = Wish(scope=scope, held_size=None)
    await begin_export(desk.db, keeper.founder, keeper.keys, desk.ids, wish)
    assert (await keeper.run())["bodies"] == 0
    monkeypatch.setattr(store, "EXPORT_TAKES", timedelta())
    assert (await keeper.run())["streams"] == 1


async def test_the_worker_erases_what_a_policy_says(desk: Desk, keeper: Keeper) -> None:
    worker = await ended(desk)
    await keeper.sign()
    await keeper.export(worker)
    await keeper.set(0)
    while not await gone(worker):
        assert await erase_due(desk.db, desk.ids) > 0


async def test_an_archived_workspace_loses_what_people_wrote_in_words_and_nothing_else(
    desk: Desk, keeper: Keeper
) -> None:
    path = f"/api/v1/studio/workspaces/{desk.workspace.workspace_id}"
    await keeper.set(0, "workspace")
    await keeper.post(f"{path}/archive", {"reason": "moved to another team"})
    counts = (await keeper.shown("workspace"))["streams"]
    # It has an approval in force still, so it is not closed.
    assert set(counts.values()) == {0}


async def test_running_without_a_policy_is_refused(desk: Desk) -> None:
    refused = await desk.post(f"{RETENTION}/run", {}, desk.workplace.founder_key)
    assert (refused.status_code, refused.json()["code"]) == (409, "retention_off")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR])
async def test_only_an_admin_sets_a_policy_and_an_auditor_reads_it(desk: Desk, role: Role) -> None:
    _, key = await desk.workplace.person("somebody", role)
    asked = {"stream_class": "session", "days": 1, "reason": "mine"}
    assert (await desk.post(RETENTION, asked, key)).status_code == 403
    assert (await desk.post(f"{RETENTION}/run", {}, key)).status_code == 403
    read = await desk.get(RETENTION, key)
    assert read.status_code == (200 if role is Role.AUDITOR else 403)


async def test_a_policy_that_is_made_shorter_takes_what_an_earlier_one_let_stay(
    desk: Desk, keeper: Keeper
) -> None:
    worker = await ended(desk)
    await keeper.sign()
    await keeper.export(worker)
    await keeper.set(9)
    assert (await keeper.run())["bodies"] == 0
    assert (await keeper.shown())["streams"]["young"] == 1
    await keeper.set(0)
    assert (await keeper.shown())["streams"]["due"] == 1
    assert (await keeper.run())["streams"] == 1
    assert await gone(worker)


async def closed(keeper: Keeper) -> set[UUID]:
    """Return every session that a round would look at, however young it is."""
    async with keeper.desk.db.reading(keeper.founder) as tx:
        until = await tx.now() + timedelta(days=1)
        old = Old(stream_class=StreamClass.SESSION, until=until, log_size=0)
        return {each.stream_id for each in await store.page_closed(tx, old, None, limit=99)}


async def test_a_round_looks_at_no_session_that_is_open_or_has_no_body_left(
    desk: Desk, keeper: Keeper
) -> None:
    await spoken(desk)
    worker, other = await ended(desk), await ended(desk)
    assert await closed(keeper) == {worker.session_id, other.session_id}
    await erase(desk, worker.session_id, [1])
    assert await closed(keeper) == {worker.session_id, other.session_id}
    await erase(desk, worker.session_id)
    assert await closed(keeper) == {other.session_id}
    counts = (await keeper.shown())["streams"]
    assert (counts["young"], counts["erased"]) == (1, 1)


async def test_a_body_that_comes_late_brings_its_session_back(desk: Desk, keeper: Keeper) -> None:
    worker = await spoken(desk)
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call)
    await worker.post("close", {})
    await erase(desk, worker.session_id)
    assert ((await keeper.shown())["streams"]["erased"], await closed(keeper)) == (1, set())
    await worker.report(call)
    assert await closed(keeper) == {worker.session_id}
    assert (await keeper.shown())["streams"]["erased"] == 0
    await erase(desk, worker.session_id)
    assert ((await keeper.shown())["streams"]["erased"], await closed(keeper)) == (1, set())


async def test_a_receipt_that_waits_for_the_last_erasure_brings_its_session_back(
    desk: Desk, keeper: Keeper, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk)
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call)
    await worker.post("close", {})
    whole = Erasing(stream_id=worker.session_id, why=ErasureWhy.SUBJECT, reason="asked")
    async with desk.db.writing(keeper.founder) as tx:
        await erase_some(tx, whole, desk.ids)
        late = asyncio.create_task(worker.report(call))
        assert await waits_for(admin, tx, late)
    await late
    assert await closed(keeper) == {worker.session_id}
    assert (await keeper.shown())["streams"]["erased"] == 0


async def test_a_run_goes_by_age_once_it_was_closed_and_not_before(
    desk: Desk, keeper: Keeper
) -> None:
    steps = Store(desk.db, keeper.founder, desk.ids)
    stream, forgotten = steps.stream(), steps.stream()
    for each in (stream, forgotten):
        await steps.append(each, steps.steps(2))
    await keeper.set(0, "run")
    await keeper.sign()
    scope = BundleScope(kind=ScopeKind.TENANT)

    async def exported() -> bytes:
        wish = Wish(scope=scope, held_size=None)
        begun = await begin_export(desk.db, keeper.founder, keeper.keys, desk.ids, wish)
        lines = [line async for line in write_bundle(desk.db, keeper.founder, begun, desk.ids)]
        return b"".join(lines)

    await exported()
    assert (await keeper.run())["bodies"] == 0
    assert set((await keeper.shown("run"))["streams"].values()) == {0}
    async with desk.db.writing(keeper.founder) as tx:
        await close(tx, Closing(stream_id=stream, why="done"), desk.ids)
    await keeper.sign()
    assert (await keeper.shown("run"))["streams"]["unexported"] == 1
    assert verify_bundle(io.BytesIO(await exported())).flaw is None
    assert await keeper.run() == {"streams": 1, "bodies": 3, "more": False}
    assert (await keeper.shown("run"))["streams"]["erased"] == 1
    assert {event.body for event in await steps.all(stream)} == {None}
    assert None not in {event.body for event in await steps.all(forgotten)}
    # For a person a run loses bodies while it goes on. What is left verifies.
    assert await erase(desk, forgotten, [1]) == 1
    await keeper.sign()
    report = verify_bundle(io.BytesIO(await exported()))
    assert (report.flaw, report.bodies_erased) == (None, 4)


async def test_a_round_that_meets_the_erasure_of_a_person_takes_what_that_leaves(
    desk: Desk, keeper: Keeper, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await ended(desk)
    await keeper.set(0)
    await keeper.sign()
    await keeper.export(worker)
    some = Erasing(stream_id=worker.session_id, why=ErasureWhy.SUBJECT, reason="asked", seqs=(1, 2))
    async with desk.db.writing(keeper.founder) as tx:
        assert await erase_some(tx, some, desk.ids) == 2
        under_way = asyncio.create_task(service.prune(desk.db, keeper.founder, desk.ids))
        assert await waits_for(admin, tx, under_way)
    pruned = await under_way
    assert (pruned.streams, pruned.bodies) == (1, len(await worker.events()) - 2)
    assert await gone(worker)
    assert await closed(keeper) == set()
    assert (await keeper.shown())["streams"]["erased"] == 1
