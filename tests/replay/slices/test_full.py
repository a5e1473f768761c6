"""A window adds up so many calls and no more: beyond that nothing is granted."""

import asyncpg
from tests.conftest import Server
from tests.replay.desk import Desk
from tests.replay.slices.purse import paid, pay, purse
from tests.replay.twofold import begun

# Nothing else stands behind these calls, so no key is checked.
CALLS = """
    INSERT INTO placet.replay_wide_amount (
        tenant_id, session_id, call_id, allowance_id, value, granted_at, committed_at)
    SELECT l.tenant_id, l.session_id, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
           l.allowance_id, 0, now(), now()
    FROM placet.replay_slice AS l, generate_series(1, 99998) AS n
    WHERE l.session_id = $1
"""


async def test_a_window_counts_so_many_calls_and_no_more(
    desk: Desk, server: Server, database_name: str
) -> None:
    one = (await begun(desk, purse({"lte": 100, "window_seconds": 3600}))).worker
    assert await paid(one, 60) == ["allow"]
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(CALLS, one.session_id)
    other = await desk.worker()
    assert await paid(other, 30) == ["allow"]
    asked = other.proposal(await other.prepare(), pay(9))
    refused = (await other.post("proposals", asked)).json()
    assert (refused["code"], refused["action"]) == ("allowance_full", "wait")
    await admin.execute(
        "UPDATE placet.replay_wide_amount SET committed_at = now() - interval '1 hour'"
        " WHERE session_id = $1 AND call_id = '00000000-0000-7000-8000-000000000001'",
        one.session_id,
    )
    await admin.close()
    again = await other.post("proposals", asked)
    assert again.status_code == 200, again.text
    (call,) = again.json()["calls"]
    assert call["verdict"] == "allow"
