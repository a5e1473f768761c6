"""What is installed works without the checkout: every file that is read at run time is in it."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest
from tests.conftest import PASSWORDS, Server
from tests.house.checkout import PACKAGE, ROOT, files, told

from placet.kernel.ids import Ids
from placet.storage import migrations

PROGRAM = """
import asyncio, json, sys, placet
from placet.storage import migrations, roles
admin, migrator, database, passwords = json.load(sys.stdin)
asyncio.run(roles.initialise(admin, passwords, database=database))
migrations.upgrade(migrator)
print(json.dumps([placet.__file__, str(migrations.location()), migrations.head()]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built by the tools that are installed."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(  # noqa: S603 -- our own interpreter and folder
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [built] = folder.iterdir()
    return built


def test_the_wheel_holds_every_file_of_the_package_and_the_migrations(wheel: Path) -> None:
    within = set(ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(PACKAGE.parent).as_posix() for path in files() if PACKAGE in path.parents
    } | {f"placet/{told(path)}" for path in files() if told(path).startswith("migrations/")}
    assert any(name.endswith(".sql") for name in wanted)
    assert {name for name in within if name.startswith("placet/")} == wanted


def test_the_wheel_holds_nothing_else_but_what_tells_of_it(wheel: Path) -> None:
    others = {
        Path(name).name for name in ZipFile(wheel).namelist() if not name.startswith("placet/")
    }
    assert others == {"METADATA", "WHEEL", "RECORD", "LICENSE", "entry_points.txt"}


def test_an_installed_package_makes_and_migrates_a_database_by_itself(
    wheel: Path, tmp_path: Path, server: Server, ids: Ids
) -> None:
    ZipFile(wheel).extractall(tmp_path)
    name = f"placet_wheel_{ids.new().hex[-8:]}"
    told_on_stdin = msgspec.json.encode(
        [server.admin_url, server.url("placet_migrator", name), name, PASSWORDS]
    )
    done = subprocess.run(  # noqa: S603 -- our own interpreter and program
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        input=told_on_stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    file, location, head = msgspec.json.decode(done.stdout)
    assert Path(file) == tmp_path / "placet" / "__init__.py"
    assert Path(location) == tmp_path / "placet" / "migrations"
    assert head == migrations.head()
