"""Whether a database is one that the service may run on: facts read once, then judged.

`read_facts` asks the server as the application's role; `judge` is a function of what it answered.
A failed check stops the service from starting; a warning does not.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from placet.kernel.value import Value
from placet.storage.epoch import READ, EpochSeen, seen
from placet.storage.roles import OLDEST, connected
from placet.storage.unusable import Unsuitable

NEWEST_TRIED: Final = 18
CONNECTIONS_NEEDED: Final = 40
INIT: Final = "make the roles with `placet db init --admin-url …` and use the address it prints"
_HAS_EPOCH: Final = "SELECT to_regprocedure('placet.storage_epoch_read_v1()') IS NOT NULL"
_DATA_FOLDER: Final = """
SELECT setting FROM pg_settings WHERE name = 'data_directory'
    AND (inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr())
"""
_FACTS: Final = Path(__file__).with_name("facts.sql")
_SAFE_COMMITS: Final = frozenset({"on", "local", "remote_write", "remote_apply"})


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Value, frozen=True):
    """One thing that was looked at. `remedy` is empty where nothing is wrong."""

    name: str
    status: Status
    found: str
    remedy: str = ""


class Facts(Value, frozen=True):
    """What a server says of itself and of the role that asks."""

    version: str
    major: int
    encoding: str
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    checksums: bool
    read_only: bool
    connections_max: int
    statement_timeout_ms: int
    lock_timeout_ms: int
    idle_timeout_ms: int
    role: str
    is_superuser: bool
    bypasses_rls: bool
    owns: list[str]
    member_of: list[str]
    may_create: list[str]
    schema_present: bool
    revision: str | None
    open_tables: list[str]
    epoch: EpochSeen | None = None


async def read_facts(connection: "asyncpg.Connection[Any]") -> Facts:
    """Ask the server everything in one statement, as the role of the connection."""
    row = await connection.fetchrow(_FACTS.read_text())
    version_table = await connection.fetchval("SELECT to_regclass('placet.alembic_version')")
    try:
        revision = version_table and await connection.fetchval(
            "SELECT version_num FROM placet.alembic_version"
        )
    except asyncpg.InsufficientPrivilegeError:
        revision = None
    epoch = await _read_epoch(connection)
    return msgspec.convert({**dict(row or {}), "revision": revision, "epoch": epoch}, Facts)


async def _read_epoch(connection: "asyncpg.Connection[Any]") -> EpochSeen | None:
    """Return the restore epoch; None before there is one, and for a role that may not ask."""
    try:
        has_epoch = await connection.fetchval(_HAS_EPOCH)
        told = await connection.fetchrow(READ) if has_epoch else None
    except asyncpg.InsufficientPrivilegeError:
        return None
    return None if told is None else seen(told)


async def look(app_url: str, head: str) -> tuple[Check, ...]:
    """Connect as the application's role, and return every check. Refuses as `connected` does."""
    async with connected(app_url) as connection:
        return judge(await read_facts(connection), head)


async def find_data_folder(url: str) -> Path | None:
    """Return where a server on this machine has its data; None for others, and where it is hidden.

    Most roles may not ask. Refuses as `connected` does.
    """
    async with connected(url) as connection:
        found = await connection.fetchval(_DATA_FOLDER)
    return None if found is None else Path(found)


def refuse_failed(found: tuple[Check, ...]) -> None:
    """Refuse `Unsuitable` with the first check that failed."""
    for check in found:
        if check.status is Status.FAIL:
            raise Unsuitable(detail=f"{check.name}: {check.found}", remedy=check.remedy)


def judge(facts: Facts, head: str) -> tuple[Check, ...]:
    """Return every check of a database. `head` is the revision that this code was written for."""
    return (
        _version(facts),
        _encoding(facts),
        _durability(facts),
        _checksums(facts),
        _writable(facts),
        _connections(facts),
        _role(facts),
        _waits(facts),
        _schema(facts, head),
        _tenancy(facts),
        *(() if facts.epoch is None else (_epoch(facts.epoch),)),
    )


def _version(facts: Facts) -> Check:
    found = f"Postgres {facts.version}"
    if facts.major < OLDEST:
        remedy = f"give it a newer Postgres, {OLDEST} to {NEWEST_TRIED}"
        return Check(name="version", status=Status.FAIL, found=found, remedy=remedy)
    if facts.major > NEWEST_TRIED:
        remedy = f"Placet was tried up to Postgres {NEWEST_TRIED}; look for a newer Placet"
        return Check(name="version", status=Status.WARN, found=found, remedy=remedy)
    return Check(name="version", status=Status.OK, found=found)


def _encoding(facts: Facts) -> Check:
    right = facts.encoding == "UTF8"
    return _check("encoding", facts.encoding, "" if right else f"use a UTF-8 database: {INIT}")


def _durability(facts: Facts) -> Check:
    off = [name for name in ("fsync", "full_page_writes") if not getattr(facts, name)]
    if facts.synchronous_commit not in _SAFE_COMMITS:
        off.append("synchronous_commit")
    if off:
        names = " and ".join(off)
        remedy = f"turn {names} on in the server's configuration: a crash would lose evidence"
        return _check("durability", f"{names} off", remedy)
    return _check("durability", f"every commit is on disk ({facts.synchronous_commit})", "")


def _checksums(facts: Facts) -> Check:
    if facts.checksums:
        return Check(name="checksums", status=Status.OK, found="pages carry checksums")
    return Check(
        name="checksums",
        status=Status.WARN,
        found="pages carry no checksums, so a failing disk goes unnoticed",
        remedy="stop the server and run `pg_checksums --enable`",
    )


def _writable(facts: Facts) -> Check:
    found = "read-only: a standby, or told so" if facts.read_only else "takes writes"
    return _check("writable", found, "use the primary's address" if facts.read_only else "")


def _connections(facts: Facts) -> Check:
    found = f"{facts.connections_max} connections at most"
    if facts.connections_max >= CONNECTIONS_NEEDED:
        return Check(name="connections", status=Status.OK, found=found)
    remedy = f"raise max_connections to {CONNECTIONS_NEEDED} or more for each server process"
    return Check(name="connections", status=Status.WARN, found=found, remedy=remedy)


def _role(facts: Facts) -> Check:
    wrong = []
    if facts.is_superuser:
        wrong.append("is a superuser")
    if facts.bypasses_rls:
        wrong.append("bypasses row-level security")
    if facts.owns:
        wrong.append(f"owns {', '.join(facts.owns)}")
    if facts.member_of:
        wrong.append(f"can become {', '.join(facts.member_of)}")
    if facts.may_create:
        wrong.append(f"may create in {', '.join(facts.may_create)}")
    found = f"`{facts.role}` {' and '.join(wrong)}" if wrong else f"`{facts.role}` owns nothing"
    return _check("app role", found, INIT if wrong else "")


def _waits(facts: Facts) -> Check:
    limits = {
        "statement_timeout": facts.statement_timeout_ms,
        "lock_timeout": facts.lock_timeout_ms,
        "idle_in_transaction_session_timeout": facts.idle_timeout_ms,
    }
    unlimited = [name for name, milliseconds in limits.items() if milliseconds == 0]
    if unlimited:
        return Check(
            name="time-outs",
            status=Status.WARN,
            found=f"`{facts.role}` has no {', '.join(unlimited)}",
            remedy=INIT,
        )
    return Check(name="time-outs", status=Status.OK, found="the role waits for nothing for long")


def _schema(facts: Facts, head: str) -> Check:
    if not facts.schema_present:
        return _check("schema", "there is no schema `placet`", INIT)
    if facts.revision != head:
        found = f"revision {facts.revision or 'none'}, and this version needs {head}"
        return _check("schema", found, "run `placet migrate`")
    return _check("schema", f"revision {head}", "")


def _tenancy(facts: Facts) -> Check:
    if facts.open_tables:
        found = f"not forced on {', '.join(facts.open_tables)}"
        return _check(
            "row-level security", found, "run `placet migrate`, and find out who did this"
        )
    return _check("row-level security", "forced on every table of a tenant", "")


def _epoch(epoch: EpochSeen) -> Check:
    """Say whether the restore epoch is this server's. Otherwise it runs, and grants nothing."""
    if epoch.is_current:
        return Check(name="restore epoch", status=Status.OK, found=f"{epoch.epoch}, of this server")
    return Check(
        name="restore epoch",
        status=Status.WARN,
        found=f"{epoch.epoch} was raised for another server or timeline, so nothing is granted",
        remedy="run `placet restore --verify`",
    )


def _check(name: str, found: str, remedy: str) -> Check:
    status = Status.FAIL if remedy else Status.OK
    return Check(name=name, status=status, found=found, remedy=remedy)
