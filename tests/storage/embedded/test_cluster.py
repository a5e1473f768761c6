"""The embedded server: made once, held by many, stopped by the last."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from placet.kernel.clock import SystemClock
from placet.storage.embedded.cluster import Cluster, Origin, ensure, runs, stop_unheld
from placet.storage.embedded.faults import StillHeld
from placet.storage.embedded.layout import prepare
from placet.storage.embedded.watch import kept_alive

Ask = Callable[[str, str], object]


class Holder(Protocol):
    """A process that holds the server, as `conftest` makes it."""

    def answer(self) -> dict[str, Any]:
        """Wait for its next line."""

    def leave(self) -> None:
        """Tell it to let go."""

    def kill(self) -> None:
        """Kill it."""


Hold = Callable[..., Holder]


def test_a_new_cluster_asks_for_passwords_and_keeps_checksums(
    own_cluster: Cluster, ask: Ask
) -> None:
    url = own_cluster.url("placet_app")
    assert ask(url, "SELECT current_user::text") == "placet_app"
    assert ask(url, "SHOW data_checksums") == "on"
    assert ask(url, "SHOW fsync") == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(url.replace("placet_app:", "placet_app:x"), "SELECT 1")


def test_letters_of_all_scripts_are_known_whatever_the_machine_speaks(
    own_cluster: Cluster, ask: Ask
) -> None:
    assert ask(own_cluster.url("placet_app"), "SELECT upper('äøя')") == "ÄØЯ"
    assert ask(own_cluster.url("placet_app"), "SELECT 'a' > 'B'") is True


def test_it_listens_on_the_loopback_address_and_nowhere_else(
    own_cluster: Cluster, ask: Ask
) -> None:
    url = own_cluster.url("postgres")
    assert ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(url, "SHOW unix_socket_directories") == ""


def test_the_server_does_not_run_as_root_and_owns_its_folder_alone(own_cluster: Cluster) -> None:
    uid = Path(f"/proc/{own_cluster.pid}").stat().st_uid
    home = own_cluster.data.parent
    assert uid != 0
    assert {home.stat().st_uid, own_cluster.data.stat().st_uid} == {uid}
    assert home.stat().st_mode & 0o077 == 0


def test_a_stranger_cannot_read_the_passwords(own_cluster: Cluster) -> None:
    memory = own_cluster.data.parent.parent / "postgres.json"
    assert memory.stat().st_mode & 0o077 == 0
    assert memory.stat().st_uid == os.geteuid()


def test_no_folder_above_the_data_folder_changes(folder: Path, pg_bin: Path | None) -> None:
    folder.chmod(0o755)
    above = [folder, *folder.parents]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in above]
    with ensure(folder / "data", pg_bin):
        pass
    assert [(path.stat().st_mode, path.stat().st_uid) for path in above] == before


def test_the_last_holder_stops_the_server_and_no_other(made: Path, pg_bin: Path | None) -> None:
    with ensure(made, pg_bin) as first:
        with ensure(made, pg_bin) as second:
            assert (first.origin, second.origin) == (Origin.STARTED, Origin.ADOPTED)
            assert (first.pid, first.port) == (second.pid, second.port)
        assert runs(made)
    assert not runs(made)


def test_the_port_is_kept_over_a_restart(made: Path, pg_bin: Path | None) -> None:
    with ensure(made, pg_bin) as cluster:
        before = cluster.port
    with ensure(made, pg_bin) as cluster:
        assert cluster.port == before


def test_a_taken_port_is_left_for_another_that_is_then_kept(
    made: Path, pg_bin: Path | None, ask: Ask
) -> None:
    with ensure(made, pg_bin) as cluster:
        before = cluster.port
    with socket.create_server(("127.0.0.1", before)), ensure(made, pg_bin) as cluster:
        moved = cluster.port
        assert moved != before
        assert ask(cluster.url("placet_app"), "SELECT 1") == 1
    with ensure(made, pg_bin) as cluster:
        assert cluster.port == moved


def test_four_processes_on_an_empty_folder_make_one_cluster(folder: Path, hold: Hold) -> None:
    holders = [hold(folder) for _ in range(4)]
    answers = [holder.answer() for holder in holders]
    assert sorted(a["origin"] for a in answers) == ["adopted"] * 3 + ["created"]
    assert len({(a["port"], a["server"]) for a in answers}) == 1
    for holder in holders[:3]:
        holder.leave()
    assert runs(folder)
    holders[3].leave()
    assert not runs(folder)


def test_a_server_whose_holder_was_killed_goes_on_and_is_adopted(
    made: Path, pg_bin: Path | None, hold: Hold
) -> None:
    holder = hold(made)
    server = holder.answer()["server"]
    holder.kill()
    assert runs(made)
    with ensure(made, pg_bin) as cluster:
        assert (cluster.origin, cluster.pid) == (Origin.ADOPTED, server)
    assert not runs(made)


def test_a_server_that_nobody_holds_can_be_stopped(made: Path, hold: Hold) -> None:
    holder = hold(made)
    holder.answer()
    with pytest.raises(StillHeld):
        stop_unheld(made)
    holder.kill()
    assert stop_unheld(made)
    assert not stop_unheld(made)


def test_every_answered_commit_survives_a_kill_of_the_server(
    made: Path, pg_bin: Path | None, ask: Ask
) -> None:
    with ensure(made, pg_bin) as cluster:
        url = cluster.url("postgres")
        ask(url, "CREATE TABLE kept (n int)")
        ask(url, "INSERT INTO kept SELECT generate_series(1, 1000) RETURNING 1")
        os.kill(cluster.pid, signal.SIGKILL)
        with ensure(made, pg_bin) as again:
            assert again.origin is Origin.STARTED
            assert again.port == cluster.port
            assert ask(url, "SELECT count(*) FROM kept") == 1000


def test_a_zombie_with_the_number_of_the_server_does_not_stop_a_start(
    made: Path, pg_bin: Path | None
) -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with contextlib.closing(ensure(made, pg_bin)) as cluster:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    (made / "postgres" / "data" / "postmaster.pid").write_text(
        "\n".join([str(child), *lines[1:], ""])
    )
    with ensure(made, pg_bin) as cluster:
        assert cluster.origin is Origin.STARTED
    os.waitpid(child, 0)


def test_a_watched_server_comes_back_by_itself_at_the_same_address(
    made: Path, pg_bin: Path | None, ask: Ask
) -> None:
    with ensure(made, pg_bin) as cluster, kept_alive(cluster, every_seconds=0.01):
        killed, url, clock = cluster.pid, cluster.url("placet_app"), SystemClock()
        os.kill(killed, signal.SIGKILL)
        end, answer = clock.monotonic() + 120, None
        while answer is None and clock.monotonic() < end:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                answer = ask(url, "SELECT 1")
        assert answer == 1
    assert cluster.pid != killed


def test_what_a_crash_left_of_a_cluster_is_made_anew(folder: Path, pg_bin: Path | None) -> None:
    half = prepare(folder).home / "data.tmp"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with ensure(folder, pg_bin) as cluster:
        assert cluster.origin is Origin.CREATED
    assert not half.exists()


def test_a_crash_before_the_roles_were_made_is_made_good(
    made: Path, pg_bin: Path | None, ask: Ask
) -> None:
    memory = made / "postgres.json"
    memory.write_text(memory.read_text().replace('"roles_made":true', '"roles_made":false'))
    with ensure(made, pg_bin) as cluster:
        assert ask(cluster.url("placet_app"), "SELECT 1") == 1
    assert '"roles_made":true' in memory.read_text()
