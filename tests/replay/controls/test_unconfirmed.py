"""What a wide kill left running, as operators read it afterwards."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.replay.desk import AGENT, CONTRACT, Desk, Worker

from placet.kernel.principal import Environment
from placet.replay.controls import store
from placet.tenancy.model import Role

LOOKUP = ("lookup_order", {"order_id": "ord_00000001"})
NOTE = ("note", {"text": "a"})
OTHER = "another-desk"


async def left(
    desk: Desk, killed: httpx.Response, limit: int = 50, key: str | None = None
) -> list[dict[str, Any]]:
    """Return every call that a control left running, page by page."""
    key = key or desk.operator_key
    path = f"/api/v1/authority/controls/{killed.json()['control_id']}/unconfirmed?limit={limit}"
    page = (await desk.get(path, key)).json()
    found: list[dict[str, Any]] = page["items"]
    while page["next_cursor"]:
        page = (await desk.get(f"{path}&cursor={page['next_cursor']}", key)).json()
        assert len(page["items"]) <= limit
        found += page["items"]
    return found


def ids(calls: list[dict[str, Any]]) -> list[str]:
    return [call["call_id"] for call in calls]


@pytest.fixture
async def workers(desk: Desk) -> list[Worker]:
    """Three sessions of the desk, in the order of their ids."""
    made = [await desk.worker() for _ in range(3)]
    return sorted(made, key=lambda worker: worker.session_id)


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_grants_that_were_out_at_a_kill_are_listed_whatever_the_page_and_no_others(
    desk: Desk, workers: list[Worker], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SESSIONS_MAX", 1)
    wanted = []
    for worker in workers:
        note, lookup, _ = await worker.propose(NOTE, LOOKUP, ("escalate", {"reason": "r"}))
        await worker.report(lookup, output={"status": "delivered"})
        wanted.append(note["call_id"])
    killed = await desk.kill("agent", AGENT)
    found = await left(desk, killed, limit)
    assert ids(found) == wanted
    assert {call["session_id"] for call in found} == {str(w.session_id) for w in workers}
    assert {(call["agent"], call["tool"], call["status"]) for call in found} == {
        (AGENT, "note", "granted")
    }
    await workers[0].report({**found[0], "arguments_hash": "ab" * 32}, "failed")
    assert ids(await left(desk, killed, limit)) == wanted


async def test_a_call_leaves_the_list_once_it_is_settled(desk: Desk) -> None:
    worker = await desk.worker()
    (note,) = await worker.propose(NOTE)
    killed = await desk.kill("tenant")
    assert ids(await left(desk, killed)) == [note["call_id"]]
    await worker.report(note)
    assert await left(desk, killed) == []


async def test_what_was_granted_after_a_lifting_was_never_out_at_the_kill(desk: Desk) -> None:
    worker = await desk.worker()
    killed = await desk.kill("tool", "note")
    await desk.lift(killed)
    (later,) = await worker.propose(NOTE)
    assert await left(desk, killed) == []
    again = await desk.kill("tool", "note")
    assert ids(await left(desk, again)) == [later["call_id"]]


async def test_a_kill_lists_its_own_scope_only(desk: Desk) -> None:
    other = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    await other.approve(desk.story.keys, CONTRACT | {"agent": OTHER}, agent=OTHER)
    note, lookup = await (await desk.worker()).propose(NOTE, LOOKUP)
    (theirs,) = await (await other.worker()).propose(NOTE)
    for kind, target, wanted in (
        ("tool", "note", {note["call_id"], theirs["call_id"]}),
        ("agent", OTHER, {theirs["call_id"]}),
        ("agent", AGENT, {note["call_id"], lookup["call_id"]}),
        ("tool", "never_heard_of", set()),
        ("tenant", "", {note["call_id"], lookup["call_id"], theirs["call_id"]}),
    ):
        assert set(ids(await left(desk, await desk.kill(kind, target)))) == wanted, (kind, target)


async def test_a_control_that_is_not_there_lists_nothing(desk: Desk) -> None:
    path = f"/api/v1/authority/controls/{UUID(int=7)}/unconfirmed"
    answered = await desk.get(path, desk.operator_key)
    assert (answered.status_code, answered.json()["code"]) == (404, "not_found")


async def test_a_key_of_one_agent_in_one_environment_sees_only_its_own_calls(desk: Desk) -> None:
    worker = await desk.worker()
    (note,) = await worker.propose(NOTE)
    killed = await desk.kill("tenant")
    seen = []
    for agent, environment in (
        (AGENT, Environment.STAGING),
        (AGENT, Environment.PRODUCTION),
        (OTHER, Environment.STAGING),
    ):
        _, key = await desk.workplace.agent(agent, environment, Role.VIEWER)
        seen.append(ids(await left(desk, killed, key=key)))
    assert seen == [[note["call_id"]], [], []]
