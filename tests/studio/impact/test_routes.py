"""An impact preview over HTTP: what flips, what cannot be judged, and what is never shown."""

import asyncio
import json
import signal
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
from litestar import Litestar
from tests.audit.erasures.ended import erase, erase_some
from tests.audit.erasures.test_races import all_of, waits_for
from tests.conftest import Server
from tests.replay.desk import Worker
from tests.studio.traffic import ORDER, OTHER, Traffic, capped, changed, pay

from placet.events import store as events
from placet.events.model import StreamId
from placet.kernel.ids import Ids
from placet.studio.impact import service
from placet.studio.impact.model import ImpactNotFound, PreviewImpact
from placet.studio.impact.workers import Workers

SECRET = "sk_live_51H8xY2eZvKYlo2C0aBcDeFgHiJkLmNoP"  # noqa: S105 -- no secret of anybody's


class Previews:
    """Asks for previews of one tenant's snapshots."""

    def __init__(self, client: httpx.AsyncClient, author: Mapping[str, str], ids: Ids) -> None:
        """Speak through a client with somebody's key."""
        self._client = client
        self._author = author
        self._ids = ids

    async def ask(self, snapshot_id: UUID, **asked: object) -> httpx.Response:
        """Ask for a preview."""
        return await self.repeat(self._ids.new().hex, snapshot_id, **asked)

    async def repeat(self, key: str, snapshot_id: UUID, **asked: object) -> httpx.Response:
        """Ask for a preview with this idempotency key."""
        return await self._client.post(
            path(snapshot_id),
            content=msgspec.json.encode(asked),
            headers={**self._author, "Idempotency-Key": key},
        )

    async def made(self, snapshot_id: UUID, **asked: object) -> dict[str, Any]:
        """Ask for a preview and return it."""
        answer = await self.ask(snapshot_id, **asked)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def path(snapshot_id: UUID) -> str:
    return f"/api/v1/studio/snapshots/{snapshot_id}/impact"


def workers_of(app: Litestar) -> Workers:
    """Return the application's workers."""
    previews: service.Previews = app.state[service.Previews.__name__]
    return previews.workers


def flips(preview: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(one["before"], one["after"]): one["calls"] for one in preview["report"]["flips"]}


async def test_a_narrower_bound_flips_the_calls_above_it_and_no_others(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(400, 3000, 200)
    await traffic.refunds(5000, order=OTHER)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    made = await previews.made(snapshot.snapshot_id)
    report = made["report"]
    assert (report["sessions"], report["calls"], report["same"]) == (2, 6, 4)
    assert flips(made) == {("allow", "deny"): 2}
    (flip,) = report["flips"]
    assert flip["tools"] == [{"tool": "issue_refund", "calls": 2}]
    amounts = {msgspec.json.decode(one["arguments"])["amount_cents"] for one in flip["examples"]}
    assert amounts == {3000, 5000}
    assert flip["examples"][0]["after"]["reasons"][0]["code"] == "argument_out_of_bounds"
    assert made["compared_with"] == "in_force"
    assert (await client.get(path(snapshot.snapshot_id), headers=author)).json() == made


async def test_a_wider_bound_flips_the_other_way(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(60000)
    await traffic.refunds(100)
    _, snapshot = await traffic.candidate(capped(90000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    assert flips(made) == {("deny", "allow"): 1}
    assert (made["report"]["before"]["deny"], made["report"]["after"]["deny"]) == (1, 0)


async def test_a_call_that_is_allowed_now_holds_its_effect_and_so_refuses_the_next_one(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(60000, 100)
    _, snapshot = await traffic.candidate(capped(90000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    assert flips(made) == {("allow", "deny"): 1, ("deny", "allow"): 1}


async def test_a_call_that_rests_on_one_that_the_candidate_refuses_is_not_judged(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(100)
    _, snapshot = await traffic.candidate(changed("lookup_order", decision="ask"))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    assert flips(made) == {("allow", "ask"): 1}
    (unjudged,) = made["report"]["unjudged"]
    assert (unjudged["missing"], unjudged["calls"]) == ("earlier_call", 1)
    (example,) = unjudged["examples"]
    assert "lookup_order" in example["after"]["missing_detail"]


async def test_a_call_that_rests_on_an_output_that_was_not_kept_is_not_judged(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    worker = await traffic.desk.worker()
    (call,) = await worker.propose(("lookup_order", {"order_id": ORDER}))
    await worker.report(call)
    await pay(worker, ORDER, 100)
    _, snapshot = await traffic.candidate(capped(1000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    (unjudged,) = made["report"]["unjudged"]
    assert (unjudged["missing"], unjudged["calls"]) == ("output", 1)
    assert call["call_id"] in unjudged["examples"][0]["after"]["missing_detail"]


async def test_nothing_is_shown_that_a_contract_redacts_or_that_looks_secret(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    worker = await traffic.refunds()
    await worker.propose(("note", {"text": SECRET}))
    await worker.propose(("change_payout_account", {"account": "NL91ABNA0417164300"}))
    document = changed("change_payout_account", redact=["$.account"], decision="deny")
    (note,) = [one for one in document["tools"] if one["tool"] == "note"]
    note["decision"] = "deny"
    _, snapshot = await traffic.candidate(document)
    answer = await Previews(client, author, ids).ask(snapshot.snapshot_id)
    (flip,) = answer.json()["report"]["flips"]
    assert flip["calls"] == 2
    shown = {one["tool"]: one["arguments"] for one in flip["examples"]}
    assert shown["change_payout_account"] == "{}"
    assert "redacted" in shown["note"]
    assert SECRET not in answer.text
    assert "NL91" not in answer.text


async def test_the_same_window_gives_the_same_report_whatever_came_later(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    worker = await traffic.refunds(100, 3000)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    first = await previews.made(snapshot.snapshot_id)
    await pay(worker, ORDER, 4000)
    await traffic.refunds(5000)
    again = await previews.made(snapshot.snapshot_id, until=first["until"])
    assert again == first
    later = await previews.made(snapshot.snapshot_id)
    assert later["report"]["calls"] == first["report"]["calls"] + 3
    assert later["report_hash"] != first["report_hash"]


async def test_a_call_from_before_the_window_is_what_others_rest_on_and_not_counted(  # noqa: PLR0913, PLR0917 -- fixtures
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
    server: Server,
    database_name: str,
) -> None:
    worker = await traffic.refunds(400, 3000)
    admin = await asyncpg.connect(server.admin(database_name))
    for table, column, more in (
        ("replay_session", "created_at", ""),
        ("replay_pending_call", "proposed_at", " AND tool_name = 'lookup_order'"),
    ):
        await admin.execute(
            f"UPDATE placet.{table} SET {column} = {column} - interval '2 days'"  # noqa: S608 -- our own names
            f" WHERE session_id = '{worker.session_id}'{more}"
        )
    await admin.close()
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    made = await previews.made(snapshot.snapshot_id, seconds=86_400)
    report = made["report"]
    assert (report["sessions"], report["calls"], report["same"]) == (1, 2, 1)
    assert (flips(made), report["unjudged"]) == ({("allow", "deny"): 1}, [])
    longer = await previews.made(snapshot.snapshot_id, seconds=3 * 86_400)
    assert longer["report"]["calls"] == 3


async def test_a_window_before_all_time_holds_nothing(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(100)
    _, snapshot = await traffic.candidate(capped(1000))
    made = await Previews(client, author, ids).made(
        snapshot.snapshot_id, until="0001-01-01T00:00:00Z"
    )
    assert made["report"]["calls"] == 0


async def test_fewer_calls_than_there_are_are_the_newest_sessions_and_it_says_so(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(100, 3000)
    await traffic.refunds(200, 300)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    part = await previews.made(snapshot.snapshot_id, calls_max=3)
    assert (part["report"]["calls"], part["report"]["is_truncated"], flips(part)) == (3, True, {})
    cut = await previews.made(snapshot.snapshot_id, calls_max=5)
    assert (cut["report"]["calls"], cut["report"]["sessions"]) == (5, 2)
    whole = await previews.made(snapshot.snapshot_id, calls_max=6)
    assert (whole["report"]["is_truncated"], flips(whole)) == (False, {("allow", "deny"): 1})


async def test_a_candidate_with_errors_is_refused_with_what_was_found(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    _, snapshot = await traffic.candidate(changed("note", input_schema={"$ref": "http://x/"}))
    answer = await Previews(client, author, ids).ask(snapshot.snapshot_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "candidate_invalid")
    assert answer.json()["findings"]


LARGEST = {
    "name": "largest",
    "tool": "issue_refund",
    "op": "max",
    "path": "$.amount_cents",
    "scope": "agent",
    "lte": 100_000,
}
"""A bound of more than one session that does not add up."""


async def test_a_rule_over_several_sessions_is_previewed_as_one_of_the_recording(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(100)
    document = capped(1000)
    document["session"]["limits"] = {"max_cost_micros": 5, "max_steps": 1, "max_unguarded_calls": 3}
    document["session"]["aggregates"] = [LARGEST]
    _, snapshot = await traffic.candidate(document)
    assert snapshot.status == "ready_for_approval"
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    assert flips(made) == {("allow", "deny"): 1}
    assert made["report"]["unrecorded"] == ["cost", "unguarded"]


async def test_voters_are_shown_the_numbers_of_the_latest_preview(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(400, 3000)
    _, snapshot = await traffic.candidate(capped(1000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    request = await traffic.story.request(snapshot)
    shown = msgspec.json.decode(request.view_json)["impact"]
    assert shown["report_hash"] == made["report_hash"]
    assert shown["flips"] == [{"before": "allow", "after": "deny", "calls": 1}]
    assert (shown["same"], shown["unjudged"], shown["calls"]) == (2, 0, 3)


async def test_voters_are_told_that_no_preview_was_made(traffic: Traffic) -> None:
    _, snapshot = await traffic.candidate(capped(1000))
    request = await traffic.story.request(snapshot)
    assert msgspec.json.decode(request.view_json)["impact"] is None


async def test_a_preview_says_so_in_the_stream_of_the_workspace(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    _, snapshot = await traffic.candidate(capped(1000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    async with traffic.db.reading(traffic.story.founder) as tx:
        found = await events.list_events(tx, StreamId(snapshot.workspace_id), after=0, limit=200)
    (told,) = [one for one in found if one.type == "ImpactPreviewed"]
    assert told.body is not None
    assert msgspec.json.decode(told.body)["report_hash"] == made["report_hash"]


async def test_agents_calls_go_on_while_a_preview_is_judged_and_another_has_to_wait(  # noqa: PLR0913, PLR0917 -- fixtures
    app: Litestar,
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = await traffic.refunds(400)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    first = await previews.made(snapshot.snapshot_id)
    processes = [one.process for one in workers_of(app).running]
    for one in processes:
        one.send_signal(signal.SIGSTOP)
    asked = asyncio.create_task(previews.ask(snapshot.snapshot_id, until=first["until"]))
    place = app.state[service.Previews.__name__]._place  # noqa: SLF001 -- taken by the one that is asked
    while not place.locked():  # noqa: ASYNC110 -- nobody is told when it is taken
        await asyncio.sleep(0)
    for amount in range(100, 110):
        await pay(agent, ORDER, amount)
    monkeypatch.setattr(service, "WAIT_SECONDS", 0)
    busy = await previews.ask(snapshot.snapshot_id)
    assert (busy.status_code, busy.json()["code"]) == (503, "preview_busy")
    assert int(busy.headers["Retry-After"]) > 0
    assert processes
    assert not asked.done()
    for one in processes:
        one.send_signal(signal.SIGCONT)
    assert (await asked).json()["report"] == first["report"]


async def test_a_preview_whose_worker_is_killed_is_refused_and_the_next_one_has_another(
    app: Litestar,
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
) -> None:
    await traffic.refunds(400)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    workers = workers_of(app)
    first = await previews.made(snapshot.snapshot_id)
    (process, *_) = [one.process for one in workers.running]
    process.send_signal(signal.SIGSTOP)
    asked = asyncio.create_task(previews.ask(snapshot.snapshot_id))
    await workers.busy.wait()
    process.kill()
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (503, "preview_broken")
    assert int(answer.headers["Retry-After"]) > 0
    again = await previews.made(snapshot.snapshot_id, until=first["until"])
    assert again["report"] == first["report"]
    assert process.pid not in {one.process.pid for one in workers.running}


async def test_the_same_request_is_judged_once_and_answered_again_without_a_worker(  # noqa: PLR0913, PLR0917 -- fixtures
    app: Litestar,
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = await traffic.refunds(400)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    await previews.made(snapshot.snapshot_id)
    workers = workers_of(app)
    (process, *_) = [one.process for one in workers.running]
    process.send_signal(signal.SIGSTOP)
    asked = asyncio.create_task(previews.repeat("k", snapshot.snapshot_id))
    await workers.busy.wait()
    twin = await previews.repeat("k", snapshot.snapshot_id)
    assert (twin.status_code, twin.json()["code"]) == (409, "request_in_progress")
    process.send_signal(signal.SIGCONT)
    first = await asked
    await pay(agent, ORDER, 100)
    monkeypatch.setattr(service, "WORK_SECONDS", -1)  # nothing could be judged any more
    again = await previews.repeat("k", snapshot.snapshot_id)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await previews.repeat("k", snapshot.snapshot_id, calls_max=1)
    assert other.json()["code"] == "idempotency_conflict"


async def test_what_was_refused_may_be_asked_for_again_with_the_same_key(
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await traffic.refunds(400)
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    with monkeypatch.context() as patched:
        patched.setattr(service, "WORK_SECONDS", -1)
        refused = await previews.repeat("k", snapshot.snapshot_id)
    assert refused.json()["code"] == "preview_too_costly"
    assert (await previews.repeat("k", snapshot.snapshot_id)).status_code == 201


async def test_a_worker_that_was_killed_before_is_replaced_without_a_word(
    app: Litestar,
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
) -> None:
    _, snapshot = await traffic.candidate(capped(1000))
    previews = Previews(client, author, ids)
    await previews.made(snapshot.snapshot_id)
    for one in workers_of(app).running:
        one.process.kill()
        await one.process.wait()
    await previews.made(snapshot.snapshot_id)


async def test_a_preview_that_takes_too_long_is_refused_and_nothing_is_kept(
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    ids: Ids,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await traffic.refunds(400)
    _, snapshot = await traffic.candidate(capped(1000))
    monkeypatch.setattr(service, "WORK_SECONDS", -1)
    answer = await Previews(client, author, ids).ask(snapshot.snapshot_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "preview_too_costly")
    none = await client.get(path(snapshot.snapshot_id), headers=author)
    assert none.json()["code"] == "impact_not_found"


async def test_with_nothing_in_force_a_candidate_is_compared_with_what_was_decided(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    await traffic.refunds(400, 3000)
    await traffic.refunds(60000, order=OTHER)
    await traffic.revoke()
    _, snapshot = await traffic.candidate(capped(1000))
    made = await Previews(client, author, ids).made(snapshot.snapshot_id)
    assert (made["compared_with"], made["against_hash"]) == ("recorded", None)
    assert flips(made) == {("allow", "deny"): 1}
    assert made["report"]["same"] == 4
    (flip,) = made["report"]["flips"]
    assert flip["examples"][0]["before"] == {
        "verdict": "allow",
        "layer": None,
        "reasons": [],
        "missing": None,
        "missing_detail": None,
    }


async def test_another_tenants_snapshot_and_none_at_all_look_the_same(
    client: httpx.AsyncClient, traffic: Traffic, author: Mapping[str, str], ids: Ids
) -> None:
    _, snapshot = await traffic.candidate(capped(1000))
    answer = await client.get(path(snapshot.snapshot_id), headers=author)
    assert (answer.status_code, answer.json()["code"]) == (404, "impact_not_found")
    nobody = await Previews(client, author, ids).ask(ids.new())
    assert (nobody.status_code, nobody.json()["code"]) == (404, "snapshot_not_found")


async def computed_over_a_closed_session(
    app: Litestar, traffic: Traffic
) -> tuple[Worker, service.Case, service.Computed]:
    """Return a session that ended, and a preview that shows a call of it and is not kept yet."""
    worker = await traffic.refunds(400, 3127)
    await worker.post("close", {"reason": "done"})
    _, snapshot = await traffic.candidate(capped(1000))
    async with traffic.db.reading(traffic.story.founder) as tx:
        case = await service.read_case(tx, snapshot.snapshot_id, PreviewImpact())
    computed = await service.compute(case, workers_of(app))
    return worker, case, computed


async def test_a_preview_that_was_read_before_an_erasure_shows_nothing_of_what_went(
    app: Litestar, traffic: Traffic, ids: Ids
) -> None:
    worker, case, computed = await computed_over_a_closed_session(app, traffic)
    assert b"3127" in msgspec.json.encode(computed.report)
    await erase(traffic.desk, worker.session_id)
    async with traffic.db.writing(traffic.story.founder) as tx:
        kept = await service.keep_preview(tx, case, computed, ids)
    assert b"3127" not in kept.report_json
    report = json.loads(kept.report_json)
    (example,) = [one for flip in report["flips"] for one in flip["examples"]]
    assert (example["session_id"], example["arguments"]) == (str(worker.session_id), None)
    assert {line["detail"] for line in example["after"]["reasons"]} == {None}


async def test_a_preview_waits_for_an_erasure_that_is_under_way(
    app: Litestar, traffic: Traffic, ids: Ids, server: Server, database_name: str
) -> None:
    worker, case, computed = await computed_over_a_closed_session(app, traffic)

    async def keep() -> bytes:
        async with traffic.db.writing(traffic.story.founder) as tx:
            return (await service.keep_preview(tx, case, computed, ids)).report_json

    admin = await asyncpg.connect(server.admin(database_name))
    async with traffic.db.writing(traffic.story.founder) as tx:
        await erase_some(tx, all_of(worker), ids)
        late = asyncio.create_task(keep())
        assert await waits_for(admin, tx, late)
    assert b"3127" not in await late
    await admin.close()


async def test_a_preview_that_shows_a_session_goes_with_its_bodies(
    app: Litestar, traffic: Traffic, ids: Ids
) -> None:
    worker, case, computed = await computed_over_a_closed_session(app, traffic)
    async with traffic.db.writing(traffic.story.founder) as tx:
        await service.keep_preview(tx, case, computed, ids)
    async with traffic.db.reading(traffic.story.founder) as tx:
        assert (await service.show_impact(tx, case.snapshot.snapshot_id)).report.flips
    await erase(traffic.desk, worker.session_id)
    async with traffic.db.reading(traffic.story.founder) as tx:
        with pytest.raises(ImpactNotFound):
            await service.show_impact(tx, case.snapshot.snapshot_id)
