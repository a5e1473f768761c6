"""Whatever somebody with the whole database changes in evidence, a bundle tells, or the page says.

Each column of each table of evidence is changed in one row, as a superuser with the triggers off.
Then everything is exported and verified, with keys and a checkpoint that were kept outside.
"""

import base64
import io
import json
import re
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from tests.conftest import Server, found
from tests.house.checkout import ROOT
from tests.replay.desk import Desk
from tests.server.conftest import started
from tests.storage import catalog
from tests.storage.test_append_only import NEVER_CHANGED

from placet.authority.key_changes import service as key_changes
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.evidence.ed25519 import SigningKey
from placet.evidence.verify import Envelope, KeyList, parse_held, parse_keys, verify_bundle
from placet.kernel.canonical import canonical
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.tenancy.model import Role

BUNDLES: Final = "/api/v1/audit/bundles"
PAGE: Final = ROOT / "docs" / "reference" / "evidence.md"
BEGIN: Final = "<!-- uncovered:begin"
END: Final = "<!-- uncovered:end -->"

TAKEN: Final = {
    "authority_artifact",
    "authority_checkpoint",
    "authority_person_key",
    "authority_server_key",
    "authority_server_key_end_told",
    "authority_server_key_rotation",
    "authority_tool_host",
    "event",
    "event_body",
    "evidence_log_entry",
    "replay_session_seal",
    "studio_approval",
    "studio_snapshot",
}
"""The tables of evidence whose rows go into bundles."""

# What a changed value of each type is. One that was null is set.
OTHER: Final = {
    "uuid": "'00000000-0000-4000-8000-00000000beef'::uuid",
    "text": "coalesce({column}, '') || 'x'",
    "bigint": "coalesce({column}, 0) + 1000",
    "boolean": "NOT coalesce({column}, false)",
    "bytea": "CASE WHEN octet_length({column}) > 0"
    " THEN set_byte({column}, 0, get_byte({column}, 0) # 1) ELSE '\\x01'::bytea END",
    "numeric": "coalesce({column}, 0) + 1",
    "timestamp with time zone": "coalesce({column}, now()) + interval '1 second'",
    "jsonb": "coalesce({column}, '[]'::jsonb) || '[1]'::jsonb",
    "uuid[]": "{column} || '00000000-0000-4000-8000-00000000beef'::uuid",
    "text[]": "{column} || 'x'",
}


class Vault:
    """A database of our own with some history, what was kept outside, and a way to change it."""

    def __init__(
        self, desk: Desk, keys: ServerKeys, admin: "asyncpg.Connection[Any]", auditor: str
    ) -> None:
        """Stand beside a desk."""
        self.desk = desk
        self.keys = keys
        self.admin = admin
        self.auditor = auditor
        self.pinned: KeyList | None = None
        self.held: Collection[Envelope] = []
        self.size = 0

    async def export(self) -> bytes | None:
        """Return a bundle of everything, or None where the service refuses to make one."""
        asked = f"{BUNDLES}?checkpoint_size={self.size}" if self.size else BUNDLES
        try:
            answered = await self.desk.get(asked, self.auditor)
        except Exception:  # noqa: BLE001 -- an answer that breaks off in the middle is none
            return None
        return answered.content if answered.status_code == 200 else None

    async def keep(self) -> None:
        """Keep keys and a checkpoint outside."""
        data = await self.export()
        assert data is not None
        lines = [json.loads(line) for line in data.splitlines()]
        keys = {"kind": "placet.keys.v1", "version": 1, "keys": lines[0]["keys"]}
        self.pinned = parse_keys(canonical(keys))
        kept = next(line["envelope"] for line in lines if line["kind"] == "checkpoint")
        self.held = parse_held(canonical(kept))
        self.size = next(line["size"] for line in lines if line["kind"] == "inclusion")

    async def is_whole(self) -> bool:
        """Tell whether what the database says passes with what was kept outside."""
        data = await self.export()
        if data is None:
            return False
        return verify_bundle(io.BytesIO(data), self.pinned, held=self.held).flaw is None

    async def columns(self) -> list[tuple[str, str, str]]:
        """Return each column of each table that bundles are made from: table, name, type."""
        found = await catalog.columns(self.admin)
        return [(table, name, kind) for table in sorted(TAKEN) for name, kind, _, _ in found[table]]

    async def open_up(self) -> None:
        """Take away what keeps rows as they are: triggers, checks and references."""
        for table in sorted(TAKEN):
            await self.admin.execute(f"ALTER TABLE placet.{table} DISABLE TRIGGER ALL")
        checks = await self.admin.fetch(
            "SELECT conrelid::regclass::text AS relation, conname FROM pg_constraint"
            " WHERE connamespace = 'placet'::regnamespace AND contype = 'c'"
        )
        for row in checks:
            await self.admin.execute(
                f'ALTER TABLE {row["relation"]} DROP CONSTRAINT "{row["conname"]}"'
            )
        await self.admin.execute("SET session_replication_role = replica")

    async def is_seen(self, table: str, column: str, kind: str) -> bool:
        """Change one value, tell whether it is found, and change it back."""
        row = await self.admin.fetchrow(
            f"SELECT ctid::text AS place, {column} AS before FROM placet.{table}"  # noqa: S608 -- ours
            f" ORDER BY {column} IS NULL, ctid LIMIT 1"
        )
        assert row is not None, f"the history has no row of {table}"
        other = OTHER[kind].format(column=column)
        place = await self.admin.fetchval(
            f"UPDATE placet.{table} SET {column} = {other}"  # noqa: S608 -- ours
            " WHERE ctid = $1::text::tid RETURNING ctid::text",
            row["place"],
        )
        try:
            return not await self.is_whole()
        finally:
            await self.admin.execute(
                f"UPDATE placet.{table} SET {column} = $1 WHERE ctid = $2::text::tid",  # noqa: S608 -- ours
                row["before"],
                place,
            )


@pytest.fixture
async def vault(
    server: Server, fresh_database_url: str, ids: Ids, tmp_path: Path
) -> AsyncIterator[Vault]:
    """A desk with some history in a database of its own."""
    app = create_app(Settings(data_dir=tmp_path), fresh_database_url)
    async with started(app):
        admin = await asyncpg.connect(
            server.admin(urlsplit(fresh_database_url).path.removeprefix("/"))
        )
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
            db = app.state[Database.__name__]
            desk = Desk(client, db, ids, await found(db, ids))
            keys = app.state[ServerKeys.__name__]
            await desk.approve(keys)
            _, auditor = await desk.workplace.person("auditor", Role.AUDITOR)
            yield Vault(desk, keys, admin, auditor)
        await admin.close()


async def lived(desk: Desk, keys: ServerKeys) -> None:
    """Let things happen of which evidence is kept."""
    await keys.make_ready(desk.db, KeyPurpose.ARTIFACT)
    host = {
        "name": "till",
        "environment": "staging",
        "strength": "verified",
        "tools": ["note"],
        "public_key": base64.b64encode(SigningKey.generate().public.raw).decode(),
    }
    answered = await desk.post("/api/v1/authority/tool-hosts", host, desk.workplace.founder_key)
    assert answered.status_code == 201, answered.text
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (refund,) = await worker.propose(
        ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
    )
    await worker.report(refund, output={"ok": True})
    await worker.propose(("delete_customer", {"customer": "c"}))
    answered = await worker.post("close", {})
    assert answered.status_code == 200, answered.text
    await desk.kill("agent", "another")
    async with desk.db.writing(NOBODY) as tx:
        key, end = await key_changes.end_key(tx, keys.checkpoint.key_id, "it was copied")
    assert await key_changes.tell_tenant(desk.db, desk.runtime.tenant_id, key, end, desk.ids)
    await keys.turn(desk.db)


def told() -> set[str]:
    """Return the columns that the page says no bundle covers; `.all` of a table's name for all."""
    page = PAGE.read_text()
    table = page[page.index(BEGIN) : page.index(END)]
    return set(re.findall(r"`([a-z_]+\.[a-z_]+)`", table))


async def test_whatever_is_changed_in_evidence_is_found_or_stands_on_the_page(
    vault: Vault,
) -> None:
    await lived(vault.desk, vault.keys)
    await vault.keep()
    assert await vault.is_whole()
    await vault.open_up()
    unseen = {
        f"{table}.{column}"
        for table, column, kind in await vault.columns()
        if not await vault.is_seen(table, column, kind)
    }
    assert await vault.is_whole(), "something was not changed back"
    assert unseen == {name for name in told() if not name.endswith(".all")}


def test_every_table_of_evidence_goes_into_bundles_or_stands_on_the_page() -> None:
    apart = {name.removesuffix(".all") for name in told() if name.endswith(".all")}
    assert apart == NEVER_CHANGED - TAKEN
