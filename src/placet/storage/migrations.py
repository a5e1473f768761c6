"""Bringing a database's schema up to date.

The migrations lie in `migrations/` of a checkout and inside the installed package. They run as the
migrator's role, which becomes the owner first; a lock that cannot be had within a second is given
up and tried again, so that a migration never queues in front of live requests.
"""

from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

import placet
from placet.kernel.refusals import GovernanceUnavailable

ATTEMPTS: Final = 5


def location() -> Path:
    """Return the folder of the migrations: the package's own, else the checkout's."""
    package = Path(placet.__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent.parent / "migrations"


def config(url: str) -> Config:
    """Return Alembic's configuration for a database, without any ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(location()).replace("%", "%%"))
    settings.attributes["url"] = url
    return settings


def head() -> str:
    """Return the newest revision that this code knows."""
    return str(ScriptDirectory(str(location())).get_current_head())


def upgrade(migrator_url: str) -> None:
    """Bring the schema up to date, as the migrator's role. Blocking.

    Refuses `governance_unavailable` when a lock could not be had in several attempts, or when the
    database is of a newer version of Placet.
    """
    for attempt in range(ATTEMPTS):
        try:
            command.upgrade(config(migrator_url), "head")
        except CommandError as fault:
            raise GovernanceUnavailable(
                detail=f"the schema cannot be brought up to date: {fault}"
            ) from fault
        except Exception as fault:
            busy = isinstance(_cause(fault), asyncpg.LockNotAvailableError)
            if not busy or attempt == ATTEMPTS - 1:
                raise
        else:
            return


def _cause(fault: BaseException) -> BaseException | None:
    orig = getattr(fault, "orig", None)
    return orig.__cause__ if isinstance(orig, BaseException) else None
