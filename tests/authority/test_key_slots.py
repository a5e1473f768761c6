"""Keys of commands in a folder: taken into use, handed over, and never another one instead."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.authority.commanded import Signer, canned, lay_ready, list_since
from tests.authority.key_changes.test_turns import end, rotations

from placet.authority import key_checks, key_files, store
from placet.authority.key_commands import Argv, CommandKey, KeyCommandUnusable
from placet.authority.key_files import KeyFileUnusable
from placet.authority.key_slots import Slots, current_file, ready_file
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.evidence import dsse
from placet.evidence.ed25519 import SigningKey
from placet.evidence.key_rotation import verify_rotation
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.checks import Status
from placet.storage.database import Database

GRANT, ARTIFACT, CHECKPOINT = KeyPurpose.GRANT, KeyPurpose.ARTIFACT, KeyPurpose.CHECKPOINT
TYPE = "placet.test.v1"


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


async def loaded(
    folder: Path, db: Database, given: Mapping[KeyPurpose, Argv] | None = None
) -> ServerKeys:
    return await ServerKeys.load(folder, db, given or {})


async def vouched(db: Database, old: SigningKey) -> list[str]:
    """Return to which keys a key of ours hands over, both signatures checked."""
    found = []
    for told in await rotations(db, old):
        pair = (dsse.parse_envelope(told.by_old), dsse.parse_envelope(told.by_new))
        found.append(verify_rotation(pair, old.public).new_key_id)
    return found


async def test_a_first_start_takes_the_commands_key_into_use_and_keeps_no_secret(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    keys = await loaded(keys_folder, db, {ARTIFACT: signer.command})
    assert keys.artifact.key_id == signer.key.key_id
    file = current_file(keys_folder, ARTIFACT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert signer.key.seed().hex() not in file.read_text()
    async with db.reading(NOBODY) as tx:
        listed = {key.key_id: key for key in await store.list_server_keys(tx)}
    assert listed[signer.key.key_id].purpose is ARTIFACT
    envelope = await keys.sign(ARTIFACT, TYPE, b"{}")
    assert dsse.verify(envelope, TYPE, [signer.key.public]) == b"{}"
    again = await loaded(keys_folder, db)
    assert again.artifact.key_id == signer.key.key_id, "what stands in the folder signs"


async def test_starts_at_the_same_moment_take_one_command_key(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    given = {CHECKPOINT: signer.command}
    found = await asyncio.gather(*(loaded(keys_folder, db, given) for _ in range(4)))
    assert {keys.checkpoint.key_id for keys in found} == {signer.key.key_id}


async def test_a_file_hands_over_to_a_command_and_that_to_another_and_back_to_a_file(
    db: Database, keys_folder: Path, tmp_path: Path
) -> None:
    keys = await loaded(keys_folder, db)
    held = keys.artifact
    assert isinstance(held, SigningKey)
    first, second = Signer(tmp_path, "first"), Signer(tmp_path, "second")
    keys = await loaded(keys_folder, db, {ARTIFACT: first.command})
    assert keys.artifact.key_id == held.key_id, "a setting alone changes no key"
    assert (await keys.make_ready(db, ARTIFACT)).key_id == first.key.key_id
    assert await vouched(db, held) == [first.key.key_id]
    assert keys.artifact.key_id == held.key_id
    key_files.take_over(ready_file(keys_folder, ARTIFACT), current_file(keys_folder, ARTIFACT))
    keys = await loaded(keys_folder, db, {ARTIFACT: second.command})
    assert (await keys.make_ready(db, ARTIFACT)).key_id == second.key.key_id
    assert await vouched(db, first.key) == [second.key.key_id]
    key_files.take_over(ready_file(keys_folder, ARTIFACT), current_file(keys_folder, ARTIFACT))
    keys = await loaded(keys_folder, db)
    with pytest.raises(KeyCommandUnusable, match="none is set"):
        await keys.make_ready(db, ARTIFACT)
    back = await keys.make_ready(db, ARTIFACT, in_file=True)
    assert await vouched(db, second.key) == [back.key_id]
    assert key_files.find_key(ready_file(keys_folder, ARTIFACT)) is not None


async def test_no_file_takes_the_place_of_a_commands_key_that_lies_ready_before_that_has_ended(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    await loaded(keys_folder, db)
    keys = await loaded(keys_folder, db, {ARTIFACT: signer.command})
    await keys.make_ready(db, ARTIFACT)
    with pytest.raises(KeyCommandUnusable, match="no file takes its place"):
        await keys.make_ready(db, ARTIFACT, in_file=True)
    ready = await asyncio.to_thread(Slots(keys_folder, {}).ready, ARTIFACT)
    assert ready is not None
    await end(db, ready)
    listed = await keys.make_ready(db, ARTIFACT, in_file=True)
    assert key_files.find_key(ready_file(keys_folder, ARTIFACT)) is not None
    assert listed.key_id != ready.key_id


async def test_a_commands_key_that_was_listed_for_an_hour_signs_in_every_process(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    keys, other = await loaded(keys_folder, db), await loaded(keys_folder, db)
    lay_ready(keys_folder, signer, CHECKPOINT)
    await list_since(db, signer.key, CHECKPOINT)
    await keys.turn(db)
    await other.turn(db)
    for one in (keys, other):
        envelope = await one.sign(CHECKPOINT, TYPE, b"{}")
        assert dsse.verify(envelope, TYPE, [signer.key.public])


async def test_the_key_that_signs_already_is_no_next_one(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    keys = await loaded(keys_folder, db, {ARTIFACT: signer.command})
    with pytest.raises(KeyCommandUnusable, match="signs already, or did"):
        await keys.make_ready(db, ARTIFACT)
    assert not ready_file(keys_folder, ARTIFACT).exists()


async def test_a_key_that_signed_before_another_does_not_come_back_when_that_one_ends(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    keys = await loaded(keys_folder, db, {ARTIFACT: signer.command})
    listed = await keys.make_ready(db, ARTIFACT, in_file=True)
    key_files.take_over(ready_file(keys_folder, ARTIFACT), current_file(keys_folder, ARTIFACT))
    await keys.turn(db)
    assert keys.artifact.key_id == listed.key_id
    await end(db, keys.artifact)
    with pytest.raises(KeyCommandUnusable, match="signs already, or did"):
        await keys.turn(db)
    with pytest.raises(GovernanceUnavailable):
        await keys.sign(ARTIFACT, TYPE, b"{}")


@pytest.mark.parametrize("is_known", [False, True])
async def test_one_command_key_has_one_purpose(
    db: Database, keys_folder: Path, tmp_path: Path, signer: Signer, *, is_known: bool
) -> None:
    given = {ARTIFACT: signer.command}
    if is_known:
        await loaded(tmp_path / "elsewhere", db, {CHECKPOINT: signer.command})
    else:
        given[CHECKPOINT] = signer.command
    with pytest.raises(KeyCommandUnusable, match="signs something else"):
        await loaded(keys_folder, db, given)


async def test_a_changed_public_key_signs_nothing_until_it_takes_over(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    given = {ARTIFACT: signer.command}
    keys, old = await loaded(keys_folder, db, given), signer.key
    signer.hold(SigningKey.generate())
    with pytest.raises(GovernanceUnavailable) as refused:
        await keys.sign(ARTIFACT, TYPE, b"{}")
    assert refused.value.retry_after_seconds
    again = await loaded(keys_folder, db, given)
    with pytest.raises(KeyCommandUnusable, match="speaks for"):
        await again.check()
    assert again.artifact.key_id == old.key_id
    await again.sign(CHECKPOINT, TYPE, b"{}")


async def test_while_a_command_gives_the_key_that_ended_nothing_is_signed_by_any_other(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    keys = await loaded(keys_folder, db, {ARTIFACT: signer.command})
    old = keys.checkpoint
    await end(db, keys.artifact)
    await end(db, old)
    with pytest.raises(KeyCommandUnusable, match="has ended"):
        await keys.turn(db)
    with pytest.raises(GovernanceUnavailable):
        await keys.sign(ARTIFACT, TYPE, b"{}")
    assert keys.checkpoint.key_id != old.key_id, "the other purposes go on"
    ended = signer.key
    signer.hold(SigningKey.generate())
    await keys.turn(db)
    envelope = await keys.sign(ARTIFACT, TYPE, b"{}")
    assert dsse.verify(envelope, TYPE, [signer.key.public])
    assert await vouched(db, ended) == []


async def test_a_key_that_ended_is_not_taken_into_use_in_another_folder(
    db: Database, keys_folder: Path, tmp_path: Path, signer: Signer
) -> None:
    keys = await loaded(tmp_path / "lost", db, {ARTIFACT: signer.command})
    again = await loaded(tmp_path / "whole", db, {ARTIFACT: signer.command})
    assert again.artifact.key_id == keys.artifact.key_id, "a lost folder loses no command's key"
    await end(db, keys.artifact)
    with pytest.raises(KeyCommandUnusable, match="has ended"):
        await loaded(keys_folder, db, {ARTIFACT: signer.command})
    assert not current_file(keys_folder, ARTIFACT).exists()


async def test_no_file_takes_over_from_a_commands_key_that_ended_unless_somebody_says_so(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    await loaded(keys_folder, db, {ARTIFACT: signer.command})
    keys = await ServerKeys.read(keys_folder, db)
    await end(db, keys.artifact)
    with pytest.raises(KeyCommandUnusable, match="none is set"):
        await keys.turn(db)
    assert not ready_file(keys_folder, ARTIFACT).exists()
    listed = await keys.make_ready(db, ARTIFACT, in_file=True)
    assert keys.artifact.key_id == listed.key_id


async def test_a_program_that_moved_and_has_the_same_key_is_followed(
    db: Database, keys_folder: Path, tmp_path: Path, signer: Signer
) -> None:
    await loaded(keys_folder, db, {ARTIFACT: signer.command})
    moved = signer.move(tmp_path)
    await loaded(keys_folder, db, {ARTIFACT: moved.command})
    kept = json.loads(current_file(keys_folder, ARTIFACT).read_text())
    assert tuple(kept["command"]) == moved.command
    other = Signer(tmp_path, "other")
    keys = await loaded(keys_folder, db, {ARTIFACT: other.command})
    assert isinstance(keys.artifact, CommandKey)
    assert keys.artifact.command == moved.command


async def test_grants_are_signed_by_no_command(
    db: Database, keys_folder: Path, signer: Signer
) -> None:
    await loaded(keys_folder, db)
    lay_ready(keys_folder, signer, GRANT)
    key_files.take_over(ready_file(keys_folder, GRANT), current_file(keys_folder, GRANT))
    with pytest.raises(KeyFileUnusable, match="names a command"):
        await loaded(keys_folder, db)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"command":[],"public_key":"%(public)s"}',
        '{"command":["/x"],"public_key":"00"}',
        '{"command":["/x"],"public_key":"%(small)s"}',
        '{"command":"/x","public_key":"%(public)s"}',
        '{"command":["/x"],"public_key":"%(public)s","more":1}',
    ],
)
async def test_a_file_that_names_no_command_and_key_stops_the_start(
    db: Database, keys_folder: Path, text: str
) -> None:
    await loaded(keys_folder, db)
    named = {"public": SigningKey.generate().public.raw.hex(), "small": "00" * 32}
    current_file(keys_folder, ARTIFACT).write_text(text % named)
    with pytest.raises(KeyFileUnusable, match="holds no signing key"):
        await loaded(keys_folder, db)


async def test_a_command_that_fails_at_the_first_start_leaves_nothing(
    db: Database, keys_folder: Path, tmp_path: Path
) -> None:
    broken = canned(tmp_path / "broken", "exit 3")
    with pytest.raises(KeyCommandUnusable, match="exit code 3"):
        await loaded(keys_folder, db, {ARTIFACT: broken})
    assert not current_file(keys_folder, ARTIFACT).exists()


async def test_the_checks_name_each_command_and_what_ails_it(
    db: Database, keys_folder: Path, tmp_path: Path, signer: Signer
) -> None:
    given = {ARTIFACT: signer.command}
    (first,) = await key_checks.look(keys_folder, given)
    assert (first.status, first.name) == (Status.OK, "artifact key")
    assert signer.key.key_id in first.found
    keys = await loaded(keys_folder, db, given)
    other = Signer(tmp_path, "other")
    good, warned = await key_checks.look(keys_folder, {ARTIFACT: other.command})
    assert (good.status, warned.status) == (Status.OK, Status.WARN)
    assert "placet server-key rotate artifact" in warned.remedy
    assert "signs on, and not what PLACET_ARTIFACT_KEY_COMMAND names" in warned.found
    signer.break_()
    (failed,) = await key_checks.look(keys_folder, given)
    assert failed.status is Status.FAIL
    assert failed.remedy
    signer.hold(signer.key)
    lay_ready(keys_folder, other, ARTIFACT)
    other.break_()
    current, coming = await key_checks.look(keys_folder, given)
    assert (current.status, coming.status) == (Status.OK, Status.WARN)
    assert coming.name == "next artifact key"
    assert keys.artifact.key_id == signer.key.key_id
    assert await key_checks.look(tmp_path / "none", {}) == []
