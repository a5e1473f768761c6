"""Whom a process knew to run a tool before a restore is not whom a grant after it is for."""

import base64

from tests.replay.desk import Worker
from tests.replay.restores.conftest import Bench
from tests.replay.test_levels import grant_of

from placet.evidence.ed25519 import SigningKey

UNGUARDED = "ALTER TABLE placet.authority_tool_host DISABLE TRIGGER ALL"
LOST = "DELETE FROM placet.authority_tool_host WHERE host_id = $1"
SET_BACK = "UPDATE placet.authority_control_gate SET control_epoch = 1 WHERE tenant_id = $1"


async def register(bench: Bench, name: str) -> str:
    """Return the id of a host that was registered for looking orders up."""
    asked = {
        "name": name,
        "environment": "staging",
        "strength": "verified",
        "tools": ["lookup_order"],
        "public_key": base64.b64encode(SigningKey.generate().public.raw).decode(),
    }
    founder = bench.desk.workplace.founder_key
    made = await bench.desk.post("/api/v1/authority/tool-hosts", asked, founder)
    assert made.status_code == 201, made.text
    return str(made.json()["host_id"])


async def audience(worker: Worker, order: str) -> str | None:
    """Return for whom a grant is that is given now."""
    (call,) = await worker.propose(("lookup_order", {"order_id": order}))
    return grant_of(call).audience


async def test_a_grant_after_a_restore_is_for_the_host_that_the_restore_knows(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    first = await register(bench, "till")
    lost = await register(bench, "other till")
    assert await audience(worker, "ord_00000001") is None
    tenant = bench.desk.workplace.tenant_id
    await bench.admin.execute(UNGUARDED)
    await bench.admin.execute(LOST, lost)
    await bench.admin.execute(SET_BACK, tenant)
    await bench.fail_over()
    await bench.restore()
    await worker.lease()
    assert await audience(worker, "ord_00000002") == first
