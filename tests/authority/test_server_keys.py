"""Our own keys: made once, kept to ourselves, listed."""

import asyncio
from pathlib import Path

import pytest

from placet.authority import store
from placet.authority.key_files import KeyFileUnusable
from placet.authority.model import KeyPurpose, ServerKey
from placet.authority.server_keys import ServerKeys
from placet.evidence import dsse
from placet.kernel.principal import Principal
from placet.storage.database import Database


async def listed(db: Database, tenant: Principal) -> list[ServerKey]:
    async with db.reading(tenant) as tx:
        return await store.list_server_keys(tx)


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def modes_in(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_an_empty_folder_gets_one_key_per_purpose_that_only_the_owner_reads(
    db: Database, tenant: Principal, tmp_path: Path
) -> None:
    keys = await ServerKeys.load(tmp_path / "keys", db)
    assert names_in(tmp_path / "keys") == ["artifact.key", "checkpoint.key", "grant.key"]
    assert modes_in(tmp_path / "keys") == {0o600}
    ours = {key.purpose: key.key_id for key in await listed(db, tenant)}
    made = [keys.of(purpose).key_id for purpose in KeyPurpose]
    assert len(set(made)) == len(KeyPurpose)
    assert set(made) <= {key.key_id for key in await listed(db, tenant)}
    assert set(ours) == set(KeyPurpose)


async def test_the_next_start_signs_with_the_same_keys_and_lists_them_once(
    db: Database, tenant: Principal, tmp_path: Path
) -> None:
    first = await ServerKeys.load(tmp_path, db)
    before = len(await listed(db, tenant))
    second = await ServerKeys.load(tmp_path, db)
    assert first.grant.key_id == second.grant.key_id
    assert len(await listed(db, tenant)) == before


async def test_starts_at_the_same_moment_agree_on_one_key(db: Database, tmp_path: Path) -> None:
    loaded = await asyncio.gather(*(ServerKeys.load(tmp_path, db) for _ in range(8)))
    for purpose in KeyPurpose:
        assert len({keys.of(purpose).key_id for keys in loaded}) == 1
    assert names_in(tmp_path) == ["artifact.key", "checkpoint.key", "grant.key"]


async def test_a_key_file_that_others_may_read_stops_the_start(
    db: Database, tmp_path: Path
) -> None:
    await ServerKeys.load(tmp_path, db)
    (tmp_path / "grant.key").chmod(0o640)
    with pytest.raises(KeyFileUnusable) as refused:
        await ServerKeys.load(tmp_path, db)
    assert "chmod 600" in refused.value.remedy


@pytest.mark.parametrize("content", ["", "no key", "ab" * 31, "zz" * 32])
async def test_a_file_that_holds_no_key_stops_the_start(
    db: Database, tmp_path: Path, content: str
) -> None:
    await ServerKeys.load(tmp_path, db)
    (tmp_path / "artifact.key").write_text(content)
    with pytest.raises(KeyFileUnusable):
        await ServerKeys.load(tmp_path, db)


async def test_what_a_lost_key_signed_still_verifies_by_the_list(
    db: Database, tenant: Principal, tmp_path: Path
) -> None:
    lost = await ServerKeys.load(tmp_path, db)
    (tmp_path / "artifact.key").unlink()
    new = await ServerKeys.load(tmp_path, db)
    assert new.artifact.key_id != lost.artifact.key_id
    assert new.grant.key_id == lost.grant.key_id
    known = {key.key_id for key in await listed(db, tenant) if key.purpose is KeyPurpose.ARTIFACT}
    assert {lost.artifact.key_id, new.artifact.key_id} <= known


async def test_each_purpose_signs_with_its_own_key() -> None:
    keys = ServerKeys.generate()
    for purpose in KeyPurpose:
        envelope = await keys.sign(purpose, "placet.test.v1", b"{}")
        assert dsse.verify(envelope, "placet.test.v1", [keys.of(purpose).public]) == b"{}"
        others = [keys.of(other).public for other in KeyPurpose if other is not purpose]
        with pytest.raises(dsse.EnvelopeRefused):
            dsse.verify(envelope, "placet.test.v1", others)
