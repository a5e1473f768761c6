"""A service starts on a fit database and a free port or says in one sentence why not, and stops."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.conftest import Server

from placet.server.run import PortTaken, check, listen, serve
from placet.settings import Settings
from placet.storage.unusable import Unreachable, Unsuitable

SERVE = """
import sys
from pathlib import Path
from placet.server import run
from placet.server.run import serve
from placet.settings import Settings
run.GRACE_SECONDS = 600
settings = Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2], port=0)
serve(settings, lambda url: print(url, flush=True))
"""


def settings(folder: Path, url: str | None, port: int = 0) -> Settings:
    return Settings(data_dir=folder, database_url=url, port=port)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_taken_port_is_told_in_one_sentence(database_url: str, tmp_path: Path) -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            serve(settings(tmp_path, database_url, port))
    assert caught.value.detail == f"something listens on port {port} of 127.0.0.1 already"
    assert "--port" in caught.value.remedy


def test_an_address_of_another_machine_is_told_in_one_sentence() -> None:
    with pytest.raises(PortTaken, match="cannot be listened to"):
        listen("192.0.2.1", 0)


def test_a_name_of_no_machine_is_told_in_one_sentence() -> None:
    with pytest.raises(PortTaken, match="no address of this machine"):
        listen("no such host", 0)


def test_no_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unsuitable, match="no database"):
        serve(settings(tmp_path, None))


def test_a_database_that_does_not_answer_is_told_in_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql://placet_app:x@127.0.0.1:{free_port()}/placet"
    with pytest.raises(Unreachable):
        serve(settings(tmp_path, url))


async def test_a_role_that_may_do_too_much_is_refused(server: Server, database_name: str) -> None:
    with pytest.raises(Unsuitable, match=r"app role: .*superuser"):
        await check(server.admin(database_name))


async def test_a_schema_of_another_version_is_refused(
    server: Server, fresh_database_url: str
) -> None:
    name = fresh_database_url.rpartition("/")[2].partition("?")[0]
    owner = await asyncpg.connect(server.admin(name))
    await owner.execute("UPDATE placet.alembic_version SET version_num = '0000'")
    await owner.close()
    with pytest.raises(Unsuitable, match="schema: revision 0000") as caught:
        await check(fresh_database_url)
    assert "placet migrate" in caught.value.remedy


async def test_a_fit_database_passes(database_url: str) -> None:
    await check(database_url)


async def test_a_service_answers_until_it_is_asked_to_stop(
    database_url: str, tmp_path: Path
) -> None:
    with subprocess.Popen(  # noqa: ASYNC220, S603 -- our own program, started once
        [sys.executable, "-c", SERVE, str(tmp_path), database_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    ) as process:
        assert process.stdout is not None
        url = (await asyncio.to_thread(process.stdout.readline)).strip()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/readyz")).status_code == 200
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in said
    assert "route=/readyz status=200" in said
