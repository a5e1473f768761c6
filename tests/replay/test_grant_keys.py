"""What a proposal gets while the key for grants has ended, and after another took over."""

import pytest
from litestar import Litestar
from tests.replay.desk import Desk

from placet.authority.key_changes.service import end_key
from placet.authority.key_files import KeyFileUnusable
from placet.authority.key_slots import ready_file
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.settings import Settings


async def test_a_proposal_is_granted_by_no_key_that_ended_and_by_the_next_when_sent_again(
    desk: Desk, app: Litestar
) -> None:
    keys, folder = app.state[ServerKeys.__name__], app.state[Settings.__name__].data_dir / "keys"
    old = keys.grant
    worker = await desk.worker()
    proposal = worker.proposal(
        await worker.prepare(), ("lookup_order", {"order_id": "ord_12345678"})
    )
    async with desk.db.writing(NOBODY) as tx:
        await end_key(tx, old.key_id, "it was copied")
    in_the_way = ready_file(folder, KeyPurpose.GRANT)
    in_the_way.mkdir()
    with pytest.raises(KeyFileUnusable):
        await keys.turn(desk.db)
    refused = await worker.post("proposals", proposal)
    assert (refused.status_code, refused.json()["code"]) == (503, "governance_unavailable")
    assert refused.headers["Retry-After"] == "5"
    in_the_way.rmdir()
    await keys.turn(desk.db)
    (call,) = (await worker.post("proposals", proposal)).json()["calls"]
    (signature,) = call["grant"]["signatures"]
    assert signature["keyid"] == keys.grant.key_id != old.key_id
