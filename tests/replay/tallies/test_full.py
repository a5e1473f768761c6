"""A sum adds up so many calls and no more: beyond that nothing is granted."""

import asyncpg
from litestar import Litestar
from tests.conftest import Server
from tests.replay.desk import Desk
from tests.replay.tallies.wide import pay, wide

from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

# Nothing else stands behind these calls, so no key is checked.
CALLS = """
    INSERT INTO placet.replay_tally_mark (
        tenant_id, session_id, call_id, tally_id, value, granted_at, committed_at)
    SELECT m.tenant_id, m.session_id,
           ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
           m.tally_id, CASE WHEN n <= 99999 THEN 0.00001 ELSE 0 END, now(), now()
    FROM placet.replay_tally_mark AS m, generate_series(1, 100009) AS n
    WHERE m.session_id = $1
"""
ONE_MORE = """
    UPDATE placet.replay_tally_mark SET value = 0.00001 WHERE session_id = $1 AND value = 0
"""


async def test_a_sum_adds_up_so_many_calls_that_come_to_something_and_no_more(
    desk: Desk, app: Litestar, server: Server, database_name: str
) -> None:
    await desk.approve_again(wide({"op": "sum", "gte": 10}))
    one, other = await desk.worker(), await desk.worker()
    (open_,) = await one.propose(pay(10))
    assert open_["verdict"] == "allow"
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(CALLS, one.session_id)
    assert [call["verdict"] for call in await other.propose(pay(8))] == ["deny"]
    assert [call["verdict"] for call in await other.propose(pay(9.5))] == ["allow"]
    await admin.execute(ONE_MORE, one.session_id)
    await admin.close()
    asked = other.proposal(await other.prepare(), pay(8))
    for forgets in (False, True):
        if forgets:
            app.state[Runtime.__name__].memory = Memory()
        refused = (await other.post("proposals", asked)).json()
        assert (refused["code"], refused["action"]) == ("allowance_full", "wait")
    answered = await other.post("proposals", other.proposal(await other.prepare(), pay(10)))
    assert answered.json()["calls"][0]["verdict"] == "allow", answered.text
