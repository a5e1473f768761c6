"""The roles, the database and the schema that Placet stands on, in any Postgres from 15 to 18.

Nothing here knows what the tables are; the migrations make those afterwards, as the owner.
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from placet.kernel.ids import Ids, SystemIds
from placet.kernel.value import Value
from placet.storage.unusable import Refused, Unreachable, Unsuitable

OWNER: Final = "placet_owner"
LOGINS: Final = ("placet_migrator", "placet_app", "placet_auditor", "placet_backup")
OLDEST: Final = 15
CONNECT_SECONDS: Final = 10.0
PASSWORD_BYTES: Final = 24
SALT_BYTES: Final = 16
BUILTIN_LOCALE_SINCE: Final = 17
SCRAM_ITERATIONS: Final = 4096
_HERE: Final = Path(__file__).parent
_LOCK: Final = 0x706C6163  # two who make roles in one cluster at once would fail on each other


class Initialised(Value, frozen=True):
    """What was done: which login roles are new, and whether the database is."""

    database: str
    new_roles: tuple[str, ...]
    new_database: bool


async def initialise(
    admin_url: str, passwords: Mapping[str, str], database: str = "placet"
) -> Initialised:
    """Make the roles, the database and its schema, or mend what is there.

    `admin_url` is a superuser's, of any database of the server. `passwords` maps login roles to
    their passwords; a role that is not named keeps the one it has. Roles belong to the whole
    server, so that several databases of it share them. Refuses `Unreachable`, `Unsuitable` (a
    server older than 15), `Refused` (an admin who may not do this).
    """
    if unknown := set(passwords) - set(LOGINS):
        raise ValueError(sorted(unknown))
    async with connected(admin_url) as admin:
        await _check_version(admin)
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        before = await existing_logins(admin)
        try:
            await admin.execute((_HERE / "roles.sql").read_text())
            for role, password in passwords.items():
                verifier = scram(password, SystemIds().token(SALT_BYTES))
                await admin.execute(f"ALTER ROLE {role} PASSWORD '{verifier}'")
            is_new = await _make_database(admin, database)
            async with connected(admin_url, database) as inside:
                await inside.execute((_HERE / "schema.sql").read_text())
        except (
            asyncpg.InsufficientPrivilegeError,
            asyncpg.ReadOnlySQLTransactionError,
        ) as fault:
            raise Refused(
                detail=f"the admin's role may not make roles and databases: {fault}",
                remedy="give the address of a superuser with --admin-url",
            ) from fault
    new_roles = tuple(role for role in LOGINS if role not in before)
    return Initialised(database=database, new_roles=new_roles, new_database=is_new)


async def existing_logins(admin: "asyncpg.Connection[Any]") -> frozenset[str]:
    """Return those of Placet's login roles that the server already has."""
    found = await admin.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", list(LOGINS))
    return frozenset(str(row["rolname"]) for row in found)


async def missing_logins(admin_url: str) -> tuple[str, ...]:
    """Return those of Placet's login roles that the server does not have yet."""
    async with connected(admin_url) as admin:
        present = await existing_logins(admin)
    return tuple(role for role in LOGINS if role not in present)


def new_password(ids: Ids) -> str:
    """Return a random password that needs no quoting in an address."""
    return base64.urlsafe_b64encode(ids.token(PASSWORD_BYTES)).decode()


def url_for(url: str, role: str, password: str, database: str) -> str:
    """Return the address of the same server for another role and database."""
    parts = urlsplit(url)
    login = f"{quote(role, safe='')}:{quote(password, safe='')}@"
    options = [
        (name, value)
        for name, value in parse_qsl(parts.query)
        if name not in {"user", "password", "dbname", "database"}
    ]
    query = f"?{urlencode(options, safe='/')}" if options else ""
    place = parts.netloc.rpartition("@")[2]
    return f"postgresql://{login}{place}/{quote(database, safe='')}{query}"


def in_database(url: str, database: str) -> str:
    """Return the same address for another database."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"postgresql://{parts.netloc}/{quote(database, safe='')}{query}"


def scram(password: str, salt: bytes) -> str:
    """Return the SCRAM-SHA-256 verifier of a password (RFC 5803), as Postgres stores it.

    Made here, so that no password is ever part of a statement that a server may log. `password`
    is ASCII: what SASLprep would do to other text is not done.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    b64 = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{b64[0]}${b64[1]}:{b64[2]}"


@contextlib.asynccontextmanager
async def connected(
    url: str, database: str | None = None
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Connect for as long as the block lasts. Refuses `Unreachable` and `Refused`."""
    where = place_of(url)
    try:
        connection = await asyncpg.connect(url, database=database, timeout=CONNECT_SECONDS)
    except asyncpg.InvalidCatalogNameError as fault:
        raise Unsuitable(
            detail=f"the server at {where} has no such database: {fault}",
            remedy="make it with `placet db init --admin-url …`",
        ) from fault
    except asyncpg.InvalidAuthorizationSpecificationError as fault:
        raise Refused(
            detail=f"the Postgres at {where} does not let this role in: {fault}",
            remedy="check the user and the password in the address",
        ) from fault
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        raise Unreachable(
            detail=f"no Postgres answers at {where}: {str(fault) or 'it took too long'}",
            remedy="start it, or check the host and the port in the address",
        ) from fault
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


def place_of(url: str) -> str:
    """Return the host and port of an address, without what is secret in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the local socket"


async def try_to_connect(url: str) -> None:
    """Refuse `Unreachable` or `Refused` unless that address lets us in."""
    async with connected(url):
        pass


async def _check_version(admin: "asyncpg.Connection[Any]") -> None:
    major = admin.get_server_version().major
    if major < OLDEST:
        raise Unsuitable(
            detail=f"the server is Postgres {major}, and Placet needs {OLDEST} or newer",
            remedy="give it a newer Postgres",
        )


async def _make_database(admin: "asyncpg.Connection[Any]", database: str) -> bool:
    found = await admin.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", database
    )
    name = _quoted(database)
    if found is None:
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} {await _locale(admin)}")
    elif found != OWNER:
        await admin.execute(f"ALTER DATABASE {name} OWNER TO {OWNER}")
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(LOGINS)}")
    return found is None


async def _locale(admin: "asyncpg.Connection[Any]") -> str:
    """Return options that sort by bytes and know all of Unicode's letters, where that can be had.

    So that no upgrade of a machine's locales can change the order of an index.
    """
    if admin.get_server_version().major >= BUILTIN_LOCALE_SINCE:
        locale = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
    else:
        letters = await admin.fetchval(
            "SELECT collcollate FROM pg_collation WHERE collprovider = 'c'"
            " AND lower(collname) IN ('c.utf8', 'c.utf-8') ORDER BY collname LIMIT 1"
        )
        locale = f"LC_COLLATE 'C' LC_CTYPE '{letters or 'C'}'"
    return f"TEMPLATE template0 ENCODING 'UTF8' {locale}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
