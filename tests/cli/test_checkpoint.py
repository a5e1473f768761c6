"""`placet checkpoint`, against a service that runs."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.authority.checkpoints import service
from placet.authority.server_keys import ServerKeys
from placet.cli.exits import Exit
from placet.evidence.checkpoint import verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.kernel.ids import SystemIds, TenantId
from placet.storage.database import Database

KEYS = ServerKeys.generate()


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database, without its loops."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


async def sign(database_url: str, tenant_id: TenantId) -> None:
    db = await Database.open(database_url)
    who, ids = service.acting_for(tenant_id), SystemIds()
    await service.make_checkpoint(db, who, KEYS, ids)
    await db.close()


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_checkpoints_are_listed_shown_and_kept(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "acme", "--json", PLACET_DATABASE_URL=database_url))
    ask: Callable[..., Done] = lambda *words: placet(  # noqa: E731 -- one word for what is asked
        "checkpoint", *words, PLACET_API_KEY=made["api_key"], PLACET_URL=url
    )
    assert told(ask("list", "--json")) == []
    assert ask("show").returncode == Exit.NOT_FOUND

    tenant = TenantId(UUID(made["tenant"]["tenant_id"]))
    asyncio.run(sign(database_url, tenant))
    (listed,) = told(ask("list", "--json"))
    assert told(ask("show", "--json")) == listed
    assert listed["root"] in ask("list").stdout

    one, lines = tmp_path / "checkpoint.json", tmp_path / "acme.jsonl"
    assert told(ask("save", "-o", str(one), "--json"))["size"] == listed["size"]
    kept = verify_checkpoint(parse_envelope(one.read_bytes()), [KEYS.checkpoint.public])
    assert (kept.size, str(kept.tenant_id)) == (listed["size"], str(tenant))
    for _ in range(2):
        told(ask("save", "--append", "-o", str(lines), "--json"))
    assert lines.read_text() == f'{{"envelope":{listed["envelope"]}}}\n'
