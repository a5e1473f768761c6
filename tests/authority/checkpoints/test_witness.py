"""Checkpoints in files of a folder: each once, in order, whatever a crash left behind."""

import asyncio
import json
import threading
from pathlib import Path

import pytest
from msgspec.structs import asdict
from tests.evidence.log.scribe import Scribe
from tests.volumes import hanging

from placet.authority.checkpoints import service, store
from placet.authority.checkpoints.model import Checkpoint
from placet.authority.checkpoints.witness import WitnessUnreadable, keep, newest_in, path_of
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.evidence.checkpoint import CheckpointPayload, sign_checkpoint
from placet.evidence.dsse import encode_envelope, open_payload, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import TenantId
from placet.worker.witness import Pushing


@pytest.fixture
async def made(scribe: Scribe, keys: ServerKeys) -> list[Checkpoint]:
    """Three checkpoints of one log."""
    for n in range(3):
        await scribe.say(StreamId(scribe.ids.new()), 1 + n)
        await service.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids)
    async with scribe.db.reading(scribe.who) as tx:
        return await store.list_since(tx, (0, 0), 10)


def lines_of(folder: Path, checkpoints: list[Checkpoint]) -> list[bytes]:
    text = path_of(folder, checkpoints[0].tenant_id).read_bytes()
    assert text.endswith(b"\n")
    return [json.loads(line)["envelope"]["payload"].encode() for line in text.splitlines()]


def payloads(checkpoints: list[Checkpoint]) -> list[bytes]:
    return [json.loads(each.envelope)["payload"].encode() for each in checkpoints]


async def test_each_checkpoint_stands_once_and_in_order(
    made: list[Checkpoint], tmp_path: Path
) -> None:
    tenant = made[0].tenant_id
    folder = tmp_path / "witness"
    with pytest.raises(FileNotFoundError):
        keep(folder, tenant, None, made[:2])
    folder.mkdir()
    kept = keep(folder, tenant, None, made[:2])
    assert keep(folder, tenant, kept, made[:1]) == kept
    keep(folder, tenant, kept, made)
    assert lines_of(folder, made) == payloads(made)
    newest = newest_in(folder, tenant)
    assert newest is not None
    assert (newest.epoch, newest.size) == (made[2].epoch, made[2].size)


async def test_what_a_crash_left_of_a_line_is_cut_off(
    made: list[Checkpoint], tmp_path: Path
) -> None:
    tenant = made[0].tenant_id
    keep(tmp_path, tenant, None, made[:2])
    file = path_of(tmp_path, tenant)
    whole = file.read_bytes()
    last = whole.splitlines()[1]
    for left in (last[:-1], last[:-40], last[:1], last[:-40] + bytes(40)):
        file.write_bytes(whole[: -len(last) - 1] + left)
        newest = newest_in(tmp_path, tenant)
        assert newest is not None
        assert newest.size == made[0].size
        keep(tmp_path, tenant, newest, made)
        assert lines_of(tmp_path, made) == payloads(made)
    file.write_bytes(whole[:30])
    assert newest_in(tmp_path, tenant) is None
    keep(tmp_path, tenant, None, made)
    assert lines_of(tmp_path, made) == payloads(made)


async def test_a_checkpoint_that_lacks_its_line_feed_alone_is_kept(
    made: list[Checkpoint], tmp_path: Path
) -> None:
    tenant = made[0].tenant_id
    keep(tmp_path, tenant, None, made[:2])
    file = path_of(tmp_path, tenant)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    newest = newest_in(tmp_path, tenant)
    assert newest is not None
    assert newest.size == made[1].size
    keep(tmp_path, tenant, newest, [])
    assert file.read_bytes() == whole


@pytest.mark.parametrize("blank", [b"\n", b"\n\n \n", b"\r\n", b"\n" * 70_000])
async def test_blank_lines_at_its_end_keep_no_file_from_going_on(
    made: list[Checkpoint], tmp_path: Path, blank: bytes
) -> None:
    tenant = made[0].tenant_id
    path = path_of(tmp_path, tenant)
    path.write_bytes(blank)
    kept = keep(tmp_path, tenant, None, made[:2])
    path.write_bytes(path.read_bytes() + blank)
    assert newest_in(tmp_path, tenant) == kept
    keep(tmp_path, tenant, kept, made)
    whole = [line for line in path.read_bytes().splitlines() if line.strip()]
    assert [json.loads(line)["envelope"]["payload"].encode() for line in whole] == payloads(made)


@pytest.mark.parametrize("after", [None, 0])
async def test_nothing_is_added_behind_what_another_process_added_meanwhile(
    made: list[Checkpoint], tmp_path: Path, after: int | None
) -> None:
    tenant = made[0].tenant_id
    first = keep(tmp_path, tenant, None, made[:1])
    theirs = keep(tmp_path, tenant, first, made[1:2])
    stale = None if after is None else first
    assert keep(tmp_path, tenant, stale, made) == theirs
    assert lines_of(tmp_path, made) == payloads(made[:2])


async def test_the_loop_adds_nothing_behind_another_history_that_another_process_kept(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, keys: ServerKeys
) -> None:
    pushing = Pushing(tmp_path)
    while await pushing.push(scribe.db):
        pass
    lost = signed(made[2], keys, size=made[2].size + 1, root="0" * 64)
    keep(tmp_path, lost.tenant_id, newest_in(tmp_path, lost.tenant_id), [lost])
    await scribe.say(StreamId(scribe.ids.new()), 9)
    await service.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids)
    while await pushing.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads([*made, lost])


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("last", ["{}", '{"envelope":{}}', "nonsense", '{"envelope":null}'])
async def test_a_file_that_ends_with_something_else_is_left_as_it_is(
    made: list[Checkpoint], tmp_path: Path, last: str, end: str
) -> None:
    tenant = made[0].tenant_id
    kept = keep(tmp_path, tenant, None, made[:1])
    file = path_of(tmp_path, tenant)
    text = file.read_bytes() + last.encode() + end.encode()
    file.write_bytes(text)
    with pytest.raises(WitnessUnreadable):
        keep(tmp_path, tenant, kept, made)
    assert file.read_bytes() == text


async def test_a_line_of_another_tenant_is_no_place_to_go_on_from(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe
) -> None:
    keep(tmp_path, made[0].tenant_id, None, made)
    other = TenantId(scribe.ids.new())
    path_of(tmp_path, made[0].tenant_id).rename(path_of(tmp_path, other))
    with pytest.raises(WitnessUnreadable):
        newest_in(tmp_path, other)


async def test_the_loop_writes_what_the_folder_lacks_and_goes_on_after_a_restart(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, keys: ServerKeys
) -> None:
    first = Pushing(tmp_path)
    while await first.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads(made)
    await scribe.say(StreamId(scribe.ids.new()))
    made.append(await service.make_checkpoint(scribe.db, scribe.who, keys, scribe.ids))
    second = Pushing(tmp_path)
    while await second.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads(made)
    await first.push(scribe.db)
    assert lines_of(tmp_path, made) == payloads(made)


async def test_a_long_line_is_found_whole(made: list[Checkpoint], tmp_path: Path) -> None:
    tenant = made[0].tenant_id
    keep(tmp_path, tenant, None, made)
    file = path_of(tmp_path, tenant)
    last = file.read_bytes().splitlines()[-1]
    long = b"{" + b" " * 150_000 + last[1:]
    file.write_bytes(file.read_bytes() + long + b"\n")
    newest = newest_in(tmp_path, tenant)
    assert newest is not None
    assert newest.size == made[2].size


def signed(like: Checkpoint, keys: ServerKeys, **otherwise: object) -> Checkpoint:
    """Return a checkpoint like another, with some fields of its payload changed."""
    told = open_payload(parse_envelope(like.envelope).payload, CheckpointPayload)
    payload = CheckpointPayload(**(asdict(told) | otherwise))
    assert isinstance(keys.checkpoint, SigningKey)
    return Checkpoint(
        tenant_id=like.tenant_id,
        epoch=payload.epoch,
        size=payload.size,
        root=bytes.fromhex(payload.root),
        at=like.at,
        envelope=encode_envelope(sign_checkpoint(payload, keys.checkpoint)),
    )


@pytest.mark.parametrize("more", [0, 1_000])
async def test_nothing_is_added_behind_a_checkpoint_that_the_database_lacks(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, keys: ServerKeys, more: int
) -> None:
    lost = signed(made[0], keys, size=made[0].size + more, root="0" * 64)
    keep(tmp_path, lost.tenant_id, None, [lost])
    pushing = Pushing(tmp_path)
    while await pushing.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads([lost])


async def test_a_later_epoch_goes_on_behind_what_the_database_lost(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, keys: ServerKeys
) -> None:
    lost = signed(made[2], keys, size=made[2].size + 1_000, root="0" * 64)
    keep(tmp_path, lost.tenant_id, None, [lost])
    later = signed(made[2], keys, epoch=made[2].epoch + 1)
    async with scribe.db.writing(scribe.who) as tx:
        await store.insert_checkpoint(tx, later)
    pushing = Pushing(tmp_path)
    while await pushing.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads([lost, later])


async def test_a_folder_that_hangs_keeps_one_thread_that_nobody_waits_for_and_is_told_of_once(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    keep(tmp_path, made[0].tenant_id, None, made[:1])
    pushing = Pushing(tmp_path, patience_seconds=0.1)
    with hanging(path_of(tmp_path, made[0].tenant_id)):
        for _ in range(3):
            async with asyncio.timeout(60):
                await pushing.push(scribe.db)
        held = [thread for thread in threading.enumerate() if thread.name == "beside"]
        assert [thread.daemon for thread in held] == [True]
    assert [text for text in caplog.messages if "does not answer" in text] == [
        f"no checkpoint of any tenant is kept outside: {tmp_path} does not answer"
    ]
    held[0].join()
    while await pushing.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads(made)


async def test_a_fault_is_told_once_for_as_long_as_it_lasts(
    made: list[Checkpoint], tmp_path: Path, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    file = path_of(tmp_path, made[0].tenant_id)
    file.write_text("no\n")
    pushing = Pushing(tmp_path)
    for _ in range(3):
        await pushing.push(scribe.db)
    assert [str(made[0].tenant_id) in text for text in caplog.messages] == [True]
    file.unlink()
    while await pushing.push(scribe.db):
        pass
    assert lines_of(tmp_path, made) == payloads(made)
