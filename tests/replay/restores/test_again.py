"""A second restore, a raise on another server, and one that breaks off."""

from tests.replay.restores.conftest import Bench

from placet.authority.recovery.rules import next_epoch
from placet.authority.recovery.store import raise_epoch, read_epoch

NOTE = ("note", {"text": "called back"})
STOOD = "SELECT state_version, epoch FROM placet.replay_session"
BACK = """
UPDATE placet.replay_session SET state_version = $1, epoch = $2;
DELETE FROM placet.authority_recovery;
UPDATE placet.storage_epoch SET epoch = 1, timeline = timeline + 1
"""


async def test_what_a_process_remembers_of_a_first_restore_is_not_decided_on_after_a_second(
    bench: Bench,
) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    stood = await bench.admin.fetchrow(STOOD)
    assert stood is not None
    await bench.fail_over()
    await bench.restore()
    assert (await bench.close()).status_code == 200
    await worker.lease()
    await worker.prepare()
    # The second restore takes the database to before the first raise.
    await bench.admin.execute("SET session_replication_role = replica")
    for statement in BACK.split(";"):
        given = tuple(stood) if "$1" in statement else ()
        await bench.admin.execute(statement, *given)
    await bench.restore()
    await worker.lease()
    (noted,) = await worker.propose(NOTE)
    assert (noted["verdict"], noted["status"]) == ("ask", "awaiting_approval")


def test_an_epoch_is_not_given_again_by_a_restore_to_before_it() -> None:
    first = next_epoch(1, [], 1_800_000_000)
    assert next_epoch(1, [], 1_800_000_060) > first
    assert next_epoch(first, [], 1_700_000_000) == first + 1


async def test_the_epoch_is_raised_from_the_clock_of_the_database(bench: Bench) -> None:
    now = await bench.admin.fetchval("SELECT floor(extract(epoch FROM now()))::bigint")
    await bench.fail_over()
    assert (await bench.restore()).epoch >= now


async def test_the_epoch_is_raised_on_no_other_server_than_the_one_that_was_looked_at(
    bench: Bench,
) -> None:
    await bench.fail_over()
    seen = await read_epoch(bench.db)
    for change in ({"here_timeline": 77}, {"here_system_identifier": "77"}):
        other = type(seen)(
            **{name: getattr(seen, name) for name in seen.__struct_fields__} | change
        )
        assert not await raise_epoch(bench.migrator, other, 2, {}, {})
    assert await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch") == 1
    assert await raise_epoch(bench.migrator, seen, 2, {}, {})


async def test_a_raise_that_broke_off_before_it_was_told_is_gone_on_with(bench: Bench) -> None:
    await bench.fail_over()
    assert await raise_epoch(bench.migrator, await read_epoch(bench.db), 2, {}, {})
    report = await bench.restore()
    assert (report.epoch, report.is_raised) == (2, False)
    told = await bench.admin.fetch("SELECT epoch FROM placet.event WHERE type = 'Restored'")
    assert [row["epoch"] for row in told] == [2]


async def test_what_a_later_restore_left_stays_open(bench: Bench) -> None:
    path = "/api/v1/authority/recovery"
    epochs = []
    for _ in range(2):
        await bench.fail_over()
        epochs.append((await bench.restore()).epoch)
    assert (await bench.close(epochs[0])).status_code == 200
    listed = (await bench.desk.get(path, bench.desk.operator_key)).json()["items"]
    assert [one["epoch"] for one in listed if one["closed_at"] is None] == epochs[1:]
    assert (await bench.close(epochs[0])).json()["code"] == "not_recovering"
    assert (await bench.close(epochs[1])).status_code == 200
