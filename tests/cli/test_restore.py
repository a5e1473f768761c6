"""`placet restore`: on an embedded Postgres that the epoch was raised for, and on one that not."""

import asyncio
import json
import os
import threading
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tests.cli.conftest import Placet
from tests.cli.floor import Floor
from tests.cli.office import Office
from tests.conftest import Server
from tests.server.serving import serving

from placet.authority.recovery.beside import within
from placet.cli import doctor
from placet.cli.exits import Exit
from placet.events.model import StreamKind, tenant_stream
from placet.kernel.ids import TenantId
from placet.settings import Settings
from placet.storage.checks import Status, find_data_folder
from placet.storage.embedded.cluster import ensure

LEFT = """
INSERT INTO placet.authority_recovery (
    tenant_id, epoch, from_epoch, log_size, began_at, told_seq, lost_ends)
VALUES ($1, 9, 8, 0, now(), 1, '[{"type": "ApproverRemoved", "target": "x", "event_id": null}]')
"""
UNTOLD = """
ALTER TABLE placet.authority_recovery DISABLE TRIGGER USER;
UPDATE placet.authority_recovery SET told_seq = NULL;
ALTER TABLE placet.authority_recovery ENABLE TRIGGER USER
"""
NOWHERE = "00000000-0000-0000-0000-000000000001"
KEPT = """
{"tenant_id":"TENANT","type":"WorkspaceArchived","stream_id":"NOWHERE","body":null}
{"tenant_id":"TENANT","stream_id":"TENANCY","type":"ApiKeyRevoked","body":{"key_id":"KEY"}}
{"tenant_id":"TENANT","stream_id":"AUTHORITY","type":"ServerKeyRevoked","body":{"key_id":"x"}}
"""


def lines_of(tenant: str) -> str:
    """Return lines of an export of this tenant."""
    lines = KEPT.replace("TENANT", tenant).replace("NOWHERE", NOWHERE).replace("KEY", "k" * 16)
    for kind in (StreamKind.TENANCY, StreamKind.AUTHORITY):
        stream = tenant_stream(TenantId(UUID(tenant)), kind)
        lines = lines.replace(kind.name, str(stream))
    return lines


async def told(url: str, statement: str, *given: object) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement, *given)
    await connection.close()


def test_a_database_that_moved_is_taken_into_use_once_it_was_verified(
    placet: Placet, folder: Path, tmp_path: Path
) -> None:
    assert placet("migrate").returncode == Exit.OK
    tenant = json.loads(placet("tenant", "create", "acme", "--json").stdout)["tenant"]["tenant_id"]
    with ensure(folder) as cluster:
        moved = "UPDATE placet.storage_epoch SET system_identifier = '1'"
        asyncio.run(told(cluster.url("postgres"), moved))
        warned = placet("doctor")
        assert warned.returncode == Exit.OK
        assert "another server or timeline" in warned.stdout
        done = placet("restore", "--verify", "--witness", str(tmp_path), "--json")
        assert done.returncode == Exit.OK, done.stderr
        report = json.loads(done.stdout)
        assert (report["from_epoch"], report["is_raised"]) == (1, True)
        assert [one["looked"]["tenant_id"] for one in report["tenants"]] == [tenant]
        assert f"{report['epoch']}, of this server" in placet("doctor").stdout
        unsaid = placet("restore", "--verify")
        assert unsaid.returncode == Exit.USAGE
        assert "--no-witness" in unsaid.stderr
        both = placet("restore", "--verify", "--no-witness", "--witness", str(tmp_path))
        assert both.returncode == Exit.USAGE
        idle = placet("restore", "--verify", "--no-witness")
        assert (idle.returncode != Exit.OK, "--again" in idle.stderr) == (True, True)
        kept = tmp_path / "control.jsonl"
        kept.write_text(lines_of(tenant))
        again = placet("restore", "--verify", "--no-witness", "--again", "--controls", str(kept))
        assert f"tenant {tenant}" in again.stdout
        assert f"counts nowhere: ApiKeyRevoked of {'k' * 16}" in again.stdout
        assert f"for people to repeat: WorkspaceArchived of {NOWHERE}" in again.stdout
        assert "1 keys of the service that had ended are not listed here" in again.stdout
        assert "placet restore close" in again.stdout
        assert "--again once more" not in again.stdout
        asyncio.run(told(cluster.url("postgres"), UNTOLD))
        resumed = placet("restore", "--verify", "--no-witness", "--again")
        assert resumed.returncode == Exit.OK, resumed.stderr
        assert "--again once more" in resumed.stdout


def test_a_restore_without_a_look_is_refused(placet: Placet) -> None:
    done = placet("restore")
    assert done.returncode == Exit.USAGE
    assert "placet restore --verify" in done.stderr


def test_a_restore_says_where_it_was_said_twice_over_whether_there_is_a_witness(
    placet: Placet, tmp_path: Path
) -> None:
    restore = ("restore", "--verify", "--no-witness")
    by_variable = placet(*restore, PLACET_WITNESS_DIR=str(tmp_path))
    assert by_variable.returncode == Exit.USAGE
    assert "PLACET_WITNESS_DIR" in by_variable.stderr
    assert "has to be said" not in by_variable.stderr
    both = placet(*restore, "--witness", str(tmp_path))
    assert f"--witness names `{tmp_path}`" in both.stderr
    away = placet("restore", "--verify", PLACET_WITNESS_DIR=str(tmp_path / "away"))
    assert (away.returncode, "is not there" in away.stderr) == (Exit.USAGE, True)


def test_controls_that_are_no_export_are_refused_with_their_file_and_line(
    placet: Placet, tmp_path: Path
) -> None:
    file = tmp_path / "er.txt"
    file.write_text("\nstop everything\n")
    done = placet("restore", "--verify", "--no-witness", "--controls", str(file))
    assert done.returncode == Exit.USAGE
    assert "line 2 of the controls cannot be read" in done.stderr
    assert str(file) in done.stderr
    assert "remedy: give a file that `placet bundle export` wrote" in done.stderr


@pytest.mark.parametrize(
    ("url", "where", "status"),
    [
        (None, None, None),
        ("postgresql://db.example/placet", None, Status.WARN),
        (None, "beside", Status.WARN),
        (None, "gone", Status.FAIL),
        (None, "elsewhere", Status.OK),
    ],
)
def test_the_doctor_says_where_checkpoints_are_safe(
    tmp_path: Path, url: str | None, where: str | None, status: Status | None
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    elsewhere = Path("/proc")
    assert os.stat(elsewhere).st_dev != os.stat(tmp_path).st_dev  # noqa: PTH116 -- volumes
    folders = {"beside": beside, "gone": tmp_path / "gone", "elsewhere": elsewhere}
    settings = Settings(
        data_dir=tmp_path,
        database_url=url,
        witness_dir=None if where is None else folders[where],
    )
    found = [check.status for check in doctor.witness(settings)]
    assert found == ([] if status is None else [status])


def test_the_doctor_asks_a_server_of_ones_own_where_its_data_is(
    server: Server, database_name: str, database_url: str, tmp_path: Path
) -> None:
    url = server.admin(database_name)
    data = asyncio.run(find_data_folder(url))
    assert data is not None
    assert asyncio.run(find_data_folder(database_url)) is None
    beside = Settings(data_dir=tmp_path, database_url=url, witness_dir=data.parent)
    assert [check.status for check in doctor.witness(beside)] == [Status.WARN]
    unseen = Settings(data_dir=tmp_path, database_url=database_url, witness_dir=data.parent)
    (check,) = doctor.witness(unseen)
    assert (check.status, "not seen here" in check.found) == (Status.OK, True)


def test_work_that_hangs_is_given_up() -> None:
    is_over = threading.Event()
    with pytest.raises(TimeoutError):
        asyncio.run(within(is_over.wait, 0.05))
    assert asyncio.run(within(is_over.is_set, 5)) is False
    is_over.set()


def test_an_operator_closes_what_a_restore_left_open(
    placet: Placet, server: Server, database_name: str, database_url: str, tmp_path: Path
) -> None:
    with serving(database_url, tmp_path / "keys") as port:
        floor = Floor(Office(placet, f"http://127.0.0.1:{port}", database_url, tmp_path))
        asyncio.run(told(server.admin(database_name), LEFT, floor.office.tenant))
        close = ("restore", "close", "--epoch", "9", "--reason", "nothing was lost")
        named = floor.office.run(*close, by="op")
        assert "ApproverRemoved of x is to be repeated" in named.stderr
        done = floor.office.run(*close, "--repeated", by="op")
        assert done.returncode == Exit.OK, done.stderr
        assert done.stdout.strip() == "closed: epoch 9 grants as before"
        again = floor.office.run(*close, by="op")
        assert again.returncode == Exit.NOT_FOUND
