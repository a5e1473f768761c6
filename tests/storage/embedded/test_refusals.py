"""What stands in the way of a server is one sentence and a remedy, and changes nothing."""

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from placet.storage.embedded import server
from placet.storage.embedded.binaries import copied, locate
from placet.storage.embedded.cluster import Origin, ensure
from placet.storage.embedded.faults import (
    BinariesMissing,
    FolderClosed,
    NoUnprivilegedUser,
    OtherMajor,
    PasswordsLost,
    StartFailed,
)
from placet.storage.embedded.unprivileged import server_user

NOBODY = pwd.getpwnam("nobody").pw_uid


class Holder(Protocol):
    """A process that holds the server, as `conftest` makes it."""

    def answer(self) -> dict[str, Any]:
        """Wait for its next line."""

    def leave(self) -> None:
        """Tell it to let go."""

    def kill(self) -> None:
        """Kill it."""


Hold = Callable[..., Holder]


def test_an_ordinary_user_runs_the_server_as_themselves(folder: Path, hold: Hold) -> None:
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    os.chown(folder, user, -1)
    programs = copied(locate(None), folder)
    holder = hold(folder / "data", user=user, pg_bin=str(programs))
    server = holder.answer()["server"]
    assert Path(f"/proc/{server}").stat().st_uid == user
    assert (folder / "data").stat().st_mode & 0o777 == 0o700
    holder.leave()


def test_a_user_without_an_entry_is_told_so(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(NoUnprivilegedUser, match="54321") as told:
        server_user(folder / "data")
    assert "PLACET_DATABASE_URL" in told.value.remedy


def test_root_with_nobody_to_leave_the_server_to_is_told_so(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(NoUnprivilegedUser, match="root") as told:
        server_user(folder / "data", ["no-such-user", "root"])
    assert "useradd" in told.value.remedy


def test_root_leaves_the_server_to_the_owner_of_the_data(
    monkeypatch: pytest.MonkeyPatch, made: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    owner = (made / "postgres" / "data").stat().st_uid
    assert server_user(made / "postgres" / "data", ["root"]).uid == owner


def test_a_folder_below_one_that_cannot_be_entered_is_refused_and_stays_closed(
    folder: Path,
) -> None:
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0o700 if os.geteuid() == 0 else 0o000)
    mode = closed.stat().st_mode
    with pytest.raises(FolderClosed) as told:
        ensure(closed / "data")
    assert "PLACET_DATA_DIR" in told.value.remedy
    assert closed.stat().st_mode == mode
    closed.chmod(0o700)


def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "data").write_text("")
    with pytest.raises(FolderClosed):
        ensure(folder / "data")


def test_a_full_disk_is_named_and_leaves_nothing_half_made(folder: Path, hold: Hold) -> None:
    answer = hold(folder, file_bytes_max=4096).answer()
    assert answer["fault"] == "DiskFull"
    assert "no room" in answer["detail"]
    assert "PLACET_DATA_DIR" in answer["remedy"]
    assert not (folder / "postgres" / "data").exists()
    assert not (folder / "postgres" / "data.tmp").exists()
    holder = hold(folder)
    assert holder.answer()["origin"] == Origin.CREATED
    holder.leave()


def test_a_folder_without_programs_is_refused(folder: Path) -> None:
    (folder / "bin").mkdir()
    with pytest.raises(BinariesMissing, match="postgres") as told:
        ensure(folder, folder / "bin")
    assert "PLACET_PG_BIN" in told.value.remedy


def test_a_program_that_is_no_postgres_is_refused(folder: Path) -> None:
    (folder / "bin").mkdir()
    for name in ("postgres", "initdb"):
        (folder / "bin" / name).write_text("#!/bin/sh\necho hello\n")
        (folder / "bin" / name).chmod(0o755)
    with pytest.raises(BinariesMissing, match="hello"):
        ensure(folder, folder / "bin")


def test_data_of_another_major_are_refused_and_left_as_they_are(folder: Path) -> None:
    older = locate(None).bin.parents[1] / "pginstall" / "bin"
    with ensure(folder, older) as cluster:
        assert cluster.version.startswith("16.")
    with pytest.raises(OtherMajor, match=r"Postgres 16.* Postgres 18") as told:
        ensure(folder)
    assert "PLACET_PG_BIN" in told.value.remedy
    with ensure(folder, older) as cluster:
        assert cluster.origin is Origin.STARTED


def test_data_whose_passwords_are_lost_are_refused_and_left_as_they_are(
    made: Path, pg_bin: Path | None
) -> None:
    memory = (made / "postgres.json").read_bytes()
    (made / "postgres.json").unlink()
    with pytest.raises(PasswordsLost, match="gone"):
        ensure(made, pg_bin)
    (made / "postgres.json").write_bytes(b"{")
    with pytest.raises(PasswordsLost, match="cannot be read"):
        ensure(made, pg_bin)
    (made / "postgres.json").write_bytes(memory)
    ensure(made, pg_bin).close()


def test_copied_programs_find_their_libraries(folder: Path) -> None:
    packaged = locate(None)
    copy = locate(copied(packaged, folder))
    assert copy.bin != packaged.bin
    assert copy.version == packaged.version
    os.utime(copy.bin / "postgres", (1, 1))
    assert copied(packaged, folder) == copy.bin
    assert (copy.bin / "postgres").stat().st_mtime == 1


def test_nothing_is_started_beside_what_a_killed_server_left_running(
    made: Path, pg_bin: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CLEAR_SECONDS", 0.05)
    data = made / "postgres" / "data"
    with subprocess.Popen(["/bin/cat"], cwd=data, stdin=subprocess.PIPE) as left:
        with pytest.raises(StartFailed, match=str(left.pid)):
            ensure(made, pg_bin)
        left.communicate()
    ensure(made, pg_bin).close()
