"""Streams as files over HTTP: what they hold, that they verify, and what is brought in again."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.audit.erasures.ended import erase
from tests.conftest import found
from tests.events.kept import Store
from tests.replay.desk import Desk

from placet.audit.streams import rules as reading
from placet.audit.streams.model import ImportRefused
from placet.audit.streams.rules import read_file
from placet.authority.checkpoints.service import sequence
from placet.events.closings.model import Closing
from placet.events.closings.service import close
from placet.events.forks import service as forks
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.places import rules
from placet.events.places.model import StreamEnded
from placet.events.places.store import list_children
from placet.evidence.verify import verify_bundle
from placet.kernel.canonical import canonical
from placet.kernel.hashing import plain_sha256
from placet.tenancy.model import Role

STREAMS = "/api/v1/audit/streams"
SOME = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
BODIES = (b"\xff\x00 not json", b"", b'{"a":1.5e300,"parent_event_id":7}')


class Clerk:
    """Somebody who takes streams away and brings them in."""

    def __init__(self, desk: Desk, key: str) -> None:
        """Stand outside of a desk."""
        self.desk = desk
        self.key = key
        self.store = Store(desk.db, desk.workplace.founder, desk.ids)

    async def export(self, stream: object) -> httpx.Response:
        """Ask for a stream as a file."""
        return await self.desk.client.get(f"{STREAMS}/{stream}/export", headers=self._headers())

    async def taken(self, stream: object) -> bytes:
        """Return a stream as a file that verifies."""
        answered = await self.export(stream)
        assert answered.status_code == 200, answered.text
        report = verify_bundle(io.BytesIO(answered.content))
        assert report.flaw is None, report.flaw
        return answered.content

    async def bring(self, lines: str, key: str | None = None) -> httpx.Response:
        """Bring a file in."""
        headers = self._headers() | {"Idempotency-Key": key or str(self.desk.ids.new())}
        return await self.desk.client.post(
            f"{STREAMS}/import", json={"lines": lines}, headers=headers
        )

    async def refused(self, lines: str, code: str = "import_refused") -> tuple[int, str]:
        """Return the line and the words with which a file is refused."""
        answered = await self.bring(lines)
        problem = answered.json()
        assert (answered.status_code, problem["code"]) == (422, code), problem
        return problem["line"], problem["detail"]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture
async def clerk(desk: Desk) -> Clerk:
    """A clerk of the desk's tenant."""
    _, key = await desk.workplace.person("clerk", Role.AUDITOR, Role.OPERATOR)
    return Clerk(desk, key)


async def run_of(clerk: Clerk) -> Any:  # noqa: ANN401 -- a stream's id, and what stands in it
    """Return a stream of a run: a parent, its child, and events that nobody here knows."""
    stream = clerk.store.stream()
    root = clerk.store.step(0)
    unknown = [
        replace(clerk.store.step(n), type=f"Of another time {n}", body=body)
        for n, body in enumerate(BODIES)
    ]
    await clerk.store.append(stream, [root, clerk.store.step(1, root.event_id), *unknown])
    return stream


async def test_a_run_goes_out_and_comes_in_with_its_ids_types_and_bodies(clerk: Clerk) -> None:
    stream = await run_of(clerk)
    file = await clerk.taken(stream)
    answered = await clerk.bring(file.decode())
    assert answered.status_code == 201, answered.text
    made = answered.json()
    origin = await clerk.store.all(stream)
    first, *copies = await clerk.store.all(made["stream_id"])
    assert [(one.event_id, one.type, one.body, one.salt, one.body_hash) for one in copies] == [
        (one.event_id, one.type, one.body, one.salt, one.body_hash) for one in origin
    ]
    assert (made["events"], made["head"]) == (len(origin), copies[-1].leaf.hex())
    assert first.type == "StreamImported"
    told = json.loads(first.body or b"")
    assert (told["origin_stream_id"], told["origin_leaf"]) == (str(stream), origin[-1].leaf.hex())
    async with clerk.store.db.reading(clerk.store.who) as tx:
        children = await list_children(tx, made["stream_id"], origin[0].event_id, limit=9)
    assert [one.seq for one in children] == [3]
    await clerk.taken(made["stream_id"])


async def test_whoever_takes_a_stream_is_told_of(clerk: Clerk) -> None:
    stream = await run_of(clerk)
    await clerk.taken(stream)
    tenancy = tenant_stream(clerk.store.who.tenant_id, StreamKind.TENANCY)
    last = (await clerk.store.all(tenancy))[-1]
    assert last.type == "StreamExported"
    assert json.loads(last.body or b"") == {
        "kind": "run",
        "last_seq": 5,
        "stream_id": str(stream),
    }


async def test_a_session_goes_out_and_does_not_come_in(clerk: Clerk) -> None:
    worker = await clerk.desk.worker()
    file = await clerk.taken(worker.session_id)
    assert (await clerk.refused(file.decode(), "import_no_run"))[0] == 1
    # Whatever the file says of itself, what it tells is authority.
    lines = file.decode().splitlines()
    header = json.loads(lines[0])
    header["streams"][0]["kind"] = "run"
    line, words = await clerk.refused(sealed(canonical(header).decode(), *lines[1:-1]))
    assert (line, "SessionOpened" in words) == (2, True)


async def test_what_is_not_here_is_not_exported(clerk: Clerk) -> None:
    stranger = Store(
        clerk.desk.db, (await found(clerk.desk.db, clerk.desk.ids)).founder, clerk.desk.ids
    )
    theirs = stranger.stream()
    await stranger.append(theirs, stranger.steps(1))
    for stream in (SOME, theirs):
        answered = await clerk.export(stream)
        assert (answered.status_code, answered.json()["code"]) == (404, "not_found")


async def test_another_tenants_run_comes_in_and_says_whose_it_was(clerk: Clerk) -> None:
    other = Clerk(clerk.desk, clerk.key)
    stranger = await found(clerk.desk.db, clerk.desk.ids)
    other.store = Store(clerk.desk.db, stranger.founder, clerk.desk.ids)
    _, other.key = await stranger.person("clerk", Role.AUDITOR)
    file = await other.taken(await run_of(other))
    made = (await clerk.bring(file.decode())).json()
    first = (await clerk.store.all(made["stream_id"]))[0]
    assert json.loads(first.body or b"")["origin_tenant_id"] == str(stranger.tenant_id)


async def test_the_same_request_brings_in_one_stream(clerk: Clerk) -> None:
    file = (await clerk.taken(await run_of(clerk))).decode()
    one, again = await clerk.bring(file, "once"), await clerk.bring(file, "once")
    assert one.json() == again.json()
    assert (await clerk.bring(file)).json()["stream_id"] != one.json()["stream_id"]


def sealed(*lines: str) -> str:
    """Return lines with the manifest that they ask for."""
    before = "".join(f"{line}\n" for line in lines)
    manifest = {
        "events": sum('"kind":"event"' in line for line in lines),
        "kind": "manifest",
        "sha256": plain_sha256(before.encode()).hex(),
    }
    return f"{before}{canonical(manifest).decode()}\n"


def changed(lines: list[str], number: int, **fields: object) -> list[str]:
    """Return lines of which one says something else."""
    line = json.loads(lines[number - 1]) | fields
    return [*lines[: number - 1], canonical(line).decode(), *lines[number:]]


WRONG: dict[str, tuple[Callable[[list[str]], str], int]] = {
    "no lines": (lambda _: "\n", 2),
    "no manifest": (lambda lines: "\n".join(lines) + "\n", 6),
    "no end": (lambda lines: sealed(*lines)[:-1], 7),
    "a space": (lambda lines: sealed(lines[0], lines[1].replace(":", ": ", 1), *lines[2:]), 2),
    "no JSON": (lambda lines: sealed(lines[0], "nothing", *lines[2:]), 2),
    "an event left out": (lambda lines: sealed(*lines[:2], *lines[3:]), 3),
    "an event twice": (lambda lines: sealed(*lines[:2], *lines[1:]), 3),
    "two swapped": (lambda lines: sealed(lines[0], lines[2], lines[1], *lines[3:]), 2),
    "the end cut": (lambda lines: sealed(*lines[:-1]), 6),
    "another hash": (lambda lines: sealed(*lines).replace('"sha256":"', '"sha256":"00', 1), 7),
    "a manifest amid": (lambda lines: sealed(*lines[:3], sealed().strip(), *lines[3:]), 4),
    "another type": (lambda lines: sealed(*changed(lines, 4, type="Else")), 4),
    "another body": (
        lambda lines: sealed(*changed(lines, 4, body=base64.b64encode(b"else").decode())),
        4,
    ),
    "another actor": (lambda lines: sealed(*changed(lines, 4, actor_id=SOME)), 4),
    "another stream": (lambda lines: sealed(*changed(lines, 4, stream_id=SOME)), 4),
    "no UUID": (lambda lines: sealed(*changed(lines, 4, event_id="x")), 4),
    "an id in braces": (
        lambda lines: sealed(
            *changed(lines, 4, event_id=f"{{{json.loads(lines[3])['event_id']}}}")
        ),
        4,
    ),
    "an actor's id without hyphens": (
        lambda lines: sealed(
            *changed(lines, 3, actor_id=json.loads(lines[2])["actor_id"].replace("-", ""))
        ),
        3,
    ),
    "an erased body": (lambda lines: sealed(*changed(lines, 3, body=None, salt=None)), 3),
    "two streams": (
        lambda lines: sealed(
            *changed(lines, 1, streams=json.loads(lines[0])["streams"] * 2), *lines[1:0]
        ),
        1,
    ),
    "no stream": (lambda lines: sealed(*changed(lines, 1, streams=[])), 1),
}


CODES = {
    "an erased body": "import_body_erased",
    "two streams": "import_no_run",
    "no stream": "import_no_run",
}


async def test_files_that_do_not_hold_together_are_refused_with_their_line(clerk: Clerk) -> None:
    stream = await run_of(clerk)
    lines = (await clerk.taken(stream)).decode().splitlines()[:-1]
    assert (await clerk.bring(sealed(*lines))).status_code == 201
    for name, (damage, line) in WRONG.items():
        code = CODES.get(name, "import_refused")
        assert (await clerk.refused(damage(lines), code))[0] == line, name


async def test_what_no_stream_takes_is_refused_with_its_line(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (await clerk.taken(await run_of(clerk))).decode()
    monkeypatch.setattr(rules, "BODY_BYTES_MAX", 1)
    line, words = await clerk.refused(sealed(*file.splitlines()[:-1]))
    assert (line, "at most 1 bytes" in words) == (2, True)


async def test_a_fork_whose_events_stem_from_its_origin_does_not_come_in(clerk: Clerk) -> None:
    stream = await run_of(clerk)
    root = (await clerk.store.all(stream))[0]
    async with clerk.store.db.writing(clerk.store.who) as tx:
        made = await forks.fork(tx, stream, 2, clerk.desk.ids)
    whole = (await clerk.taken(made.stream_id)).decode()
    assert (await clerk.bring(whole)).status_code == 201
    await clerk.store.append(made.stream_id, [clerk.store.step(9, root.event_id)])
    file = (await clerk.taken(made.stream_id)).decode()
    line, words = await clerk.refused(file, "import_parent_elsewhere")
    assert (line, str(root.event_id) in words) == (3, True)


async def test_the_copy_of_a_run_that_ended_has_ended(clerk: Clerk) -> None:
    stream, more = await run_of(clerk), clerk.store.steps(1)
    async with clerk.store.db.writing(clerk.store.who) as tx:
        await close(tx, Closing(stream_id=stream, why="done"), clerk.desk.ids)
    made = (await clerk.bring((await clerk.taken(stream)).decode())).json()
    copy = StreamId(UUID(made["stream_id"]))
    before = await clerk.store.all(copy)
    with pytest.raises(StreamEnded):
        await clerk.store.append(copy, more)
    assert await clerk.store.all(copy) == before
    await clerk.taken(copy)
    await sequence(clerk.store.db, clerk.store.who.tenant_id, clerk.desk.ids)
    seals = tenant_stream(clerk.store.who.tenant_id, StreamKind.SEALS)
    told = [json.loads(one.body or b"") for one in await clerk.store.all(seals)]
    (seal,) = [one for one in told if one["stream_id"] == str(copy)]
    assert (seal["status"], seal["last_seq"]) == ("closed", before[-1].seq)


async def test_the_copy_of_a_run_that_goes_on_goes_on(clerk: Clerk) -> None:
    made = (await clerk.bring((await clerk.taken(await run_of(clerk))).decode())).json()
    await clerk.store.append(StreamId(UUID(made["stream_id"])), clerk.store.steps(1))


async def test_a_fork_that_takes_no_events_does_not_come_in(clerk: Clerk) -> None:
    worker = await clerk.desk.worker()
    async with clerk.store.db.writing(clerk.store.who) as tx:
        made = await forks.fork(tx, StreamId(worker.session_id), 1, clerk.desk.ids)
    file = (await clerk.taken(made.stream_id)).decode()
    line, words = await clerk.refused(file, "import_no_run")
    assert (line, "takes no events" in words) == (2, True)


def test_each_way_to_be_refused_has_a_remedy_of_its_own() -> None:
    kinds: list[type[ImportRefused]] = [ImportRefused, *ImportRefused.__subclasses__()]
    assert len({kind.hint for kind in kinds}) == len(kinds) == 5


async def test_more_events_than_come_in_are_refused_as_such(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = (await clerk.taken(await run_of(clerk))).decode()
    monkeypatch.setattr(reading, "IMPORT_EVENTS_MAX", 4)
    assert (await clerk.refused(file, "import_too_long"))[0] == 6


async def test_every_byte_of_a_file_counts(clerk: Clerk) -> None:
    stream = clerk.store.stream()
    await clerk.store.append(stream, clerk.store.steps(1))
    header, *rest = (await clerk.taken(stream)).decode().splitlines(keepends=True)
    keyless = canonical(json.loads(header) | {"keys": []}).decode()
    file = sealed(keyless, rest[0].strip())
    assert read_file(file.encode()).events
    for place, byte in enumerate(file.encode()):
        other = bytearray(file.encode())
        other[place] = byte ^ 1
        with pytest.raises(ImportRefused):
            read_file(bytes(other))


async def test_what_was_erased_of_an_import_is_not_brought_in_by_a_repeat(clerk: Clerk) -> None:
    stream = clerk.store.stream()
    await clerk.store.append(stream, clerk.store.steps(2))
    lines = (await clerk.taken(stream)).decode()
    first = await clerk.bring(lines, "once")
    made = UUID(first.json()["stream_id"])
    assert (await clerk.bring(lines, "once")).content == first.content
    assert await erase(clerk.desk, made) == 3
    again = await clerk.bring(lines, "once")
    assert (again.status_code, again.json()["code"]) == (410, "answer_erased")
    async with clerk.desk.db.reading(clerk.desk.workplace.founder) as tx:
        query = sa.text("SELECT stream_id FROM placet.event_stream WHERE kind = 'run'")
        assert {row.stream_id for row in await tx.rows(query)} == {stream, made}
