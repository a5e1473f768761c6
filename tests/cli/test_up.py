"""Starting and stopping: `up`, `down`, `reset`."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placet.cli import service
from placet.cli.exits import Exit
from placet.storage import roles
from placet.storage.embedded.cluster import Cluster, ensure, runs

Placet = Callable[..., Any]


def _status(url: str) -> int:
    with urllib.request.urlopen(f"{url}/readyz", timeout=60) as answer:  # noqa: S310 -- the address that `up` printed
        status: int = answer.status
    return status


def _addresses(cluster: Cluster) -> dict[str, str]:
    return {
        "PLACET_DATABASE_URL": cluster.url("placet_app"),
        "PLACET_ADMIN_DATABASE_URL": cluster.url("placet_migrator"),
    }


def test_up_and_down_of_an_empty_folder(placet: Placet, folder: Path) -> None:
    up = placet("up", "--detach", "--json")
    assert up.returncode == Exit.OK, up.stderr
    running = json.loads(up.stdout)
    assert _status(running["url"]) == 200
    again = placet("up", "--detach", "--json")
    assert json.loads(again.stdout) == running
    down = placet("down", "--json")
    assert json.loads(down.stdout) == {"service": True, "postgres": True}
    assert service.find(folder) is None
    assert not runs(folder)
    assert json.loads(placet("down", "--json").stdout) == {"service": False, "postgres": False}


@pytest.mark.usefixtures("environment")
def test_the_foreground_uses_an_own_postgres_and_starts_none(
    folder: Path, foreign: Cluster
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "placet", "up"],
        env=os.environ | _addresses(foreign),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert _status(process.stdout.readline().strip()) == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == Exit.INTERRUPTED, said
    assert "Traceback" not in said
    assert service.find(folder) is None
    assert not (folder / "postgres").exists()
    assert foreign.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_is_an_orderly_end_also_the_second_time(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    left = []

    def work() -> None:
        with service.stopped_by_signals():
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)
                left.append("in order")

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 0
    assert left == ["in order"]
    assert signal.getsignal(number) is before


def test_a_postgres_that_somebody_else_holds_goes_on_after_down(
    placet: Placet, folder: Path
) -> None:
    with ensure(folder):
        done = placet("down", "--json")
        assert json.loads(done.stdout) == {"service": False, "postgres": False}
        assert "another process uses" in done.stderr
        assert runs(folder)


def test_a_postgres_whose_holder_was_killed_is_stopped_by_down(
    placet: Placet, folder: Path
) -> None:
    program = (
        "import os; from pathlib import Path; from placet.storage.embedded.cluster import ensure;"
        f"ensure(Path({str(folder)!r})); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603 -- our own program
    assert runs(folder)
    assert json.loads(placet("down", "--json").stdout) == {"service": False, "postgres": True}
    assert not runs(folder)


def test_what_a_killed_service_left_behind_is_no_service(placet: Placet, folder: Path) -> None:
    (folder / "server.lock").touch()
    (folder / "server.json").write_text(json.dumps({"pid": os.getpid(), "url": "http://x"}))
    assert service.find(folder) is None
    assert json.loads(placet("down", "--json").stdout)["service"] is False


def test_a_second_service_of_one_folder_is_refused_and_the_first_stays(
    placet: Placet, folder: Path
) -> None:
    with service.claimed(folder) as file:
        running = service.announce(file, "http://first", "http://first")
        done = placet("up")
        assert done.returncode == Exit.INFRASTRUCTURE
        assert "runs already" in done.stderr
        assert "placet down" in done.stderr
        assert service.find(folder) == running


def test_a_taken_port_is_named_also_by_a_service_in_the_background(
    placet: Placet, folder: Path, foreign: Cluster
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = placet("up", "--detach", "--port", str(port), **_addresses(foreign))
    assert done.returncode == Exit.INFRASTRUCTURE
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert service.find(folder) is None


def test_a_database_that_does_not_answer_is_named_with_no_password(placet: Placet) -> None:
    done = placet("up", PLACET_DATABASE_URL="postgresql://placet_app:canary@127.0.0.1:1/placet")
    assert done.returncode == Exit.INFRASTRUCTURE
    assert done.stderr.startswith("error: no Postgres answers at 127.0.0.1:1")
    assert "\nremedy: " in done.stderr
    assert "canary" not in done.stderr


def test_a_superuser_and_an_owner_are_refused_as_the_app_with_the_remedy(
    placet: Placet, foreign: Cluster
) -> None:
    for role in ("postgres", "placet_migrator"):
        done = placet("up", PLACET_DATABASE_URL=foreign.url(role))
        assert done.returncode == Exit.INFRASTRUCTURE
        assert f"`{role}`" in done.stderr
        assert "placet db init" in done.stderr


def test_a_full_disk_is_named_and_stops_the_start(placet: Placet) -> None:
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, -1));"
        "from placet.cli.main import run; sys.exit(run(['up']))"
    )
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "no room left" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(placet("down", "--json").stdout) == {"service": False, "postgres": False}


def test_reset_asks_before_it_removes_and_then_starts_empty(placet: Placet, folder: Path) -> None:
    with ensure(folder) as cluster:
        before = cluster.url("placet_app")
    refused = placet("reset")
    assert refused.returncode == Exit.USAGE
    assert "--yes" in refused.stderr
    assert (folder / "postgres").exists()
    (folder / "keys").mkdir()
    assert json.loads(placet("reset", "--yes", "--json").stdout)["removed"] is True
    assert not (folder / "postgres").exists()
    assert not (folder / "postgres.json").exists()
    assert (folder / "keys").exists()
    with ensure(folder) as cluster:
        assert roles.url_for(cluster.url("placet_app"), "a", "b", "c") != before


def test_reset_never_touches_an_own_postgres(placet: Placet, foreign: Cluster) -> None:
    done = placet("reset", "--yes", PLACET_DATABASE_URL=foreign.url("placet_app"))
    assert done.returncode == Exit.USAGE
    assert "PLACET_DATABASE_URL" in done.stderr
