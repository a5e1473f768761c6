"""`placet checkpoint`, against a service that runs."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import asdict
from tests.cli.conftest import Done, Placet
from tests.conftest import Server
from tests.evidence.log.scribe import Scribe
from tests.server.serving import serving

from placet.authority.checkpoints import service
from placet.authority.server_keys import ServerKeys
from placet.cli.exits import Exit
from placet.events.model import StreamId
from placet.evidence.bundle import KeyList, KeyPurpose, NamedKey
from placet.evidence.checkpoint import CheckpointPayload, sign_checkpoint, verify_checkpoint
from placet.evidence.dsse import encode_envelope, open_payload, parse_envelope
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.kernel.canonical import canonical
from placet.kernel.ids import SystemIds, TenantId
from placet.storage.database import Database

KEYS = ServerKeys.generate()
OTHER = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database, without its loops."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


async def sign(database_url: str, tenant_id: TenantId) -> None:
    """Have something happen, and sign it."""
    db = await Database.open(database_url)
    who, ids = service.acting_for(tenant_id), SystemIds()
    await Scribe(db, who, ids).say(StreamId(ids.new()))
    await service.make_checkpoint(db, who, KEYS, ids)
    await db.close()


def line_of(like: str, by: SigningKey | None = None, **otherwise: object) -> bytes:
    """Return a witness's line with a checkpoint like this one, some of its payload changed."""
    told = open_payload(parse_envelope(like.encode()).payload, CheckpointPayload)
    assert isinstance(KEYS.checkpoint, SigningKey)
    key = KEYS.checkpoint if by is None else by
    said = asdict(told) | {"key_id": key.key_id} | otherwise
    signed = sign_checkpoint(CheckpointPayload(**said), key)
    return b'{"envelope":' + encode_envelope(signed) + b"}\n"


def pinned(folder: Path, *keys: PublicKey) -> str:
    """Return a file in which these keys are pinned for checkpoints."""
    named = [
        NamedKey(key_id=key.key_id, public_key=key.raw, purpose=KeyPurpose.CHECKPOINT)
        for key in keys
    ]
    file = folder / "pinned-keys.json"
    file.write_bytes(canonical(KeyList(version=1, keys=tuple(named))))
    file.chmod(0o600)
    return str(file)


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_checkpoints_are_listed_shown_and_kept(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "acme", "--json", PLACET_DATABASE_URL=database_url))
    ask: Callable[..., Done] = lambda *words: placet(  # noqa: E731 -- one word for what is asked
        "checkpoint",
        *words,
        PLACET_API_KEY=made["api_key"],
        PLACET_URL=url,
        PLACET_PINNED_KEYS=pinned(tmp_path, KEYS.checkpoint.public),
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


def test_a_witness_takes_what_follows_from_it_and_nothing_else(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "grow", "--json", PLACET_DATABASE_URL=database_url))
    tenant = TenantId(UUID(made["tenant"]["tenant_id"]))
    lines = tmp_path / "grow.jsonl"
    save: Callable[[], Done] = lambda: placet(  # noqa: E731 -- one word for what is done
        *("checkpoint", "save", "--append", "-o", str(lines), "--json"),
        PLACET_API_KEY=made["api_key"],
        PLACET_URL=url,
        PLACET_PINNED_KEYS=pinned(tmp_path, KEYS.checkpoint.public),
    )
    asyncio.run(sign(database_url, tenant))
    first = told(save())
    before = lines.read_bytes()
    asyncio.run(sign(database_url, tenant))
    newest = told(save())
    assert newest["size"] > first["size"]
    whole = lines.read_bytes()
    assert whole.startswith(before)
    assert whole.count(b"\n") == 2
    lines.write_bytes(before[:-1])
    told(save())
    assert lines.read_bytes() == whole

    envelope = json.dumps(json.loads(before)["envelope"])
    for end, is_read in (
        (line_of(envelope, root="0" * 64), True),
        (line_of(envelope, size=newest["size"], root="0" * 64), True),
        (line_of(envelope, size=newest["size"] + 1), True),
        (line_of(envelope, epoch=first["epoch"] + 1), True),
        (line_of(envelope, tenant_id=OTHER), False),
        (line_of(envelope, tenant_id=OTHER)[:-1], False),
        (b"notes of somebody's", False),
    ):
        lines.write_bytes(end)
        assert save().returncode == (Exit.FAILED if is_read else Exit.USAGE)
        assert lines.read_bytes() == end
    for torn in (whole[len(before) :][:-9], b""):
        lines.write_bytes(before + torn)
        told(save())
        assert lines.read_bytes() == whole


def test_a_checkpoint_is_replaced_by_what_follows_from_it_and_a_witness_by_nothing(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "over", "--json", PLACET_DATABASE_URL=database_url))
    tenant = TenantId(UUID(made["tenant"]["tenant_id"]))
    file = tmp_path / "over.json"
    save: Callable[..., Done] = lambda *more: placet(  # noqa: E731 -- one word for what is done
        *("checkpoint", "save", "-o", str(file), "--json", *more),
        PLACET_API_KEY=made["api_key"],
        PLACET_URL=url,
        PLACET_PINNED_KEYS=pinned(tmp_path, KEYS.checkpoint.public),
    )
    file.write_text("notes of somebody's")
    asyncio.run(sign(database_url, tenant))
    first = told(save())
    envelope = file.read_text()
    asyncio.run(sign(database_url, tenant))
    assert told(save())["size"] > first["size"]
    for changes in ({"root": "0" * 64}, {"epoch": first["epoch"] + 1}, {"tenant_id": OTHER}):
        lost = canonical(json.loads(line_of(envelope, **changes))["envelope"])
        file.write_bytes(lost)
        refused = save()
        assert (refused.returncode, file.read_bytes()) == (Exit.FAILED, lost), refused.stderr
    file.unlink()
    told(save("--append"))
    lines = file.read_bytes()
    for held in (lines, lines + line_of(envelope), lines.replace(b":", b": ")):
        file.write_bytes(held)
        refused = save()
        assert (refused.returncode, "--append" in refused.stderr) == (Exit.USAGE, True)
        assert file.read_bytes() == held


def test_a_witness_in_no_folder_is_not_begun(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "away", "--json", PLACET_DATABASE_URL=database_url))
    asyncio.run(sign(database_url, TenantId(UUID(made["tenant"]["tenant_id"]))))
    file = str(tmp_path / "away" / "acme.jsonl")
    done = placet(
        *("checkpoint", "save", "--append", "-o", file),
        PLACET_API_KEY=made["api_key"],
        PLACET_URL=url,
        PLACET_PINNED_KEYS=pinned(tmp_path, KEYS.checkpoint.public),
    )
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "cannot be written" in done.stderr


def test_a_witness_takes_nothing_that_no_pinned_key_signed(
    placet: Placet, url: str, database_url: str, tmp_path: Path
) -> None:
    made = told(placet("tenant", "create", "signed", "--json", PLACET_DATABASE_URL=database_url))
    asyncio.run(sign(database_url, TenantId(UUID(made["tenant"]["tenant_id"]))))
    lines, other = tmp_path / "signed.jsonl", SigningKey.generate()
    save: Callable[..., Done] = lambda *keys: placet(  # noqa: E731 -- one word for what is done
        *("checkpoint", "save", "--append", "-o", str(lines)),
        PLACET_API_KEY=made["api_key"],
        PLACET_URL=url,
        PLACET_PINNED_KEYS=pinned(tmp_path, *keys),
    )
    for keys, exit_, why in (
        ((), Exit.NOT_FOUND, "no key for checkpoints is pinned"),
        ((other.public,), Exit.FAILED, "what the service offers is no checkpoint that a pinned"),
    ):
        refused = save(*keys)
        assert (refused.returncode, why in refused.stderr) == (exit_, True), refused.stderr
        assert not lines.exists()
    assert save(KEYS.checkpoint.public).returncode == Exit.OK
    envelope = json.loads(lines.read_text())["envelope"]
    for forged in (
        line_of(json.dumps(envelope), by=other),
        json.dumps(
            {
                "envelope": envelope
                | {"signatures": [envelope["signatures"][0] | {"sig": "A" * 86 + "=="}]}
            }
        ).encode()
        + b"\n",
    ):
        lines.write_bytes(forged)
        refused = save(KEYS.checkpoint.public)
        assert refused.returncode == Exit.FAILED, refused.stderr
        assert "its last line is no checkpoint that a pinned key signed" in refused.stderr
        assert lines.read_bytes() == forged


async def damage(url: str, statement: str, tenant_id: TenantId) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("ALTER TABLE placet.evidence_log_entry DISABLE TRIGGER USER")
    await connection.execute(statement, tenant_id)
    for trigger in ("append_only", "append_only_all"):
        await connection.execute(
            f"ALTER TABLE placet.evidence_log_entry ENABLE ALWAYS TRIGGER {trigger}"
        )
    await connection.close()


def test_tiles_are_made_anew_unless_entries_are_not_what_was_signed(
    placet: Placet, server: Server, database_url: str, database_name: str
) -> None:
    made = told(placet("tenant", "create", "tiles", "--json", PLACET_DATABASE_URL=database_url))
    tenant, admin = TenantId(UUID(made["tenant"]["tenant_id"])), server.admin(database_name)
    asyncio.run(sign(database_url, tenant))
    rebuild: Callable[[], Done] = lambda: placet(  # noqa: E731 -- one word for what is done
        *("checkpoint", "rebuild-tiles", "--tenant", str(tenant), "--json"),
        PLACET_DATABASE_URL=database_url,
    )
    strange = "INSERT INTO placet.evidence_log_tile VALUES ($1, 1, 7, sha256(''))"
    asyncio.run(damage(admin, strange, tenant))
    done = told(rebuild())
    assert (done["checkpoints"], done["tiles"]) == (1, 1)
    assert told(rebuild())["tiles"] == 0
    change = "UPDATE placet.evidence_log_entry SET leaf = sha256('') WHERE tenant_id = $1"
    asyncio.run(damage(admin, f"{change} AND index = 2", tenant))
    refused = rebuild()
    assert refused.returncode == Exit.FAILED
    assert "they give no checkpoint before it either; entry 2 does not have" in refused.stderr
