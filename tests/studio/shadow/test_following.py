"""A shadow counts what agents do: each call once, from its start to its end."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.audit.erasures.ended import erase
from tests.studio.shadow.conftest import Watch
from tests.studio.traffic import ORDER, OTHER, Traffic, capped, changed, pay

from placet.kernel.ids import Ids
from placet.storage import work
from placet.studio.shadow import following, store
from placet.studio.shadow.model import Behind, Shadow


def numbers(shown: dict[str, Any]) -> tuple[int, int, int]:
    counts = shown["counts"]
    assert counts["calls"] == counts["agreed"] + counts["disagreed"] + counts["unjudged"]
    return counts["agreed"], counts["disagreed"], counts["unjudged"]


async def behind_of(watch: Watch, shadow: Shadow) -> list[Behind]:
    async with watch.db.reading(watch.traffic.story.founder) as tx:
        return await store.list_behind(tx, shadow, 10)


async def test_every_call_since_the_start_is_counted_by_tool_and_verdicts(
    watch: Watch, traffic: Traffic
) -> None:
    open_before = await traffic.refunds(4000)
    over = await traffic.refunds(4100)
    killed = await traffic.desk.post(
        f"{over.path}/kill", {"reason": "done"}, traffic.desk.operator_key
    )
    assert killed.status_code == 200
    shadow = await watch.start(capped(1000))
    shown = await watch.shown(shadow)
    assert (shown["status"], numbers(shown)) == ("running", (0, 0, 0))
    assert shown["lag"] == {"sessions": 0, "events": 0, "seconds": 0}
    await pay(open_before, ORDER, 3000)
    await traffic.refunds(400, 2000, order=OTHER)
    late = await watch.shown(shadow)
    assert late["lag"]["sessions"] == 2
    assert late["lag"]["events"] > 4
    assert numbers(late) == (0, 0, 0)
    shown = await watch.follow(shadow)
    assert shown["lag"] == {"sessions": 0, "events": 0, "seconds": 0}
    assert numbers(shown) == (2, 2, 0)
    first = shown["tallies"][0]
    assert (first["tool"], first["before"], first["after"]) == ("issue_refund", "allow", "deny")
    given = msgspec.json.decode(first["example"]["arguments"])
    assert given["amount_cents"] in {2000, 3000}
    assert (await watch.follow(shadow))["counts"] == shown["counts"]


async def test_calls_before_the_start_are_not_counted_however_a_session_is_looked_at(
    watch: Watch, traffic: Traffic
) -> None:
    worker = await traffic.refunds(4000)
    shadow = await watch.start(capped(1000))
    await pay(worker, ORDER, 300)
    behind = Behind(session_id=worker.session_id, seq=0, last_seq=1)
    async with watch.db.reading(traffic.story.founder) as tx:
        seen = await following.look(tx, shadow, behind)
    assert len(seen.calls) == 1


async def test_a_session_that_goes_on_is_counted_on_from_where_it_was(
    watch: Watch, traffic: Traffic
) -> None:
    shadow = await watch.start(capped(1000))
    worker = await traffic.refunds(400)
    assert numbers(await watch.follow(shadow)) == (2, 0, 0)
    await pay(worker, ORDER, 5000)
    assert numbers(await watch.follow(shadow, watch.another())) == (2, 1, 0)
    await pay(worker, ORDER, 300)
    assert numbers(await watch.follow(shadow)) == (3, 1, 0)


async def test_a_shadow_counts_what_a_preview_of_the_same_calls_counts(
    watch: Watch, traffic: Traffic, client: httpx.AsyncClient, author: Mapping[str, str], ids: Ids
) -> None:
    shadow = await watch.start(changed("lookup_order", decision="ask"))
    await traffic.refunds(400, 60000)
    await traffic.refunds(700, order=OTHER)
    shown = await watch.follow(shadow)
    preview = await client.post(
        f"/api/v1/studio/snapshots/{shadow.snapshot_id}/impact",
        content=b"{}",
        headers={**author, "Idempotency-Key": ids.new().hex},
    )
    report = preview.json()["report"]
    flips = sum(one["calls"] for one in report["flips"])
    unjudged = sum(one["calls"] for one in report["unjudged"])
    assert numbers(shown) == (report["same"], flips, unjudged)
    assert (flips, unjudged) == (2, 2)


async def test_a_session_that_two_workers_have_judged_is_counted_by_one_of_them(
    watch: Watch, traffic: Traffic
) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(400, 2000)
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        compared = await watch.follower._sides(tx, shadow)  # noqa: SLF001 -- what a worker has loaded
    done = await asyncio.gather(
        *(watch.another().follow_session(shadow, compared, behind) for _ in range(4))
    )
    assert sorted(done) == [False, False, False, True]
    assert numbers(await watch.follow(shadow)) == (2, 1, 0)


async def test_a_worker_that_dies_between_judging_and_counting_loses_and_doubles_nothing(
    watch: Watch, traffic: Traffic
) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(400, 2000)
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        compared = await watch.follower._sides(tx, shadow)  # noqa: SLF001 -- what a worker has loaded
        seen = await following.look(tx, shadow, behind)
    counted = following.count(compared, seen, lambda: None)

    async def dying() -> None:
        async with watch.db.writing(traffic.story.founder) as tx:
            assert await following.keep(tx, shadow, behind, seen.seq, counted)
            message = "the process died"
            raise LookupError(message)

    with pytest.raises(LookupError, match="died"):
        await dying()
    assert numbers(await watch.shown(shadow)) == (0, 0, 0)
    assert numbers(await watch.follow(shadow)) == (2, 1, 0)
    async with watch.db.writing(traffic.story.founder) as tx:
        assert not await following.keep(tx, shadow, behind, seen.seq, counted)
    assert numbers(await watch.shown(shadow)) == (2, 1, 0)


async def test_a_call_that_was_erased_since_it_was_looked_at_is_counted_and_not_shown(
    watch: Watch, traffic: Traffic
) -> None:
    shadow = await watch.start(capped(1000))
    worker = await traffic.refunds(400, 3127)
    await worker.post("close", {"reason": "done"})
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        compared = await watch.follower._sides(tx, shadow)  # noqa: SLF001 -- what a worker has loaded
        seen = await following.look(tx, shadow, behind)
    counted = following.count(compared, seen, lambda: None)
    assert any("3127" in (one.arguments or "") for one in counted.examples.values())
    await erase(traffic.desk, worker.session_id)
    async with watch.db.writing(traffic.story.founder) as tx:
        assert await following.keep(tx, shadow, behind, seen.seq, counted)
        tallies = await store.list_tallies(tx, shadow.shadow_id)
    assert {one.example.arguments for one in tallies} == {None}
    details = [line.detail for one in tallies for line in one.example.after.reasons]
    assert set(details) == {None}


async def test_nothing_is_counted_after_the_end(watch: Watch, traffic: Traffic) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(400)
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        compared = await watch.follower._sides(tx, shadow)  # noqa: SLF001 -- what a worker has loaded
    await watch.stop(shadow)
    assert not await watch.follower.follow_session(shadow, compared, behind)
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["ended_why"], shown["lag"]) == ("ended", "stopped", None)
    assert numbers(shown) == (0, 0, 0)


async def test_calls_beyond_what_is_judged_of_a_session_are_told_as_left_out(
    watch: Watch, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CALLS_MAX", 2)
    shadow = await watch.start(capped(1000))
    await traffic.refunds(400, 2000, 300)
    shown = await watch.follow(shadow)
    assert numbers(shown) == (2, 0, 0)
    assert shown["counts"]["left_out"] == 2


async def test_a_session_whose_first_calls_are_all_judged_is_not_read_again(
    watch: Watch, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CALLS_MAX", 2)
    shadow = await watch.start(capped(1000))
    worker = await traffic.refunds(400)
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        assert (await following.look(tx, shadow, behind)).recording is not None
    await watch.follow(shadow)
    await pay(worker, ORDER, 2000)
    (behind,) = await behind_of(watch, shadow)
    async with watch.db.reading(traffic.story.founder) as tx:
        seen = await following.look(tx, shadow, behind)
    assert (seen.recording, len(seen.calls)) == (None, 1)
    shown = await watch.follow(shadow)
    assert (numbers(shown), shown["counts"]["left_out"]) == ((2, 0, 0), 1)


async def test_a_session_that_takes_too_long_is_left_out_named_and_not_judged_again(
    watch: Watch,
    traffic: Traffic,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shadow = await watch.start(capped(1000))
    worker = await traffic.refunds(400)
    with monkeypatch.context() as patched:
        patched.setattr(following, "WORK_SECONDS", -1)
        shown = await watch.follow(shadow)
    assert (numbers(shown), shown["counts"]["left_out"]) == ((0, 0, 0), 2)
    assert str(worker.session_id) in caplog.text
    await pay(worker, ORDER, 2000)
    await traffic.refunds(400, order=OTHER)
    shown = await watch.follow(shadow)
    assert (numbers(shown), shown["counts"]["left_out"]) == ((2, 0, 0), 3)


async def test_a_round_takes_what_is_due_and_asks_for_the_next(
    watch: Watch, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AGAIN", timedelta())
    shadow = await watch.start(capped(1000))
    for calls in (2, 4):
        await traffic.refunds(400, order=f"ord_{calls}{calls}{calls}{calls}aaaa")
        taken = await work.take_due(watch.db, work.FOLLOW_SHADOW, limit=99, lease_seconds=60)
        (mine,) = [one for one in taken if one.ref == shadow.shadow_id]
        assert not await work.take_due(watch.db, work.FOLLOW_SHADOW, limit=1, lease_seconds=60)
        await watch.follower.follow(mine)
        assert numbers(await watch.shown(shadow)) == (calls, 0, 0)


async def test_a_round_follows_what_is_due_over_all_tenants(watch: Watch, traffic: Traffic) -> None:
    shadow = await watch.start(capped(1000))
    await traffic.refunds(400)
    for _ in range(99):
        if (await watch.shown(shadow))["counts"]["calls"]:
            break
        await watch.follower.follow_due()
    assert numbers(await watch.shown(shadow)) == (2, 0, 0)
