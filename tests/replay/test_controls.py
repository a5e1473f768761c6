"""Kills of an agent and of a tool over HTTP: what they stop, what goes on, and their lifting."""

import io

import httpx
import pytest
from tests.authority.lifts.signing import body_of, enrolled, vote_on
from tests.replay.desk import AGENT, CONTRACT, Desk, Worker

from placet.evidence.lift_vote import LiftAct
from placet.evidence.verify import verify_bundle

REFUND = ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})
NOTE = ("note", {"text": "a"})
OTHER = "another-desk"


@pytest.fixture
async def other(desk: Desk) -> Desk:
    """Another agent of the same tenant, under the same rules."""
    made = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    await made.approve(desk.story.keys, CONTRACT | {"agent": OTHER}, agent=OTHER)
    return made


def refused(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def prove(desk: Desk, worker: Worker) -> None:
    """Have the verifier find nothing wrong with what the session's bundle tells."""
    answered = await desk.get(f"{worker.path}/bundle", desk.workplace.founder_key)
    report = verify_bundle(io.BytesIO(answered.content))
    assert report.is_good, report.flaw


async def test_a_killed_agent_is_granted_and_starts_nothing_and_opens_and_renews_no_session(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    (call,) = await worker.propose(REFUND)
    prepared = await worker.prepare()
    killed = await desk.kill("agent", AGENT)
    assert (killed.status_code, killed.json()["target"]) == (201, AGENT)
    for answered in (
        await worker.post("proposals", worker.proposal(prepared, NOTE)),
        await worker.start(call),
        await desk.post("/api/v1/replay/sessions", {}),
        await worker.post("preflight", {"request_hash": "ab" * 32}),
        await worker.lease("renew"),
        await worker.lease("grant"),
    ):
        assert refused(answered) == (410, "agent_killed")
    assert (await worker.read())["status"] == "killed"
    assert (await worker.report(call, "failed"))["call_status"] == "settled"


async def test_a_kill_of_an_agent_disturbs_no_other(desk: Desk, other: Desk) -> None:
    await desk.worker()
    bystander = await other.worker()
    prepared = await bystander.prepare()
    await desk.kill("agent", AGENT)
    proposed = await bystander.post("proposals", bystander.proposal(prepared, NOTE))
    assert proposed.status_code == 200, proposed.text
    (call,) = proposed.json()["calls"]
    assert (await bystander.start(call)).status_code == 200
    assert (await bystander.read())["status"] == "active"
    sessions = (await desk.get("/api/v1/replay/sessions", desk.workplace.founder_key)).json()
    statuses = {item["agent"]: item["status"] for item in sessions["items"]}
    assert statuses == {AGENT: "killed", OTHER: "active"}


async def test_a_killed_tool_is_denied_with_a_reason_while_the_rest_of_the_response_runs(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare()
    await desk.kill("tool", "note")
    answered = await worker.post(
        "proposals",
        worker.proposal(prepared, NOTE, ("lookup_order", {"order_id": "ord_00000001"})),
    )
    assert answered.status_code == 200, answered.text
    note, lookup = answered.json()["calls"]
    assert (note["status"], note["layer"], note["grant"]) == ("blocked", 1, None)
    assert [reason["code"] for reason in note["reasons"]] == ["manual_filter"]
    assert lookup["status"] == "granted"
    assert (await worker.read())["status"] == "active"


async def test_a_killed_tool_is_offered_to_no_model_and_is_again_once_that_is_lifted(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    assert "note" in (await worker.prepare())["tools"]
    killed = await desk.kill("tool", "note")
    for _ in range(2):
        narrowed = await worker.prepare()
        assert "note" not in narrowed["tools"]
        assert [hidden["tool"] for hidden in narrowed["hidden"]].count("note") == 1
    await desk.lift(killed)
    assert "note" in (await worker.prepare())["tools"]
    (call,) = await worker.propose(NOTE)
    assert call["status"] == "granted"
    await prove(desk, worker)


async def test_a_killed_tool_is_not_started_and_another_is(desk: Desk) -> None:
    worker = await desk.worker()
    lookup, note = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}), NOTE)
    killed = await desk.kill("tool", "note")
    answered = await worker.start(note)
    assert refused(answered) == (410, "tool_killed")
    assert answered.json()["action"] == "new_preflight"
    assert (await worker.start(lookup)).status_code == 200
    assert (await worker.report(note, "failed"))["call_status"] == "settled"
    await desk.lift(killed)


async def test_a_grant_from_before_a_kill_stays_unusable_after_its_lifting(desk: Desk) -> None:
    worker = await desk.worker()
    (note,) = await worker.propose(NOTE)
    await desk.lift(await desk.kill("tool", "note"))
    assert refused(await worker.start(note)) == (409, "stale_control")


async def test_a_replayed_proposal_gives_no_grant_for_a_killed_tool_and_gives_the_others(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    body = worker.proposal(
        await worker.prepare(), NOTE, ("lookup_order", {"order_id": "ord_00000001"})
    )
    first = (await worker.post("proposals", body)).json()["calls"]
    killed = await desk.kill("tool", "note")
    for is_killed in (True, False):
        again = (await worker.post("proposals", body)).json()["calls"]
        assert [call["status"] for call in again] == [call["status"] for call in first]
        assert [call["grant"] is None for call in again] == [True, False]
        if is_killed:
            await desk.lift(killed)


@pytest.mark.parametrize(("kind", "target"), [("tenant", ""), ("agent", AGENT)])
async def test_after_a_lifting_a_session_goes_on_with_a_new_preflight(
    desk: Desk, kind: str, target: str
) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare()
    (note,) = await worker.propose(NOTE)
    lifted = await desk.lift(await desk.kill(kind, target))
    assert lifted["lifted_epoch"] == 2
    assert (await worker.read())["status"] == "active"
    stale = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert refused(stale) == (409, "stale_control")
    assert refused(await worker.start(note)) == (409, "stale_control")
    (call,) = await worker.propose(NOTE)
    assert (await worker.start(call)).status_code == 200
    await prove(desk, worker)
    await desk.kill(kind, target)
    again = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert refused(again) == (410, f"{kind}_killed")


async def test_one_operator_alone_lets_nothing_pass_again(desk: Desk) -> None:
    worker = await desk.worker()
    killed = await desk.kill("agent", AGENT)
    path, control, lift_id = "/api/v1/authority", killed.json(), desk.ids.new()
    lifts = f"{path}/controls/{control['control_id']}/lifts"
    unsigned = await desk.post(lifts, {"reason": "it is over"}, desk.operator_key)
    assert refused(unsigned) == (422, "lift_vote_refused")
    assert unsigned.json()["flaw"] == "missing"
    key = await enrolled(desk.db, desk.operator)
    asked = vote_on(control, LiftAct.ASK, lift_id, desk.operator, key)
    assert (await desk.post(lifts, body_of(asked, key), desk.operator_key)).status_code == 201
    agreed = body_of(vote_on(control, LiftAct.CONFIRM, lift_id, desk.operator, key), key)
    alone = await desk.post(f"{path}/lifts/{lift_id}/confirm", agreed, desk.operator_key)
    assert refused(alone) == (403, "two_people_needed")
    again = await worker.post("preflight", {"request_hash": "ab" * 32})
    assert refused(again) == (410, "agent_killed")


async def test_controls_are_listed_the_latest_first_lifted_ones_too(desk: Desk) -> None:
    first = await desk.kill("agent", OTHER)
    await desk.lift(first)
    await desk.kill("tool", "note")
    key = desk.workplace.founder_key
    page = (await desk.get("/api/v1/authority/controls?limit=1", key)).json()
    assert [(item["kind"], item["lifted_epoch"]) for item in page["items"]] == [("tool", None)]
    rest = (await desk.get(f"/api/v1/authority/controls?cursor={page['next_cursor']}", key)).json()
    assert [(item["target"], item["lifted_epoch"]) for item in rest["items"]] == [(OTHER, 2)]
    assert rest["next_cursor"] is None
    one = await desk.get(f"/api/v1/authority/controls/{first.json()['control_id']}", key)
    assert one.json() == rest["items"][0]
    lifts = await desk.get(f"/api/v1/authority/controls/{first.json()['control_id']}/lifts", key)
    (lift,) = lifts.json()["items"]
    assert lift["confirmed_by"] not in {None, lift["asked_by"]}
