"""What a decision reckoned of others still bears it, or not."""

import json

import pytest
import sqlalchemy as sa
from tests.replay.desk import Desk
from tests.replay.slices.purse import paid, purse
from tests.replay.twofold import begun

ALLOWANCE = sa.text("SELECT allowance_id FROM placet.replay_allowance")
HOLDS = sa.text(
    "SELECT placet.slices_hold_v1(s, CAST(:wide AS jsonb)) AS holds"
    " FROM placet.replay_session AS s WHERE s.session_id = :session"
)


@pytest.fixture
async def ask(desk: Desk) -> "Ask":
    """Return what asks the function while another session's calls take 20."""
    other = (await begun(desk, purse({"lte": 100}))).worker
    assert await paid(other, 20) == ["allow"]
    return Ask(desk, await desk.session())


class Ask:
    """A session that others take from the same allowance as."""

    def __init__(self, desk: Desk, session_id: object) -> None:
        """Stand on a session that has taken nothing."""
        self.desk = desk
        self.session_id = session_id

    async def __call__(self, *, is_below: bool = False, **look: int) -> bool:
        """Say whether a decision holds that reckoned with this."""
        async with self.desk.db.reading(self.desk.workplace.founder) as tx:
            (row,) = await tx.rows(ALLOWANCE)
            known = {"allowance_id": str(row.allowance_id)}
            wide = {"allowances": [{**known, "is_below": is_below}], "looks": [{**known, **look}]}
            asked = {"wide": json.dumps(wide), "session": self.session_id}
            (row,) = await tx.rows(HOLDS.bindparams(**asked))
        holds: bool = row.holds
        return holds


async def test_a_denial_holds_while_others_take_as_much(ask: Ask) -> None:
    assert [await ask(least=least) for least in (19, 20, 21)] == [True, True, False]


async def test_what_only_was_recorded_holds_while_others_leave_room(ask: Ask) -> None:
    assert [await ask(most=most, room=0) for most in (19, 20)] == [False, True]
    assert [await ask(most=0, room=room) for room in (19, 20)] == [False, True]
    assert [await ask(most=0, room=room, is_below=True) for room in (20, 21)] == [False, True]
