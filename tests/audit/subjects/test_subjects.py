"""Erasing one person's data: what is found, what goes, what waits, and what stays."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.audit.erasures.ended import (
    ADDRESS,
    again,
    asked,
    close,
    ended,
    spoken,
    stands_in,
    told,
)
from tests.conftest import Server, found
from tests.replay.desk import Desk
from tests.replay.test_principals import acting_for

from placet.audit.erasures.model import StreamClass
from placet.audit.subjects import store
from placet.audit.subjects.model import FoundStatus, RequestStatus
from placet.audit.subjects.rules import subject_hash
from placet.events.artifacts.model import Subject
from placet.events.artifacts.store import keep_artifact, link_artifact, list_links, read_artifact
from placet.events.model import NewEvent, StreamId
from placet.events.places.model import Batch
from placet.events.places.service import append
from placet.events.store import list_events
from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.tenancy.model import Role
from placet.worker.retention import erase_due

ERASURES = "/api/v1/audit/erasures"


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()


@pytest.fixture
def text(ids: Ids) -> str:
    """An address that stands nowhere else."""
    return f"{ids.new().hex}@example.org"


async def test_a_persons_data_go_from_every_closed_session_that_holds_some(
    desk: Desk, text: str, admin: "asyncpg.Connection[Any]"
) -> None:
    workers = [await ended(desk, text) for _ in range(2)]
    other = await ended(desk)
    shown = await asked(desk, text)
    assert shown.status is RequestStatus.DONE
    assert {each.stream_id for each in shown.streams} == {w.session_id for w in workers}
    assert {each.status for each in shown.streams} == {FoundStatus.ERASED}
    assert shown.bodies_erased == shown.bodies_found > 0
    assert await stands_in(admin, text) == set()
    assert None not in [event["body"] for event in await other.events()]


NAMES = ['Jörg "J." Müller', "Anna/Jörg Müller"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrap", ["ascii", "upper", "base64", "base64 in text", "raw", "amid"])
async def test_a_text_is_found_in_whatever_way_an_output_wraps_it(
    desk: Desk, name: str, wrap: str, admin: "asyncpg.Connection[Any]"
) -> None:
    name = f"{name} {desk.ids.new().hex}"
    said = json.dumps({"name": name}, ensure_ascii=wrap != "raw")
    coded = base64.b64encode(f" {said}".encode()).decode()
    given = {
        "ascii": said,
        "raw": said.replace("/", "\\/"),
        "upper": said.replace("\\u00fc", "\\u00FC"),
        "amid": f"sent {said} ok",
        "base64": coded,
        "base64 in text": json.dumps([coded]),
    }[wrap]
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call, output={"text": given})
    await close(worker)
    query = "SELECT count(output) FROM placet.replay_execution_receipt WHERE session_id = $1"
    before = await admin.fetchval(query, worker.session_id)
    shown = await asked(desk, name)
    assert [each.stream_id for each in shown.streams] == [worker.session_id]
    assert await admin.fetchval(query, worker.session_id) == before - 1


async def test_a_number_is_found_where_bodies_and_outputs_have_it_as_a_number(
    desk: Desk,
) -> None:
    account = desk.ids.new().int % 10**15 + 10**14
    stream = StreamId(desk.ids.new())
    said = [{"account": account}, {"account": account * 10 + 1}, {"text": [account]}]
    events = [
        NewEvent(
            event_id=desk.ids.new(), type="Noted", salt=bytes(16), body=json.dumps(one).encode()
        )
        for one in said
    ]
    async with desk.db.writing(desk.workplace.founder) as tx:
        await append(tx, Batch(stream_id=stream, events=tuple(events)))
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(("note", {"text": "b"}))
    await worker.report(call, output={"account": account})
    await close(worker)
    shown = await asked(desk, str(account))
    assert {each.stream_id for each in shown.streams} == {worker.session_id, stream}
    async with desk.db.reading(desk.workplace.founder) as tx:
        left = await list_events(tx, stream, after=0, limit=9)
    assert [one.body for one in left] == [None, events[1].body, None]


async def test_what_was_said_of_other_calls_stays(desk: Desk, text: str) -> None:
    worker = await ended(desk, text)
    await asked(desk, text)
    left = {e["type"] for e in await worker.events() if e["body"] is not None}
    assert {"SessionOpened", "CallSettled", "SessionFinished"} <= left
    assert (
        sum(e["body"] is not None and e["type"] == "CallProposed" for e in await worker.events())
        == 1
    )


async def test_events_name_a_person_by_a_salted_hash_alone(desk: Desk, text: str) -> None:
    await ended(desk, text)
    shown = await asked(desk, text)
    events = await told(desk)
    assert [kind for kind, _ in events] == [
        "SubjectErasureAsked",
        "BodiesErased",
        "SubjectErasureFinished",
    ]
    assert all(text.encode() not in (body or b"") for _, body in events)
    first, _, last = (json.loads(body or b"") for _, body in events)
    assert first["subject_hash"] == last["subject_hash"] == shown.subject_hash
    assert (last["streams"], last["bodies"]) == (1, shown.bodies_erased)


async def test_whoever_kept_the_salt_can_prove_whom_a_request_was_about(
    desk: Desk, text: str
) -> None:
    made = (await desk.post(ERASURES, wish(text), desk.workplace.founder_key)).json()
    proof = subject_hash(bytes.fromhex(made["salt"]), text, None)
    assert proof.hex() == made["subject_hash"]
    shown = await again(desk, made["request_id"])
    assert (shown.salt, shown.subject_hash) == (None, proof.hex())


async def test_an_open_session_is_due_and_goes_once_it_has_closed(
    desk: Desk, text: str, admin: "asyncpg.Connection[Any]"
) -> None:
    worker = await spoken(desk, text)
    shown = await asked(desk, text)
    assert shown.status is RequestStatus.WAITING
    assert [each.status for each in shown.streams] == [FoundStatus.DUE]
    assert "audit_subject_request.subject" in await stands_in(admin, text)
    await close(worker)
    shown = await again(desk, shown.request_id)
    assert shown.status is RequestStatus.DONE
    assert [each.status for each in shown.streams] == [FoundStatus.ERASED]
    assert await stands_in(admin, text) == set()


async def test_a_dry_run_finds_the_same_and_erases_nothing(desk: Desk, text: str) -> None:
    worker = await ended(desk, text)
    dry = await asked(desk, text, dry_run=True)
    assert dry.status is RequestStatus.DONE
    assert (dry.bodies_erased, [each.status for each in dry.streams]) == (0, [FoundStatus.FOUND])
    assert None not in [event["body"] for event in await worker.events()]
    assert (await asked(desk, text)).bodies_erased == dry.bodies_found


async def test_asking_twice_finds_nothing_the_second_time(desk: Desk, text: str) -> None:
    await ended(desk, text)
    assert (await asked(desk, text)).bodies_erased > 0
    second = await asked(desk, text)
    assert (second.status, second.streams, second.bodies_erased) == (RequestStatus.DONE, [], 0)
    assert (await again(desk, second.request_id)) == second


async def test_a_principals_sessions_go_whole(desk: Desk, text: str) -> None:
    worker = await acting_for(desk, {"customer": text, "level": 3})
    await worker.look_up("ord_00000001")
    await close(worker)
    shown = await asked(desk, "nobody-of-that-name", principal=text)
    assert [each.stream_id for each in shown.streams] == [worker.session_id]
    assert {event["body"] for event in await worker.events()} == {None}


async def test_an_artifact_of_an_event_goes_with_it_unless_another_event_has_it_too(
    desk: Desk, text: str, admin: "asyncpg.Connection[Any]"
) -> None:
    worker, other = await ended(desk), await spoken(desk)
    content, shared = f"mail of {text}".encode(), b"the terms"
    async with desk.db.writing(desk.workplace.founder) as tx:
        for one, name in ((content, "mail.txt"), (shared, "terms.txt")):
            digest = await keep_artifact(tx, one)
            subject = Subject(stream_id=StreamId(worker.session_id), seq=2)
            await link_artifact(tx, digest, subject, name=name, media_type="text/plain")
        elsewhere = Subject(stream_id=StreamId(other.session_id), seq=2)
        await link_artifact(tx, digest, elsewhere, name="terms.txt", media_type="text/plain")
    assert "event_artifact.content" in await stands_in(admin, text)
    shown = await asked(desk, text)
    assert [(each.stream_id, each.bodies) for each in shown.streams] == [(worker.session_id, 1)]
    assert await stands_in(admin, text) == set()
    async with desk.db.reading(desk.workplace.founder) as tx:
        assert await list_links(tx, subject) == []
        assert await read_artifact(tx, digest) == shared


async def test_bytes_that_no_event_has_are_looked_through_and_counted(
    desk: Desk, text: str
) -> None:
    worker = await ended(desk)
    subject = Subject(stream_id=StreamId(worker.session_id), seq=2)
    async with desk.db.writing(desk.workplace.founder) as tx:
        await keep_artifact(tx, b"of somebody else")
        for content in (f"mail of {text}", f"mail to {text}"):
            loose = await keep_artifact(tx, content.encode())
    shown = await asked(desk, text)
    assert [(each.place, each.rows) for each in shown.kept] == [("event_artifact", 2)]
    async with desk.db.writing(desk.workplace.founder) as tx:
        await link_artifact(tx, loose, subject, name="mail.txt", media_type="text/plain")
    shown = await asked(desk, text)
    assert shown.bodies_erased == 1
    assert [(each.place, each.rows) for each in shown.kept] == [("event_artifact", 1)]


async def test_more_streams_may_be_due_than_a_statement_has_parameters(
    desk: Desk, text: str
) -> None:
    open_, closing = await spoken(desk, text), await spoken(desk, text)
    shown = await asked(desk, text)
    await close(closing)
    due = [open_.session_id, *[desk.ids.new() for _ in range(40_000)]]
    async with desk.db.writing(desk.workplace.founder) as tx:
        await store.settle_due(tx, shown.request_id, due)
        left = await store.list_streams(tx, [shown.request_id], 9)
    assert {each.stream_id: each.status for each in left} == {
        open_.session_id: FoundStatus.DUE,
        closing.session_id: FoundStatus.ERASED,
    }


async def test_what_stays_is_counted_with_the_reason(desk: Desk, text: str) -> None:
    await desk.workplace.person(text, Role.VIEWER)
    shown = await asked(desk, text)
    kept = {each.place: each for each in shown.kept}
    assert kept["tenancy_actor"].rows == 1
    assert kept["tenancy_actor"].why
    # `ActorCreated` holds the name too.
    assert kept["event_body"].rows == 1
    assert shown.unsearched


async def test_what_a_run_says_goes_while_it_is_open_and_its_other_bodies_stay(
    desk: Desk, text: str, admin: "asyncpg.Connection[Any]"
) -> None:
    stream = StreamId(desk.ids.new())
    said = [{"of": text}, {"of": "somebody else"}, {"number": 3}]
    events = [
        NewEvent(
            event_id=desk.ids.new(),
            type="Unheard.Of",
            salt=bytes(16),
            body=json.dumps(one).encode(),
        )
        for one in said
    ]
    async with desk.db.writing(desk.workplace.founder) as tx:
        await append(tx, Batch(stream_id=stream, events=tuple(events)))
    shown = await asked(desk, text)
    assert shown.status is RequestStatus.DONE
    assert [(each.stream_class, each.status, each.bodies) for each in shown.streams] == [
        (StreamClass.RUN, FoundStatus.ERASED, 1)
    ]
    assert shown.kept == []
    assert await stands_in(admin, text) == set()
    async with desk.db.reading(desk.workplace.founder) as tx:
        left = await list_events(tx, stream, after=0, limit=9)
    assert [(one.type, one.body) for one in left] == [
        ("Unheard.Of", None),
        *[("Unheard.Of", one.body) for one in events[1:]],
    ]


async def test_another_tenants_data_are_neither_found_nor_erased(
    desk: Desk, db: Database, ids: Ids, text: str
) -> None:
    worker = await ended(desk, text)
    other = Desk(desk.client, db, ids, await found(db, ids))
    shown = await asked(other, text)
    assert (shown.streams, shown.kept) == ([], [])
    assert None not in [event["body"] for event in await worker.events()]
    path = f"{ERASURES}/{shown.request_id}"
    assert (await desk.get(path, desk.workplace.founder_key)).status_code == 404
    assert (await desk.get(path, other.workplace.founder_key)).status_code == 200


async def test_a_worker_carries_out_what_was_asked_over_http(desk: Desk, text: str) -> None:
    worker = await ended(desk, text)
    founder = desk.workplace.founder_key
    made = await desk.post(ERASURES, wish(text), founder)
    assert made.status_code == 201, made.text
    path = f"{ERASURES}/{made.json()['request_id']}"
    while (await desk.get(path, founder)).json()["status"] != "done":
        await erase_due(desk.db, desk.ids)
    assert (await desk.get(path, founder)).json()["bodies_erased"] > 0
    assert None in [event["body"] for event in await worker.events()]
    listed = (await desk.get(f"{ERASURES}?limit=1", founder)).json()["items"]
    assert [each["request_id"] for each in listed] == [made.json()["request_id"]]


async def test_a_list_shows_a_few_streams_of_each_request_and_counts_them_all(
    desk: Desk, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STREAMS_LISTED", 1)
    for said in (text, text, f"other.{text}"):
        await ended(desk, said)
    wishes = [await asked(desk, text), await asked(desk, "nobody at all")]
    answered = await desk.get(f"{ERASURES}?limit=2", desk.workplace.founder_key)
    none, some = answered.json()["items"]
    assert [some["request_id"], none["request_id"]] == [str(one.request_id) for one in wishes]
    assert len(wishes[0].streams) == 3
    assert some["streams"][0]["stream_id"] == str(wishes[0].streams[0].stream_id)
    assert (len(some["streams"]), some["bodies_found"]) == (1, wishes[0].bodies_found)
    assert (none["streams"], none["bodies_found"]) == ([], 0)


def wish(text: str, **more: object) -> dict[str, object]:
    return {"subject": text, "reason": "asked by letter", **more}


async def test_a_reason_that_names_the_person_is_refused(desk: Desk, text: str) -> None:
    bad = wish(text, reason=f"{text.upper()} asked")
    refused = await desk.post(ERASURES, bad, desk.workplace.founder_key)
    assert (refused.status_code, refused.json()["code"]) == (422, "subject_in_reason")
    assert text not in refused.text


@pytest.mark.parametrize("subject", ["abc", "", "x" * 321, "a\x00bcd"])
async def test_a_text_that_is_too_short_or_none_is_refused(desk: Desk, subject: str) -> None:
    refused = await desk.post(ERASURES, wish(subject), desk.workplace.founder_key)
    assert refused.status_code == 400


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR, Role.APPROVER])
async def test_only_an_admin_asks_that_data_go(desk: Desk, role: Role) -> None:
    _, key = await desk.workplace.person("somebody", role)
    refused = await desk.post(ERASURES, wish(ADDRESS), key)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert await told(desk) == []
