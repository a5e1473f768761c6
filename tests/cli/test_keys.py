"""`placet keys`: what is trusted is what was pinned, and it never changes by itself."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from msgspec.structs import replace
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.authority.key_changes import service
from placet.authority.model import KeyList
from placet.authority.model import KeyPurpose as KeyUse
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.cli.exits import Exit
from placet.evidence.bundle import KeyPurpose, NamedKey
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import ActorId
from placet.sdk.studio.keys import Keys
from placet.storage.database import Database

T = TypeVar("T")
STRANGER = SigningKey(b"\x09" * 32)


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    """An office whose workspace counts ada's votes."""
    office = Office(placet, url, database_url, tmp_path)
    office.open(office.hire("ada"))
    return office


def test_keys_are_pinned_once_and_shown(office: Office) -> None:
    first = office.told("keys", "pin", "--yes", by="ada")
    assert office.key_id("ada") in first["added"]
    again = office.told("keys", "pin", "--yes", by="ada")
    assert (again["added"], again["version"]) == ([], first["version"])
    listed = office.told("keys", "show", by="ada")["keys"]
    mine = [key for key in listed if key["key_id"] == office.key_id("ada")]
    assert [(key["purpose"], key["actor_id"]) for key in mine] == [
        ("person", str(office.people["ada"]))
    ]
    assert office.pins.stat().st_mode & 0o777 == 0o600


def test_only_the_keys_that_were_compared_are_pinned(office: Office) -> None:
    mine = office.key_id("ada")
    assert office.told("keys", "pin", "--only", mine, "--yes", by="ada")["added"] == [mine]
    missing = office.run("keys", "pin", "--only", "0" * 64, "--yes", by="ada")
    assert missing.returncode == Exit.NOT_FOUND
    rest = office.told("keys", "pin", "--yes", by="ada")["added"]
    assert rest
    assert mine not in rest


def test_a_pinned_key_that_becomes_another_s_stops_everything(office: Office) -> None:
    office.told("keys", "pin", "--yes", by="ada")
    kept = json.loads(office.pins.read_text())
    for key in kept["keys"]:
        if key["key_id"] == office.key_id("ada"):
            key["actor_id"] = str(office.tenant)
    office.pins.write_text(json.dumps(kept))
    before = office.pins.read_bytes()
    done = office.run("keys", "pin", "--yes", by="ada")
    assert done.returncode == Exit.FAILED
    assert "as another" in done.stderr
    assert office.pins.read_bytes() == before


def test_a_pinned_key_that_the_service_does_not_list_stays_pinned(office: Office) -> None:
    office.told("keys", "pin", "--only", office.key_id("ada"), "--yes", by="ada")
    kept = json.loads(office.pins.read_text())
    stranger = NamedKey(
        key_id=STRANGER.key_id, public_key=STRANGER.public.raw, purpose=KeyPurpose.ARTIFACT
    )
    kept["keys"].append(msgspec.to_builtins(stranger))
    office.pins.write_text(json.dumps(kept))
    office.told("keys", "pin", "--yes", by="ada")
    listed = office.told("keys", "show", by="ada")["keys"]
    assert STRANGER.key_id in [key["key_id"] for key in listed]


def test_pins_that_others_may_write_are_not_used(office: Office) -> None:
    office.told("keys", "pin", "--yes", by="ada")
    office.pins.chmod(0o622)
    done = office.run("keys", "show", by="ada")
    assert done.returncode == Exit.USAGE
    assert "chmod go-w" in done.stderr


def test_pins_that_are_no_key_list_are_refused(office: Office) -> None:
    office.pins.write_text("{}")
    assert office.run("keys", "show", by="ada").returncode == Exit.USAGE
    office.pins.unlink()
    assert office.run("keys", "show", by="ada").returncode == Exit.NOT_FOUND


def test_nothing_is_pinned_that_nobody_compared(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert office.run("keys", "pin", by="ada").returncode == Exit.INTERRUPTED
    assert not office.pins.exists()


def test_the_ids_to_compare_are_shown_even_where_little_is_to_be_said(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    done = office.run("-q", "keys", "pin", by="ada")
    assert done.returncode == Exit.INTERRUPTED
    assert office.key_id("ada") in done.stderr


def test_a_key_that_was_revoked_is_marked(office: Office) -> None:
    mine = office.key_id("ada")
    office.at(lambda studio: studio.keys.revoke(mine, "lost"), by="ada")
    told = office.run("keys", "pin", "--yes", by="ada").stderr.splitlines()
    # Keys of the service end in other tests, for every tenant.
    marked = [line for line in told if "ENDED" in line and " of " in line]
    assert [mine in line for line in marked] == [True]


def test_a_key_is_trusted_until_it_is_unpinned(office: Office) -> None:
    mine = office.key_id("ada")
    first = office.told("keys", "pin", "--yes", by="ada")
    told = office.told("keys", "unpin", mine, by="ada")
    assert (told["version"], told["pinned"]) == (first["version"] + 1, first["pinned"] - 1)
    assert mine not in [key["key_id"] for key in office.told("keys", "show", by="ada")["keys"]]
    assert office.run("keys", "unpin", mine, by="ada").returncode == Exit.NOT_FOUND


def test_two_keys_by_one_id_are_not_pinned(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Keys.known

    async def doubled(self: Keys) -> KeyList:
        known = await real(self)
        stolen = replace(known.person_keys[0], actor_id=ActorId(office.tenant))
        return replace(known, person_keys=[*known.person_keys, stolen])

    monkeypatch.setattr(Keys, "known", doubled)
    done = office.run("keys", "pin", "--only", office.key_id("ada"), "--yes", by="ada")
    assert done.returncode == Exit.FAILED
    assert "two keys by the one id" in done.stderr
    assert not office.pins.exists()


def test_the_keys_of_tools_hosts_are_pinned_too(office: Office) -> None:
    host = SigningKey.generate()
    public = base64.b64encode(host.public.raw).decode()
    where = ("--environment", "staging", "--strength", "verified", "--tool", "pay")
    made = office.told("tool-host", "add", "till", *where, "--public-key", public, by="root")
    added = office.told("keys", "pin", "--yes", by="ada")["added"]
    assert host.key_id in added
    listed = office.told("keys", "show", by="ada")["keys"]
    assert [key["purpose"] for key in listed if key["key_id"] == host.key_id] == ["tool_host"]
    office.told("tool-host", "revoke", made["host_id"], "--reason", "lost", by="root")
    again = office.run("keys", "pin", "--only", host.key_id, "--yes", by="ada")
    assert again.returncode == Exit.NOT_FOUND


def test_whom_a_pinned_key_vouches_for_is_followed_and_dropped_at_its_end(
    office: Office, database_url: str, tmp_path: Path
) -> None:
    keys = at(database_url, lambda db: ServerKeys.load(tmp_path / "ours", db))
    office.told("keys", "pin", "--yes", by="ada")
    new = at(database_url, lambda db: keys.make_ready(db, KeyUse.ARTIFACT)).key_id
    done = office.run("keys", "follow", "--json", by="ada")
    told = json.loads(done.stdout)
    assert told["added"] == [new]
    begin = datetime.fromisoformat(told["signs_from"][new])
    (change,) = [
        one
        for one in office.at(lambda studio: studio.keys.known()).server_rotations
        if one.new_key_id == new
    ]
    assert begin == change.rotated_at + timedelta(hours=1)
    assert f"{new}  signs from {begin:%Y-%m-%d %H:%M} on" in done.stderr
    again = office.told("keys", "follow", "--drop-ended", by="ada")
    assert again["added"] == []
    assert new not in again["dropped"]
    at(database_url, lambda db: ended(db, new))
    assert office.told("keys", "follow", "--drop-ended", by="ada")["dropped"] == [new]
    assert office.told("keys", "follow", by="ada")["added"] == []


def test_a_key_that_ended_vouches_for_nobody(
    office: Office, database_url: str, tmp_path: Path
) -> None:
    keys = at(database_url, lambda db: ServerKeys.load(tmp_path / "ours", db))
    office.told("keys", "pin", "--yes", by="ada")
    new = at(database_url, lambda db: keys.make_ready(db, KeyUse.CHECKPOINT)).key_id
    at(database_url, lambda db: ended(db, keys.checkpoint.key_id))
    assert new not in office.told("keys", "follow", by="ada")["added"]


def test_a_change_of_keys_that_the_pinned_key_did_not_sign_stops_everything(
    office: Office, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    keys = at(database_url, lambda db: ServerKeys.load(tmp_path / "ours", db))
    office.told("keys", "pin", "--yes", by="ada")
    at(database_url, lambda db: keys.make_ready(db, KeyUse.ARTIFACT))
    known = Keys.known

    async def lying(self: Keys) -> KeyList:
        found = await known(self)
        (told,) = [one for one in found.server_rotations if one.old_key_id == keys.artifact.key_id]
        return replace(found, server_rotations=[replace(told, by_old=told.by_new)])

    monkeypatch.setattr(Keys, "known", lying)
    before = office.pins.read_bytes()
    refused = office.run("keys", "follow", by="ada")
    assert refused.returncode == Exit.FAILED
    assert office.pins.read_bytes() == before


def at(database_url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something in the database itself."""

    async def done() -> T:
        db = await Database.open(database_url, pool_size=1)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(done())


async def ended(db: Database, key_id: str) -> None:
    """End a key of the service."""
    async with db.writing(NOBODY) as tx:
        await service.end_key(tx, key_id, "it was copied")
