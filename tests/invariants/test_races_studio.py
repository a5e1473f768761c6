"""Approving, editing, revoking approvals and revoking keys, from sixteen clients at once.

`PLACET_ROUNDS` says how many rounds; a few by default.
"""

from collections import Counter
from collections.abc import AsyncIterator
from os import environ

import pytest
from tests.conftest import Workplace
from tests.invariants.crowd import Crowd
from tests.invariants.crowd_judged import judge
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

ROUNDS = int(environ.get("PLACET_ROUNDS", "6"))


@pytest.fixture
async def nodes(
    database_url: str, ids: Ids, workplace: Workplace
) -> AsyncIterator[tuple[Story, Story]]:
    """One tenant on two nodes, each with connections of its own."""
    keys = ServerKeys.generate()
    first, second = await Database.open(database_url), await Database.open(database_url)
    yield Story(first, ids, workplace, keys), Story(second, ids, workplace, keys)
    await first.close()
    await second.close()


async def test_whatever_sixteen_clients_do_at_once_only_what_a_quorum_signed_is_approved(
    nodes: tuple[Story, Story],
) -> None:
    seats = [await nodes[0].signer(name) for name in ("ada", "ben", "cy", "dee")]
    outcomes: Counter[str] = Counter()
    after = 0
    for number in range(ROUNDS):
        crowd = Crowd(nodes, number, seats)
        await crowd.set_stage()
        await crowd.play()
        await judge(crowd, after)
        await crowd.finish()
        after = await judge(crowd, after)
        outcomes += crowd.outcomes
    assert outcomes["key revoked"]
    assert outcomes["removed"]
    assert outcomes["disabled"]
