"""`placet session` on a real service: what agents have under way, and how an operator ends it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tests.cli.conftest import Placet
from tests.cli.floor import Floor
from tests.cli.office import Office
from tests.conftest import Server
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.kernel.ids import SystemIds
from placet.storage.database import Database
from placet.worker.retention import erase_due

NOBODY = UUID(int=7)


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def floor(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Floor:
    return Floor(Office(placet, url, database_url, tmp_path))


def test_an_operator_sees_follows_and_ends_what_agents_do(floor: Floor) -> None:
    office = floor.office
    kept, hung = floor.session(), floor.session()
    assert [one["session_id"] for one in office.told("session", "list", by="op")] == [hung, kept]
    assert len(office.told("session", "list", "--limit", "1", by="op")) == 1
    shown = office.run("session", "show", hung, by="op").stdout
    assert r"lease of wor\u000aker, fence 1.1" in shown
    stolen = office.told("session", "steal", hung, "--reason", "it hangs", by="op")
    assert (stolen["outcome"], stolen["fence"]["n"]) == ("stolen", 2)
    killed = office.run("session", "kill", hung, "--reason", "it raves", by="op")
    assert killed.stdout.strip() == f"{hung} is killed"
    again = office.run("session", "kill", hung, "--reason", "it raves", by="op")
    assert "as it was before" in again.stdout
    done = office.run("session", "watch", hung, "--after", "2", by="op")
    assert done.returncode == Exit.OK, done.stderr
    assert [line.split("  ")[-2] for line in done.stdout.splitlines()] == [
        "LeaseStolen",
        "SessionStopped",
    ]
    told = office.run("session", "watch", hung, "--json", by="op").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in told] == [1, 2, 3, 4]
    assert [one["seq"] for one in office.told("session", "events", hung, by="op")] == [1, 2, 3, 4]
    closed = office.told("session", "close", kept, "--reason", "it is done", by="op")
    assert (closed["status"], closed["unsettled"]) == ("completed", [])
    assert "ended" in office.run("session", "show", kept, by="op").stdout


def test_who_may_only_look_ends_nothing(floor: Floor) -> None:
    office, session = floor.office, floor.session()
    for verb, *more in (("kill", "--reason", "no"), ("steal", "--reason", "no"), ("close",)):
        refused = office.run("session", verb, session, *more, by="ada")
        assert refused.returncode != Exit.OK
        assert "operate" in refused.stderr
    assert office.told("session", "show", session, by="ada")["status"] == "active"
    unknown = office.run("session", "show", str(NOBODY), by="op")
    assert unknown.returncode != Exit.OK


def test_labels_are_put_on_shown_and_taken_off(floor: Floor) -> None:
    office, session = floor.office, floor.session()
    assert office.run("session", "labels", session, by="ada").stdout.strip() == "no labels"
    put = ("--add", "risk=high", "--add", "region=eu=west")
    assert office.told("session", "labels", session, *put, by="op") == {
        "risk": "high",
        "region": "eu=west",
    }
    shown = office.run("session", "labels", session, by="ada").stdout
    assert shown.splitlines() == ["region=eu=west", "risk=high"]
    left = office.told("session", "labels", session, "--clear", "risk", by="op")
    assert (
        left == office.told("session", "show", session, by="op")["labels"] == {"region": "eu=west"}
    )
    for why, *wrong in (
        ("`risk` is no label", "--add", "risk"),
        ("`=x` is no label", "--add", "=x"),
        ("not both at once", "--add", "a=b", "--clear", "c"),
    ):
        refused = office.run("session", "labels", session, *wrong, by="op")
        assert refused.returncode == Exit.USAGE
        assert why in refused.stderr
    assert office.run("session", "labels", session, *put, by="ada").returncode == Exit.FAILED


def test_tools_are_taken_away_for_a_reason_and_for_good(floor: Floor) -> None:
    office, session = floor.office, floor.session()
    told = office.run("session", "filter", session, "issue_refund", by="op")
    assert told.returncode == Exit.USAGE
    assert "--reason" in told.stderr
    because = ("--reason", "looked at by hand")
    for tool in ("issue_refund", "lookup_order"):
        office.told("session", "filter", session, tool, *because, by="op")
    shown = office.told("session", "filter", session, by="ada")
    assert sorted(shown) == ["issue_refund", "lookup_order"]
    assert office.told("session", "show", session, by="ada")["filtered_tools"] == shown


def test_the_events_of_a_session_are_printed_page_by_page_or_all_of_them_a_line_each(
    floor: Floor,
) -> None:
    office, session = floor.office, floor.session()
    some = office.run("session", "events", session, "--limit", "1", "--json", by="op")
    assert [one["seq"] for one in json.loads(some.stdout)] == [1]
    assert "--after 1" in some.stderr
    whole = office.run("session", "events", session, "--all", "--json", by="op").stdout
    assert [json.loads(line)["seq"] for line in whole.splitlines()] == [1, 2]
    rest = office.run("session", "events", session, "--all", "--json", "--after", "1", by="op")
    assert rest.stdout.splitlines() == whole.splitlines()[1:]
    for verb in ("events", "watch"):
        beyond = office.run("session", verb, session, "--after", "3", by="op")
        assert beyond.returncode != Exit.OK
        assert "read from the beginning" in beyond.stderr


def test_the_evidence_of_a_session_is_written_and_verified_without_the_service(
    floor: Floor, tmp_path: Path
) -> None:
    office, session, file = floor.office, floor.session(), tmp_path / "session.jsonl"
    told = office.told("session", "export", session, "-o", str(file), by="op")
    assert (told["bytes"], told["events"]) == (file.stat().st_size, 2)
    verified = office.run("verify", str(file), by="op")
    assert verified.returncode == Exit.OK, verified.stdout


def test_a_session_is_held_to_its_events_with_snapshots_and_without(floor: Floor) -> None:
    office, session = floor.office, floor.session()
    assert office.run("session", "snapshots", session, by="op").stdout.strip() == "no snapshots"
    assert office.told("session", "check", session, by="op")["since"] == 0
    (taken,) = office.told("session", "snapshots", session, "--take", "--at", "1", by="op")
    assert (taken["seq"], taken["sound"]) == (1, True)
    told = office.run("session", "check", session, by="op")
    assert told.returncode == Exit.OK
    assert told.stdout.strip() == "sound: folded from the snapshot at event 1 to 2"
    assert office.told("session", "check", session, "--whole", by="op")["since"] == 0
    wrong = office.run("session", "snapshots", session, "--at", "1", by="op")
    assert wrong.returncode == Exit.USAGE
    assert office.run("session", "check", session, by="ada").returncode == Exit.FAILED


def test_a_session_of_which_bodies_were_erased_is_no_alarm(floor: Floor, database_url: str) -> None:
    office, session = floor.office, floor.session()
    office.told("session", "kill", session, "--reason", "it raves", by="op")
    words = ("--subject", "desk", "--reason", "a letter", "--wait", "0")
    office.told("erase", *words, by="admin")

    async def carried_out() -> None:
        db = await Database.open(database_url)
        while await erase_due(db, SystemIds()):
            pass
        await db.close()

    asyncio.run(carried_out())
    for more in ((), ("--whole",)):
        done = office.run("session", "check", session, *more, by="op")
        assert done.returncode == Exit.OK, done.stdout
        assert done.stdout.startswith("cannot be told: bodies were erased, that of event 1 first\n")
        assert "NOT SOUND" not in done.stdout
    told = office.told("session", "check", session, by="op")
    assert (told["sound"], told["flaw"]) == (False, "erased")


def test_a_session_of_which_a_body_is_gone_and_nothing_tells_of_it_is_one(
    floor: Floor, server: Server, database_name: str
) -> None:
    office, session = floor.office, floor.session()

    async def gone() -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        async with admin.transaction():
            await admin.execute("ALTER TABLE placet.event_body DISABLE TRIGGER append_only")
            await admin.execute(
                "DELETE FROM placet.event_body WHERE stream_id = $1 AND seq = 1", UUID(session)
            )
            await admin.execute("ALTER TABLE placet.event_body ENABLE ALWAYS TRIGGER append_only")
        await admin.close()

    asyncio.run(gone())
    done = office.run("session", "check", session, by="op")
    assert done.returncode == Exit.FAILED
    assert done.stdout.startswith("NOT SOUND")
    assert "nothing tells that it was erased" in done.stdout


async def _lose(server: Server, database: str, session: str, seq: int) -> None:
    admin = await asyncpg.connect(server.admin(database))
    async with admin.transaction():
        for table in ("event_body", "event"):
            change = f"ALTER TABLE placet.{table}"
            await admin.execute(f"{change} DISABLE TRIGGER append_only")
            await admin.execute(
                f"DELETE FROM placet.{table} WHERE stream_id = $1 AND seq = $2",  # noqa: S608 -- one of two tables of ours
                UUID(session),
                seq,
            )
            await admin.execute(f"{change} ENABLE ALWAYS TRIGGER append_only")
    await admin.close()


def test_an_event_that_is_gone_is_told_by_every_way_of_reading(
    floor: Floor, server: Server, database_name: str, tmp_path: Path
) -> None:
    office, session, file = floor.office, floor.session(), tmp_path / "session.jsonl"
    office.told("session", "steal", session, "--reason", "it hangs", by="op")
    asyncio.run(_lose(server, database_name, session, 2))
    for more in ((), ("--all",), ("--all", "--json")):
        done = office.run("session", "events", session, *more, by="op")
        assert done.returncode == Exit.FAILED
        assert "event 2 is missing" in done.stderr
    checked = office.run("session", "check", session, by="op")
    assert checked.returncode == Exit.FAILED
    assert "event 2 is missing" in checked.stdout
    exported = office.run("session", "export", session, "-o", str(file), by="op")
    assert exported.returncode == Exit.FAILED
    assert "is bad" in exported.stderr
    assert file.exists()
