"""How many standing grants can be in force at once: counted where they are given."""

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.invariants.overtaking import Side, overtake
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.standing.people import give, given, revoke, standing, statuses

from placet.evidence.dsse import encode_envelope
from placet.evidence.standing import Standing, sign_standing
from placet.replay.sessions.policies import Policies
from placet.replay.standing.model import IN_FORCE_MAX, PER_TOOL_MAX
from placet.storage.database import Writing
from placet.studio.archives import service as archives
from placet.studio.standing import service
from placet.studio.standing.model import (
    GiveStanding,
    StandingFlaw,
    StandingRefused,
    StandingView,
)
from placet.studio.workspaces.model import ArchiveWorkspace

MORE = """
    INSERT INTO placet.replay_standing_grant
    SELECT r.* FROM placet.replay_standing_grant AS g
    CROSS JOIN generate_series(1, $1) AS n
    CROSS JOIN jsonb_populate_record(g, jsonb_build_object(
        'standing_id', gen_random_uuid(), 'tool_name', coalesce($2, g.tool_name),
        'granted_at', g.granted_at + make_interval(
            secs => CASE WHEN $2::text IS NULL THEN n ELSE -n END))) AS r
    WHERE g.standing_id = $3"""
SPENT = "UPDATE placet.replay_standing_grant SET used = uses_max WHERE standing_id <> $1"
FACTS = sa.text(
    "SELECT jsonb_array_length(placet.standing_facts_v1(r)) AS facts"
    " FROM placet.replay_session AS r WHERE r.session_id = :session"
)


@pytest.fixture
def admin_url(server: Server, database_name: str) -> str:
    return server.admin(database_name)


async def done(admin_url: str, statement: str, *values: object) -> None:
    admin = await asyncpg.connect(admin_url)
    await admin.execute(statement, *values)
    await admin.close()


def giving(desk: AskDesk, said: Standing) -> Side:
    envelope = encode_envelope(sign_standing(said, desk.ada.key))

    async def work(tx: Writing) -> object:
        asked = GiveStanding(envelope=msgspec.Raw(envelope))
        return await service.give_standing(tx, desk.ada.principal, asked, Policies(), desk.ids)

    return Side(desk.ada.principal, work)


def flaws(outcome: object) -> list[StandingFlaw]:
    assert isinstance(outcome, StandingRefused), outcome
    return [reason.code for reason in outcome.reasons]


async def test_one_more_than_a_tool_may_have_is_refused_until_one_is_over(
    desk: AskDesk, admin_url: str
) -> None:
    first = await given(desk)
    await done(admin_url, MORE, PER_TOOL_MAX - 2, None, first)
    last = await given(desk)
    refused = await give(desk)
    assert refused.status_code == 422
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["too_many"]
    assert "revoke some" in refused.json()["detail"]
    case = [{"path": "$.case", "exists": True}]
    other = await standing(desk, desk.ben, "hold_case", arguments=case)
    assert (await give(desk, other, desk.ben)).is_success
    await revoke(desk, last)
    assert (await give(desk)).is_success
    assert not (await give(desk)).is_success
    await done(admin_url, SPENT, first)
    assert (await give(desk)).is_success


async def test_an_agent_has_a_bound_over_all_tools_and_so_has_what_is_read(
    desk: AskDesk, admin_url: str
) -> None:
    first = await given(desk)
    worker = await desk.worker()
    await done(admin_url, MORE, IN_FORCE_MAX - 1, "note", first)
    refused = await give(desk)
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["too_many"]
    # More than may be given, as an older service may have left them.
    await done(admin_url, MORE, 9, None, first)
    async with desk.db.reading(desk.workplace.founder) as tx:
        ((facts,),) = await tx.rows(FACTS.bindparams(session=worker.session_id))
    assert facts == IN_FORCE_MAX
    # What is beyond the bound answers nothing, and is not waited for either.
    assert await statuses(worker, *[ESCALATE] * 3) == ["granted", "granted", "awaiting_approval"]


async def test_of_two_that_are_given_at_once_one_is_too_many(desk: AskDesk, admin_url: str) -> None:
    first = await given(desk)
    await done(admin_url, MORE, PER_TOOL_MAX - 2, None, first)
    one, other = giving(desk, await standing(desk)), giving(desk, await standing(desk))
    won, lost = await overtake(desk.db, one, other)
    assert isinstance(won, StandingView)
    assert flaws(lost) == [StandingFlaw.TOO_MANY]


async def test_nothing_is_given_in_a_workspace_that_is_being_archived(desk: AskDesk) -> None:
    async def archive(tx: Writing) -> object:
        asked = ArchiveWorkspace(reason="no more")
        return await archives.archive_workspace(tx, desk.workspace.workspace_id, asked, desk.ids)

    ending = Side(desk.workplace.founder, archive)
    _, late = await overtake(desk.db, ending, giving(desk, await standing(desk)))
    assert flaws(late) == [StandingFlaw.NOTHING_IN_FORCE]
