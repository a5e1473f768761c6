"""Searching over HTTP: what is found by what, in which order, and what is written about it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from tests.audit.search.auditor import Auditor
from tests.conftest import found
from tests.events.kept import Store
from tests.replay.desk import AGENT, Desk, Worker

from placet.audit.search.indexing import index_due, index_log, make_anew
from placet.authority.checkpoints.service import sequence
from placet.events.model import StreamKind, tenant_stream
from placet.tenancy.model import Role

CAPPED = ("issue_refund", {"order_id": "ord_1234abcd", "amount_cents": 60_000})
LOOKED = ("lookup_order", {"order_id": "ord_1234abcd"})


@pytest.fixture
async def auditor(desk: Desk) -> Auditor:
    """An auditor of the desk's tenant."""
    _, key = await desk.workplace.person("auditor", Role.AUDITOR)
    return Auditor(desk, key)


async def worked(auditor: Auditor) -> Worker:
    """Return a worker that looked something up and then tried too large a refund."""
    worker = await auditor.desk.worker()
    (one,) = await worker.propose(LOOKED)
    await worker.report(one, output={"status": "delivered"})
    await worker.propose(CAPPED)
    await worker.propose(("delete_customer", {"customer": "c"}))
    await auditor.up_to_date()
    return worker


async def test_events_are_found_by_each_thing_that_they_name(auditor: Auditor) -> None:
    worker = await worked(auditor)
    events = await auditor.all(type="CallProposed")
    assert [event["tool"] for event in events] == [
        "delete_customer",
        "issue_refund",
        "lookup_order",
    ]
    (denied,) = await auditor.all(tool="delete_customer", type="CallProposed")
    assert {event["verdict"] for event in await auditor.all(verdict="deny")} == {"deny"}
    assert denied in await auditor.all(verdict="deny")
    assert denied["rules"]
    for rule in denied["rules"]:
        assert denied in await auditor.all(rule=rule)
    assert await auditor.all(fingerprint=denied["arguments_hash"]) == [denied]
    assert denied in await auditor.all(actor=denied["actor_id"])
    assert denied in await auditor.all(agent=AGENT)
    assert (denied["stream_id"], denied["kind"]) == (str(worker.session_id), "session")


async def test_a_refund_is_found_by_its_effect_key(auditor: Auditor) -> None:
    worker = await worked(auditor)
    await worker.propose(("issue_refund", {"order_id": "ord_1234abcd", "amount_cents": 100}))
    await auditor.up_to_date()
    keyed = [event for event in await auditor.all(tool="issue_refund") if event["effect_key"]]
    assert keyed
    assert keyed[0] in await auditor.all(fingerprint=keyed[0]["effect_key"])


async def test_what_tells_of_a_call_is_found_by_its_tool_too(auditor: Auditor) -> None:
    await worked(auditor)
    types = await auditor.types(tool="lookup_order")
    assert {"CallProposed", "ReceiptReceived", "CallSettled"} <= set(types)


async def test_all_filters_must_fit(auditor: Auditor) -> None:
    await worked(auditor)
    assert await auditor.types(tool="lookup_order", verdict="deny") == []
    assert await auditor.types(tool="lookup_order", verdict="allow") == ["CallProposed"]
    assert await auditor.types(tool="lookup_order", verdict="allow", agent="another") == []
    assert await auditor.types(agent=AGENT, type="SessionOpened", rule="nothing") == []


async def test_what_stands_in_no_session_is_found_by_the_agent_that_it_names(
    auditor: Auditor,
) -> None:
    await worked(auditor)
    types = await auditor.types(agent=AGENT)
    assert {"WorkspaceCreated", "PlanOpened", "SessionOpened"} <= set(types)


async def test_time_narrows_and_orders(auditor: Auditor) -> None:
    await worked(auditor)
    newest = await auditor.all(agent=AGENT)
    oldest = await auditor.all(agent=AGENT, order="oldest")
    assert oldest == newest[::-1]
    times = [event["at"] for event in newest]
    assert times == sorted(times, reverse=True)
    middle = times[len(times) // 2]
    since, until = await auditor.all(since=middle), await auditor.all(until=middle)
    assert all(event["at"] >= middle for event in since)
    assert all(event["at"] < middle for event in until)
    assert len(since) + len(until) == len(await auditor.all())
    later = (datetime.fromisoformat(middle) + timedelta(microseconds=1)).isoformat()
    within = await auditor.all(since=middle, until=later, agent=AGENT)
    assert [event["at"] for event in within] == [at for at in times if at == middle]


async def test_pages_follow_each_other_without_a_gap(auditor: Auditor) -> None:
    await worked(auditor)
    for order in ("newest", "oldest"):
        for asked in ({}, {"agent": AGENT}, {"agent": AGENT, "verdict": "deny"}):
            whole = await auditor.all(order=order, **asked)
            assert whole
            for limit in (1, 3):
                assert await auditor.all(order=order, limit=limit, **asked) == whole


async def test_a_search_goes_on_over_what_it_began_on(auditor: Auditor) -> None:
    await worked(auditor)
    page = await auditor.page(order="oldest", limit=5)
    whole = await auditor.all(order="oldest")
    await worked(auditor)
    shown = page["items"]
    while page["next_cursor"] is not None:
        page = await auditor.page(order="oldest", limit=5, cursor=page["next_cursor"])
        shown += page["items"]
    assert shown == whole
    assert len(await auditor.all()) > len(whole)


async def test_the_answer_says_how_far_the_index_is(auditor: Auditor) -> None:
    await worked(auditor)
    page = await auditor.page()
    assert page["indexed_through"] == page["log_size"] > 0
    await auditor.desk.worker()
    await sequence(auditor.desk.db, auditor.desk.workplace.tenant_id, auditor.desk.ids)
    behind = await auditor.page()
    assert behind["indexed_through"] == page["indexed_through"]
    assert behind["log_size"] > page["log_size"]
    await auditor.up_to_date()
    last = await auditor.page()
    assert last["indexed_through"] == last["log_size"]


async def test_every_event_of_the_log_is_found_once(auditor: Auditor) -> None:
    await worked(auditor)
    page = await auditor.page()
    indexes = [event["index"] for event in await auditor.all()]
    assert sorted(indexes) == list(range(page["log_size"]))


async def test_what_another_tenant_did_is_not_found(auditor: Auditor) -> None:
    await worked(auditor)
    stranger = await found(auditor.desk.db, auditor.desk.ids)
    _, key = await stranger.person("auditor", Role.AUDITOR)
    other = Auditor(auditor.desk, key)
    assert await other.all() == []
    await sequence(auditor.desk.db, stranger.tenant_id, auditor.desk.ids)
    await index_log(auditor.desk.db, stranger.tenant_id)
    ours = {event["event_id"] for event in await auditor.all()}
    theirs = {event["event_id"] for event in await other.all()}
    assert theirs
    assert not ours & theirs
    assert await other.all(agent=AGENT) == []


async def test_an_export_holds_what_the_search_finds_and_is_told_of_before(
    auditor: Auditor,
) -> None:
    await worked(auditor)
    whole = await auditor.all(agent=AGENT, verdict="deny")
    data, (head, *lines, end) = await auditor.export(agent=AGENT, verdict="deny")
    assert [line.keys() for line in lines] == [{"kind", "event"}] * len(whole)
    assert [line["event"] for line in lines] == whole
    before = data[: data.rindex(b"\n", 0, -1) + 1]
    assert end == {
        "kind": "manifest",
        "events": len(whole),
        "sha256": hashlib.sha256(before).hexdigest(),
    }
    store = Store(auditor.desk.db, auditor.desk.workplace.founder, auditor.desk.ids)
    tenancy = tenant_stream(auditor.desk.workplace.tenant_id, StreamKind.TENANCY)
    told = (await store.all(tenancy))[-1]
    said = json.loads(told.body or b"")
    assert told.type == "AuditExported"
    assert (said["export_id"], said["filter"]["verdict"]) == (head["export_id"], "deny")
    assert said["filter"] == head["filter"]


async def test_an_export_of_nothing_is_told_of_too(auditor: Auditor) -> None:
    _, lines = await auditor.export(agent="nobody")
    assert [line["kind"] for line in lines] == ["placet.search.v1", "manifest"]
    await auditor.up_to_date()
    assert (await auditor.types(type="AuditExported")) == ["AuditExported"]


async def test_an_index_that_is_made_anew_is_the_same(auditor: Auditor) -> None:
    await worked(auditor)
    whole = await auditor.all()
    async with auditor.desk.db.writing(auditor.desk.workplace.founder) as tx:
        await make_anew(tx)
    empty = await auditor.page()
    assert (empty["items"], empty["indexed_through"]) == ([], 0)
    await auditor.up_to_date()
    assert await auditor.all() == whole


async def test_a_log_that_grew_is_followed_by_the_worker(auditor: Auditor) -> None:
    await auditor.desk.worker()
    await sequence(auditor.desk.db, auditor.desk.workplace.tenant_id, auditor.desk.ids)
    while await index_due(auditor.desk.db):
        pass
    page = await auditor.page()
    assert page["indexed_through"] == page["log_size"] > 0


async def test_what_cannot_be_asked_is_refused(auditor: Auditor) -> None:
    wrong: tuple[Mapping[str, object], ...] = (
        {"verdict": "perhaps"},
        {"fingerprint": "AB" * 32},
        {"actor": "x"},
        {"since": "2026-03-01T00:00:00"},
        {"until": "0001-01-01T00:00:00+23:59"},
        {"tool": ""},
        {"order": "best"},
        {"limit": 0},
        {"tenant_id": "1"},
        {"order": "oldest", "cursor": (await auditor.page(limit=1))["next_cursor"] or "x"},
    )
    for asked in wrong:
        answered = await auditor.ask("", asked)
        assert (answered.status_code, answered.json()["code"]) == (400, "malformed_query"), asked
