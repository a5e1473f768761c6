"""Questions that are asked together, and who is woken by what."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.studio.story import AGENT, Story

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.plans.lookups import service, store
from placet.plans.lookups.model import PlanLook, PlanQuestion
from placet.plans.lookups.service import PlanLooks, PlanWaits, look_changed
from placet.storage.database import HotPool
from placet.tenancy.rules import parse_key

PLAN, OTHER = UUID(int=1), UUID(int=2)


def question(api_key: str, agent: str = AGENT) -> PlanQuestion:
    key = parse_key(api_key)
    assert key is not None
    return PlanQuestion(key=key, agent=agent, environment=Environment.STAGING)


async def turn_over() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_question_of_a_statement_is_answered_as_the_tenant_of_its_own_key(
    story: Story, other: Story
) -> None:
    await story.workspace(await story.signer())
    await other.workspace(await other.signer())
    await story.workspace(await story.signer("bob"), agent="second-desk")
    looks = PlanLooks(story.db.hot)
    here, there = question(story.workplace.founder_key), question(other.workplace.founder_key)
    forged = replace(here, key=replace(here.key, secret_hash=bytes(32)))
    asked = [here, there, forged, replace(there, agent="second-desk"), here]
    before = story.db.hot.round_trips
    found = await asyncio.gather(*map(looks.look, asked))
    assert story.db.hot.round_trips - before == 1
    assert found[2] == "unknown"
    told = [one for one in found if isinstance(one, PlanLook)]
    mine, theirs = story.workplace.tenant_id, other.workplace.tenant_id
    assert [one.principal.tenant_id for one in told] == [mine, theirs, theirs, mine]
    assert [one.plan_id is None for one in told] == [False, False, True, False]
    assert told[0] == told[3]
    assert told[0].stamp != told[1].stamp


async def test_what_comes_while_two_statements_are_under_way_goes_into_the_next_one(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    may_answer = asyncio.Event()
    real = store.look

    async def held(hot: HotPool, asked: Sequence[PlanQuestion]) -> list[PlanLook | str]:
        sizes.append(len(asked))
        await may_answer.wait()
        return await real(hot, asked)

    monkeypatch.setattr(store, "look", held)
    looks = PlanLooks(story.db.hot)
    asked = question(story.workplace.founder_key)
    first = [asyncio.ensure_future(looks.look(asked))]
    await turn_over()
    first.append(asyncio.ensure_future(looks.look(asked)))
    await turn_over()
    rest = [asyncio.ensure_future(looks.look(asked)) for _ in range(5)]
    await turn_over()
    assert sizes == [1, 1]
    rest[0].cancel()
    may_answer.set()
    await asyncio.gather(*first, *rest[1:])
    assert sizes == [1, 1, 5]
    await looks.look(asked)
    assert sizes == [1, 1, 5, 1]


async def test_a_question_that_breaks_a_statement_breaks_only_its_own_answer(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.workspace(await story.signer())
    real = store.look

    async def odd(hot: HotPool, asked: Sequence[PlanQuestion]) -> list[PlanLook | str]:
        if any(one.agent == "odd" for one in asked):
            raise ValueError(asked)
        return await real(hot, asked)

    monkeypatch.setattr(store, "look", odd)
    looks = PlanLooks(story.db.hot)
    api_key = story.workplace.founder_key
    good, bad, also_good = await asyncio.gather(
        looks.look(question(api_key)),
        looks.look(question(api_key, "odd")),
        looks.look(question(api_key)),
        return_exceptions=True,
    )
    assert isinstance(good, PlanLook)
    assert isinstance(also_good, PlanLook)
    assert isinstance(bad, ValueError)


async def test_a_database_that_is_away_is_told_to_everybody_and_asked_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def away(_: HotPool, questions: Sequence[PlanQuestion]) -> list[PlanLook | str]:
        asked.append(len(questions))
        raise GovernanceUnavailable(detail="away")

    monkeypatch.setattr(store, "look", away)
    looks = PlanLooks(story.db.hot)
    found = await asyncio.gather(
        *(looks.look(question(story.workplace.founder_key)) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [GovernanceUnavailable] * 3
    assert asked == [3]


def test_only_those_who_wait_for_the_plan_that_was_told_of_are_woken() -> None:
    waits = PlanWaits()
    with waits.waiting(PLAN) as mine, waits.waiting(PLAN) as also, waits.waiting(OTHER) as others:
        assert mine is not None
        assert also is not None
        assert others is not None
        waits.hear(str(PLAN))
        assert (mine.is_set(), also.is_set(), others.is_set()) == (True, True, False)
        waits.hear("no id at all")
        waits.hear(None)
        assert others.is_set()
        assert len(waits) == 3
    assert len(waits) == 0


def test_beyond_the_bound_and_after_the_end_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WAITS_MAX", 1)
    waits = PlanWaits()
    with waits.waiting(PLAN) as first:
        assert first is not None
        with waits.waiting(OTHER) as second:
            assert second is None
        waits.end()
        assert first.is_set()
    with waits.waiting(PLAN) as late:
        assert late is None


def test_those_who_wait_for_one_plan_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "WAITS_OF_ONE_MAX", 1)
    waits = PlanWaits()
    with waits.waiting(PLAN) as first, waits.waiting(PLAN) as second, waits.waiting(OTHER) as other:
        assert first is not None
        assert second is None
        assert other is not None


async def test_a_move_between_the_look_and_the_wait_is_not_missed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.workspace(await story.signer())
    looks, waits = PlanLooks(story.db.hot), PlanWaits()
    asked = question(story.workplace.founder_key)
    known = await looks.look(asked)
    assert isinstance(known, PlanLook)
    moved = replace(known, stamp="moved")
    answers = [known, moved]

    async def told(_: HotPool, questions: Sequence[PlanQuestion]) -> list[PlanLook | str]:
        answer = answers.pop(0)
        # What moved it was told of before the answer was here.
        waits.hear(str(known.plan_id))
        return [answer for _ in questions]

    monkeypatch.setattr(store, "look", told)
    monkeypatch.setattr(service, "LOOK_AGAIN_SECONDS", 60.0)
    async with asyncio.timeout(25):
        assert await look_changed(looks, waits, asked, known, 30) == moved


async def test_who_hears_nothing_looks_again_all_the_same(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    monkeypatch.setattr(service, "LOOK_AGAIN_SECONDS", 0.01)
    looks, deaf = PlanLooks(story.db.hot), PlanWaits()
    asked = question(story.workplace.founder_key)
    known = await looks.look(asked)
    assert isinstance(known, PlanLook)
    waiting = asyncio.ensure_future(look_changed(looks, deaf, asked, known, 30))
    _, _, request = await story.asked(workspace)
    assert not waiting.done()
    await story.vote(request, signer)
    async with asyncio.timeout(25):
        found = await waiting
    assert isinstance(found, PlanLook)
    assert found.stamp != known.stamp
