"""The lease of a session over HTTP."""

from tests.replay.desk import Desk, Worker


async def test_the_same_request_again_gets_the_lease_that_it_got(desk: Desk) -> None:
    worker = Worker(desk, await desk.session())
    request_id = str(desk.ids.new())
    first = (await worker.lease(request_id=request_id)).json()
    again = (await worker.lease(request_id=request_id)).json()
    assert again == first | {"replayed": True}
    assert [e["type"] for e in await worker.events()] == ["SessionOpened", "LeaseGranted"]


async def test_a_new_grant_raises_the_fence_for_the_same_holder_too(desk: Desk) -> None:
    worker = await desk.worker()
    old = worker.binding
    assert worker.fence == (1, 1)
    await worker.lease()
    assert worker.fence == (1, 2)
    worker.binding = old
    answered = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert (answered.status_code, answered.json()["code"]) == (409, "lease_lost")


async def test_another_holder_waits_and_is_told_until_when(desk: Desk) -> None:
    worker = await desk.worker()
    other = Worker(desk, worker.session_id)
    answered = await other.lease()
    assert (answered.status_code, answered.json()["code"]) == (409, "lease_held")
    assert answered.json()["holder"] == worker.holder
    assert answered.json()["action"] == "wait"
    assert answered.json()["lease_expires_at"] > ""


async def test_renewing_keeps_the_fence_and_says_nothing_in_the_stream(desk: Desk) -> None:
    worker = await desk.worker(ttl_seconds=5)
    before = await worker.read()
    renewed = (await worker.lease("renew", ttl_seconds=30)).json()
    assert renewed["outcome"] == "renewed"
    assert worker.fence == (1, 1)
    assert renewed["lease_expires_at"] > before["lease_expires_at"]
    assert len(await worker.events()) == 2


async def test_a_released_lease_is_gone_and_releasing_it_again_is_fine(desk: Desk) -> None:
    worker = await desk.worker()
    assert (await worker.lease("release")).json()["outcome"] == "released"
    assert (await worker.lease("release")).json()["replayed"]
    renewed = await worker.lease("renew")
    assert (renewed.status_code, renewed.json()["code"]) == (409, "lease_lost")
    other = Worker(desk, worker.session_id)
    assert (await other.lease()).status_code == 200
    assert other.fence == (1, 2)


async def test_an_operator_steals_with_a_reason_and_the_old_holder_is_refused(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    thief = Worker(desk, worker.session_id)
    bare = await thief.lease("steal")
    assert (bare.status_code, bare.json()["code"]) == (422, "reason_missing")
    assert (await thief.lease("steal", reason="the worker hangs")).status_code == 200
    assert thief.fence == (1, 2)
    stale = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert (stale.status_code, stale.json()["code"]) == (409, "lease_lost")
    late = await worker.report(call)
    assert late["late"]
    assert late["call_status"] == "granted"
    stolen = (await thief.events())[-2]
    assert (stolen["type"], stolen["body"]["reason"]) == ("LeaseStolen", "the worker hangs")


async def test_a_runtime_key_cannot_steal(desk: Desk) -> None:
    worker = await desk.worker()
    thief = Worker(desk, worker.session_id)
    asked = {
        "action": "steal",
        "holder": thief.holder,
        "request_id": str(desk.ids.new()),
        "reason": "mine",
    }
    answered = await thief.post("lease", asked)
    assert (answered.status_code, answered.json()["code"]) == (403, "scope_missing")


async def test_a_lease_that_is_gone_is_not_given_again(desk: Desk) -> None:
    worker = Worker(desk, await desk.session())
    request_id = str(desk.ids.new())
    await worker.lease(request_id=request_id)
    await worker.lease("release")
    again = await worker.lease(request_id=request_id)
    assert (again.status_code, again.json()["code"]) == (409, "lease_lost")


async def test_an_operator_takes_no_lease_but_by_stealing(desk: Desk) -> None:
    worker = Worker(desk, await desk.session())
    asked = {"action": "grant", "holder": "op", "request_id": str(desk.ids.new())}
    answered = await worker.post("lease", asked, desk.operator_key)
    assert (answered.status_code, answered.json()["code"]) == (403, "scope_missing")
