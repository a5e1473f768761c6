"""Snapshots of sessions: equal to the fold, found out where they are wrong, and never needed."""

from collections.abc import Callable
from datetime import timedelta

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from msgspec.structs import replace
from tests.audit.erasures.ended import close, erase
from tests.conftest import Server, found
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass

from placet.events import store as events
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment, Scope
from placet.replay.calls import sweep
from placet.replay.calls.fold import fold
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.rules import encode_state
from placet.replay.sessions.state import SessionState
from placet.replay.snapshots import service, store, taking
from placet.replay.snapshots.model import ReplaySessionSnapshot
from placet.replay.snapshots.rules import digest_of
from placet.replay.snapshots.tables import SESSION_SNAPSHOT
from placet.storage.database import Database
from placet.storage.work import SNAPSHOT_SESSION, WorkDue, put_due
from placet.tenancy import entry
from placet.tenancy import service as tenancy
from placet.tenancy.model import IssueApiKey, Role

__all__ = ["let_time_pass"]

EVERY = 4
LIE = encode_state(SessionState(phase="verified", steps=99))


@pytest.fixture
async def worker(desk: Desk) -> Worker:
    """A worker in whose session some calls came to their end."""
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (note,) = await worker.propose(("note", {"text": "hello"}))
    await worker.report(note, "failed")
    (note,) = await worker.propose(("note", {"text": "hello again"}))
    await worker.report(note, output={})
    return worker


@pytest.fixture
async def stranger(db: Database, ids: Ids) -> str:
    """The key of an operator of another tenant."""
    other = await found(db, ids)
    _, key = await other.person("op", Role.OPERATOR)
    return key


async def take(worker: Worker, seq: int | None = None) -> httpx.Response:
    asked = {} if seq is None else {"seq": seq}
    return await worker.post("snapshots", asked, worker.desk.operator_key)


async def check(worker: Worker, query: str = "") -> dict[str, object]:
    answered = await worker.desk.get(f"{worker.path}/check{query}", worker.desk.operator_key)
    assert answered.status_code == 200, answered.text
    told: dict[str, object] = answered.json()
    return told


async def listed(worker: Worker) -> list[dict[str, object]]:
    answered = await worker.desk.get(f"{worker.path}/snapshots", worker.desk.operator_key)
    assert answered.status_code == 200, answered.text
    items: list[dict[str, object]] = answered.json()["items"]
    return items


async def history(worker: Worker) -> list[tuple[str, bytes]]:
    async with worker.desk.db.reading(worker.desk.workplace.founder) as tx:
        found = await events.list_events(tx, worker.session_id, after=0, limit=1000)  # type: ignore[arg-type]  # a session's id is its stream's
    return [(one.type, one.body or b"") for one in found]


async def kept(worker: Worker, seq: int) -> ReplaySessionSnapshot:
    async with worker.desk.db.reading(worker.desk.workplace.founder) as tx:
        placed = await store.get_snapshot(tx, worker.session_id, seq)
    fields = ReplaySessionSnapshot.__struct_fields__
    return ReplaySessionSnapshot(**{name: getattr(placed, name) for name in fields})


async def plant(worker: Worker, snapshot: ReplaySessionSnapshot) -> None:
    async with worker.desk.db.writing(worker.desk.workplace.founder) as tx:
        await store.keep_snapshot(tx, snapshot)


def forged(snapshot: ReplaySessionSnapshot, **fields: object) -> ReplaySessionSnapshot:
    """Return a snapshot that was changed, and its digest with it."""
    made = replace(snapshot, **fields)
    return replace(made, digest=digest_of(made))


async def test_a_snapshot_at_any_event_equals_the_fold_up_to_it_byte_for_byte(
    worker: Worker,
) -> None:
    told = await history(worker)
    order = sorted(range(1, len(told) + 1), key=lambda seq: (seq * 7919) % 31)
    states = set()
    for seq in order:
        answered = await take(worker, seq)
        assert answered.status_code == 201, answered.text
        shown = await worker.desk.get(f"{worker.path}/snapshots/{seq}", worker.desk.operator_key)
        state = encode_state(fold(told[:seq]))
        assert b'"state":' + state + b"}" in shown.content
        assert (await kept(worker, seq)).state == state
        states.add(state)
    assert len(states) >= 5
    assert [one["seq"] for one in await listed(worker)] == sorted(order, reverse=True)
    assert all(one["sound"] for one in await listed(worker))


async def test_a_check_begins_at_the_latest_sound_snapshot_and_finds_the_session_sound(
    worker: Worker,
) -> None:
    whole = await check(worker)
    assert (whole["since"], whole["sound"], whole["differs"]) == (0, True, [])
    seq = len(await history(worker)) - 2
    await take(worker, seq)
    told = await check(worker)
    assert (told["since"], told["sound"], told["seq"]) == (seq, True, seq + 2)
    assert (await check(worker, "?whole=true"))["since"] == 0


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        pytest.param(replace, {"state": LIE}, id="its state was changed"),
        pytest.param(forged, {"head": bytes(32)}, id="it names another event"),
        pytest.param(forged, {"form": 0}, id="another fold made it"),
        pytest.param(replace, {"state": b"\xff{"}, id="its bytes are no state"),
    ],
)
async def test_a_wrong_snapshot_is_shown_as_such_and_an_older_one_serves(
    worker: Worker, change: Callable[..., ReplaySessionSnapshot], fields: dict[str, object]
) -> None:
    older, newer = 3, len(await history(worker)) - 1
    await take(worker, older)
    await take(worker, newer)
    await plant(worker, change(await kept(worker, newer), **fields))
    assert [(one["seq"], one["sound"]) for one in await listed(worker)] == [
        (newer, False),
        (older, True),
    ]
    shown = await worker.desk.get(f"{worker.path}/snapshots/{newer}", worker.desk.operator_key)
    assert shown.json()["sound"] is False
    told = await check(worker)
    assert (told["since"], told["sound"]) == (older, True)
    assert told["wrong_snapshots"] == ([] if "form" in fields else [newer])
    assert (await take(worker, newer)).json()["sound"] is True
    assert (await check(worker))["since"] == newer


async def test_a_snapshot_that_lies_and_fits_is_found_by_the_check_of_the_whole(
    worker: Worker,
) -> None:
    seq = len(await history(worker)) - 1
    await take(worker, seq)
    await plant(worker, forged(await kept(worker, seq), state=LIE))
    short = await check(worker)
    assert (short["sound"], short["since"]) == (False, seq)
    whole = await check(worker, "?whole=true")
    assert (whole["sound"], whole["wrong_snapshots"]) == (True, [seq])


async def test_a_state_that_its_events_do_not_lead_to_is_told_by_the_facts_that_differ(
    worker: Worker, server: Server, database_name: str
) -> None:
    await take(worker)
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.replay_session SET state = $2, head = $3 WHERE session_id = $1",
        worker.session_id,
        LIE,
        bytes(32),
    )
    await admin.close()
    told = await check(worker)
    assert told["sound"] is False
    assert {"steps", "counted", "head"} <= set(told["differs"])  # type: ignore[call-overload]  # a list of names


async def test_an_erased_event_stands_in_the_way_unless_a_snapshot_stands_after_it(
    worker: Worker, server: Server, database_name: str
) -> None:
    admin = await asyncpg.connect(server.admin(database_name))
    seq = await admin.fetchval(
        "SELECT min(seq) FROM placet.event WHERE stream_id = $1 AND type = 'CallSettled'",
        worker.session_id,
    )
    later = await take(worker, seq + 1)
    assert later.status_code == 201
    async with admin.transaction():
        await admin.execute("ALTER TABLE placet.event_body DISABLE TRIGGER append_only")
        await admin.execute(
            "DELETE FROM placet.event_body WHERE stream_id = $1 AND seq = $2",
            worker.session_id,
            seq,
        )
        await admin.execute("ALTER TABLE placet.event_body ENABLE ALWAYS TRIGGER append_only")
    await admin.close()
    told = await check(worker)
    assert (told["sound"], told["since"]) == (True, seq + 1)
    refused = await take(worker, seq)
    assert (refused.status_code, refused.json()["code"]) == (409, "history_unreadable")
    assert (refused.json()["seq"], refused.json()["flaw"]) == (seq, "erased")
    whole = await check(worker, "?whole=true")
    assert (whole["sound"], whole["flaw"], whole["flawed_seq"]) == (False, "untold", seq)


async def damage(admin: str, statement: str, *values: object) -> None:
    """Do what only somebody who rules the database can do to events."""
    tables = ("event", "event_body")
    connection = await asyncpg.connect(admin)
    async with connection.transaction():
        for table in tables:
            await connection.execute(f"ALTER TABLE placet.{table} DISABLE TRIGGER append_only")
        await connection.execute(statement, *values)
        for table in tables:
            await connection.execute(
                f"ALTER TABLE placet.{table} ENABLE ALWAYS TRIGGER append_only"
            )
    await connection.close()


async def test_what_was_erased_as_events_tell_is_no_fault_and_what_else_is_wrong_still_shows(
    worker: Worker, server: Server, database_name: str
) -> None:
    await close(worker)
    last = len(await history(worker))
    assert await erase(worker.desk, worker.session_id, [1, 3]) == 2
    told = await check(worker)
    assert (told["sound"], told["flaw"], told["flawed_seq"]) == (False, "erased", 1)
    assert told["differs"] == []
    admin = server.admin(database_name)
    gone = "DELETE FROM placet.event_body WHERE stream_id = $1 AND seq = $2"
    await damage(admin, gone, worker.session_id, 2)
    assert [(await check(worker))[name] for name in ("flaw", "flawed_seq")] == ["untold", 3]
    assert await erase(worker.desk, worker.session_id) == last - 3
    moved = "UPDATE placet.replay_session SET head = $2 WHERE session_id = $1"
    await damage(admin, moved, worker.session_id, bytes(32))
    assert (await check(worker))["differs"] == ["head"]
    unchained = "UPDATE placet.event SET prev = $3 WHERE stream_id = $1 AND seq = $2"
    await damage(admin, unchained, worker.session_id, last, bytes(32))
    assert [(await check(worker))[name] for name in ("flaw", "flawed_seq")] == ["unlinked", last]


async def test_what_another_stream_lost_accounts_for_nothing_here(
    worker: Worker, server: Server, database_name: str
) -> None:
    other = await worker.desk.worker()
    await close(other)
    assert await erase(worker.desk, other.session_id) > 1
    gone = "DELETE FROM placet.event_body WHERE stream_id = $1 AND seq = 1"
    await damage(server.admin(database_name), gone, worker.session_id)
    assert (await check(worker))["flaw"] == "untold"


async def test_without_any_snapshot_the_session_is_what_it_was(worker: Worker) -> None:
    before = await worker.read("pending")
    await take(worker, 3)
    await take(worker)
    async with worker.desk.db.writing(worker.desk.workplace.founder) as tx:
        await tx.change(sa.delete(SESSION_SNAPSHOT))
    assert await listed(worker) == []
    assert (await check(worker))["sound"] is True
    assert await worker.read("pending") == before
    await worker.look_up("ord_00000002")
    assert (await check(worker))["sound"] is True


async def test_the_same_request_again_keeps_nothing_new(worker: Worker) -> None:
    key = worker.desk.ids.new().hex
    path = f"{worker.path}/snapshots"
    first = await worker.desk.post(path, {}, worker.desk.operator_key, Idempotency_Key=key)
    await worker.look_up("ord_00000002")
    again = await worker.desk.post(path, {}, worker.desk.operator_key, Idempotency_Key=key)
    assert again.json() == first.json()
    assert len(await listed(worker)) == 1


async def test_only_the_latest_snapshots_stay(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SNAPSHOTS_KEPT", 2)
    for seq in (1, 2, 3, 4):
        await take(worker, seq)
    assert [one["seq"] for one in await listed(worker)] == [4, 3]
    earlier = await take(worker, 2)
    assert earlier.status_code == 201, earlier.text
    told = await history(worker)
    assert encode_state(fold(told[:2])) in earlier.content
    assert (earlier.json()["seq"], earlier.json()["sound"]) == (2, True)
    assert [one["seq"] for one in await listed(worker)] == [4, 3]


async def test_whoever_changes_nothing_reads_and_checks_snapshots_and_takes_none(
    worker: Worker, desk: Desk
) -> None:
    await take(worker, 1)
    _, auditor = await desk.workplace.person("auditor", Role.AUDITOR)
    for verb in ("snapshots", "snapshots/1", "check?whole=true"):
        assert (await desk.get(f"{worker.path}/{verb}", auditor)).status_code == 200, verb
    refused = await desk.post(f"{worker.path}/snapshots", {}, auditor)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert len(await listed(worker)) == 1


@pytest.mark.parametrize("query", ["", "?whole=true"])
async def test_a_check_that_takes_too_long_is_refused(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(entry, "PREPARING_FOR", timedelta(0))
    told = await worker.desk.get(f"{worker.path}/check{query}", worker.desk.operator_key)
    assert (told.status_code, told.json()["code"]) == (503, "governance_unavailable")


async def test_nobody_sees_or_takes_snapshots_of_another_tenant_or_agent(
    worker: Worker, desk: Desk, stranger: str
) -> None:
    await take(worker, 1)
    asked = IssueApiKey(
        actor_id=desk.operator.actor_id,
        name="of another agent",
        scopes=[Scope.OPERATE],
        agent="other",
        environment=Environment.STAGING,
    )
    async with desk.db.writing(desk.workplace.founder) as tx:
        narrow = (await tenancy.issue_key(tx, asked, desk.ids)).api_key
    for key in (stranger, narrow):
        for verb in ("snapshots", "snapshots/1", "check"):
            told = await desk.get(f"{worker.path}/{verb}", key)
            assert told.status_code == 404, verb
        refused = await desk.post(f"{worker.path}/snapshots", {}, key)
        assert refused.status_code == 404


async def test_an_event_that_is_not_there_yet_has_no_snapshot(worker: Worker) -> None:
    seq = len(await history(worker)) + 1
    assert (await take(worker, seq)).status_code == 404
    assert (await take(worker, 0)).status_code == 400
    path = f"{worker.path}/snapshots/1"
    assert (await worker.desk.get(path, worker.desk.operator_key)).status_code == 404


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few events be enough for a snapshot, and few be folded at a time."""
    monkeypatch.setattr(taking, "SNAPSHOT_EVENTS", EVERY)
    monkeypatch.setattr(taking, "EVENTS_MAX", 2 * EVERY)
    monkeypatch.setattr(service, "PAGE", 3)


async def due(worker: Worker) -> WorkDue:
    tenant = worker.desk.workplace.tenant_id
    async with worker.desk.db.writing(acting_for(tenant)) as tx:
        now = await tx.now()
        await put_due(tx, SNAPSHOT_SESSION, worker.session_id, now)
    return WorkDue(tenant_id=tenant, kind=SNAPSHOT_SESSION, ref=worker.session_id, due_at=now)


@pytest.mark.usefixtures("often")
async def test_a_worker_takes_snapshots_of_a_long_session_until_it_has_caught_up(
    worker: Worker,
) -> None:
    length = len(await history(worker))
    await due(worker)
    while await taking.take_snapshots(worker.desk.db):
        pass
    seqs = [int(str(one["seq"])) for one in await listed(worker)]
    assert seqs[-1] == 2 * EVERY
    assert length - seqs[0] < EVERY
    told = await history(worker)
    for seq in seqs:
        assert (await kept(worker, seq)).state == encode_state(fold(told[:seq]))


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("many", [EVERY, 1000])
async def test_a_sweep_asks_for_a_snapshot_of_a_long_session_alone(
    worker: Worker,
    let_time_pass: Pass,
    app: Litestar,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
) -> None:
    monkeypatch.setattr(sweep, "SNAPSHOT_EVENTS", many)
    await worker.propose(("note", {"text": "left behind"}))
    await let_time_pass(worker)
    await sweep.sweep_due(app.state[Runtime.__name__])
    while await taking.take_snapshots(worker.desk.db):
        pass
    assert bool(await listed(worker)) is (many == EVERY)


@pytest.mark.usefixtures("often")
async def test_a_session_in_which_little_happened_gets_no_snapshot(worker: Worker) -> None:
    length = len(await history(worker))
    await take(worker, length - EVERY + 1)
    await taking.take_snapshot(worker.desk.db, await due(worker))
    assert len(await listed(worker)) == 1


@pytest.mark.usefixtures("often")
async def test_two_workers_that_fold_the_same_keep_one_snapshot(worker: Worker) -> None:
    work = await due(worker)
    await taking.take_snapshot(worker.desk.db, work)
    first = await listed(worker)
    async with worker.desk.db.writing(acting_for(work.tenant_id)) as tx:
        await store.keep_snapshot(tx, await kept(worker, 2 * EVERY))
    assert await listed(worker) == first


@pytest.mark.usefixtures("often")
async def test_a_worker_begins_at_no_snapshot_that_is_wrong(worker: Worker) -> None:
    await take(worker, EVERY)
    await plant(worker, replace(await kept(worker, EVERY), state=LIE))
    await taking.take_snapshot(worker.desk.db, await due(worker))
    told = await history(worker)
    assert (await kept(worker, 2 * EVERY)).state == encode_state(fold(told[: 2 * EVERY]))
