"""Races of break-glass, in a forced order: two confirmations, and one against what ends it.

Every race is run a second time with its guard taken out of the statement that holds or writes; the
same assertions must then fail.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from uuid import UUID

import pytest
import sqlalchemy as sa
from msgspec.structs import asdict
from tests.conftest import Workplace
from tests.invariants.overtaking import Side, overtake
from tests.studio.break_glass.scene import Scene, signed
from tests.studio.story import Signer, Story

from placet.authority import service as people
from placet.authority import store as people_store
from placet.authority.model import KeyRevocation, RevokeKey
from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids, TenantId
from placet.plans.model import PlanStatus
from placet.replay.sessions import service as sessions
from placet.replay.sessions.model import OpenSession, SessionView
from placet.replay.sessions.policies import Policies, acting_for
from placet.replay.sessions.refusals import AuthorityExpired
from placet.storage.database import Database, Reading, Writing
from placet.storage.work import END_ACTIVATION, WorkDue
from placet.studio.break_glass import service, store, watch
from placet.studio.break_glass.model import (
    ActivationAnswer,
    ActivationFlaw,
    ActivationStatus,
    BreakGlassRefused,
    EndActivation,
)
from placet.studio.break_glass.tables import ACTIVATION
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevocationAnswer, RevokeApproval
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.tables import WORKSPACE


@pytest.fixture
async def scene(db: Database, ids: Ids, workplace: Workplace) -> Scene:
    keys = ServerKeys.generate()
    await keys.register(db)
    return await Scene.build(Story(db, ids, workplace, keys))


def confirming(scene: Scene, opened: ActivationAnswer, signer: Signer) -> Side:
    vote = signed(signer, asdict(opened.vote_fields))

    async def work(tx: Writing) -> object:
        return await scene.confirming(tx, opened.activation_id, vote)

    return Side(signer.principal, work)


def ending(scene: Scene, activation_id: UUID, signer: Signer) -> Side:
    async def work(tx: Writing) -> object:
        asked = EndActivation(reason="over")
        return await service.end_activation(tx, activation_id, asked, scene.story.ids)

    return Side(signer.principal, work)


def revoking(scene: Scene) -> Side:
    async def work(tx: Writing) -> object:
        return await endings.revoke_approval(
            tx,
            scene.standby.approval_id,
            RevokeApproval(reason="wrong"),
            scene.story.ids,
            is_operator=True,
        )

    return Side(scene.story.founder, work)


def losing(scene: Scene, signer: Signer) -> Side:
    async def work(tx: Writing) -> object:
        asked = RevokeKey(reason="lost")
        return await people.revoke_key(
            tx, signer.key.key_id, asked, scene.story.ids, is_admin=False
        )

    return Side(signer.principal, work)


def flaws(outcome: object) -> list[ActivationFlaw]:
    assert isinstance(outcome, BreakGlassRefused), outcome
    return [reason.code for reason in outcome.reasons]


async def two_confirm_at_once(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    first, second = await overtake(
        scene.story.db,
        confirming(scene, opened, scene.bob),
        confirming(scene, opened, scene.cy),
    )
    assert isinstance(first, ActivationAnswer)
    assert ActivationFlaw.NOT_OPEN in flaws(second)
    shown = await scene.show(opened.activation_id)
    assert shown.confirmed_by == scene.bob.principal.actor_id
    assert (await scene.told()).count("BreakGlassConfirmed") == 1


async def one_pair_confirms_two_at_once(scene: Scene) -> None:
    one, other = await scene.open(scene.ada), await scene.open(scene.bob)
    first, second = await overtake(
        scene.story.db,
        confirming(scene, one, scene.bob),
        confirming(scene, other, scene.ada),
    )
    assert isinstance(first, ActivationAnswer)
    assert flaws(second) == [ActivationFlaw.ACTIVE_ALREADY, ActivationFlaw.PAIR_RESTS]
    assert (await scene.plan()).activation_id == one.activation_id


async def two_pairs_confirm_two_at_once(scene: Scene) -> None:
    one, other = await scene.open(scene.ada), await scene.open(scene.bob)
    first, second = await overtake(
        scene.story.db, confirming(scene, one, scene.bob), confirming(scene, other, scene.cy)
    )
    assert isinstance(first, ActivationAnswer)
    assert flaws(second) == [ActivationFlaw.ACTIVE_ALREADY]
    assert (await scene.plan()).activation_id == one.activation_id


async def a_confirmation_before_a_revocation(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    confirmed, revoked = await overtake(
        scene.story.db, confirming(scene, opened, scene.bob), revoking(scene)
    )
    assert isinstance(confirmed, ActivationAnswer)
    assert isinstance(revoked, RevocationAnswer)
    plan = await scene.plan()
    assert (plan.status, plan.activation_id) == (PlanStatus.LEARNING, None)
    assert (await scene.show(opened.activation_id)).status is ActivationStatus.ENDED


async def a_revocation_before_a_confirmation(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    revoked, confirmed = await overtake(
        scene.story.db, revoking(scene), confirming(scene, opened, scene.bob)
    )
    assert isinstance(revoked, RevocationAnswer)
    assert flaws(confirmed) == [ActivationFlaw.APPROVAL_REVOKED]
    assert (await scene.plan()).activation_id is None


async def a_confirmation_before_an_end(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    confirmed, ended = await overtake(
        scene.story.db,
        confirming(scene, opened, scene.bob),
        ending(scene, opened.activation_id, scene.ada),
    )
    assert isinstance(confirmed, ActivationAnswer)
    assert isinstance(ended, ActivationAnswer)
    assert ended.status is ActivationStatus.ENDED
    assert (await scene.plan()).activation_id is None


async def an_end_before_a_confirmation(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    ended, confirmed = await overtake(
        scene.story.db,
        ending(scene, opened.activation_id, scene.ada),
        confirming(scene, opened, scene.bob),
    )
    assert isinstance(ended, ActivationAnswer)
    assert flaws(confirmed) == [ActivationFlaw.NOT_OPEN]
    assert (await scene.plan()).activation_id is None


async def the_openers_key_ends_before_a_confirmation(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    ended, confirmed = await overtake(
        scene.story.db, losing(scene, scene.ada), confirming(scene, opened, scene.bob)
    )
    assert isinstance(ended, KeyRevocation)
    assert flaws(confirmed) == [ActivationFlaw.OPENER_LEFT]


async def two_end_at_once(scene: Scene) -> None:
    active = await scene.activated()
    first, second = await overtake(
        scene.story.db,
        ending(scene, active.activation_id, scene.ada),
        ending(scene, active.activation_id, scene.bob),
    )
    assert isinstance(first, ActivationAnswer)
    assert second == first
    assert (await scene.told()).count("BreakGlassEnded") == 1


async def two_workers_look_at_once(scene: Scene) -> None:
    active = await scene.activated()
    tenant = scene.workspace.tenant_id
    async with scene.story.db.writing(scene.story.founder) as tx:
        await revoking(scene).work(tx)

    async def work(tx: Writing) -> object:
        at = await tx.now()
        due = WorkDue(tenant_id=tenant, kind=END_ACTIVATION, ref=active.activation_id, due_at=at)
        await watch.watch_activation(tx, due, scene.story.ids)
        return None

    side = Side(acting_for(tenant), work)
    assert await overtake(scene.story.db, side, side) == (None, None)
    assert (await scene.told()).count("BreakGlassEnded") == 1


async def opening(scene: Scene) -> Side:
    agent, _ = await scene.story.workplace.agent(scene.workspace.agent, scene.workspace.environment)

    async def work(tx: Writing) -> object:
        return await sessions.open_session(tx, agent, OpenSession(), Policies(), scene.story.ids)

    return Side(agent, work)


async def an_opening_of_a_session_before_an_end(scene: Scene) -> None:
    active = await scene.activated()
    opened, ended = await overtake(
        scene.story.db, await opening(scene), ending(scene, active.activation_id, scene.ada)
    )
    assert isinstance(opened, SessionView)
    assert isinstance(ended, ActivationAnswer)
    assert ended.sessions_open == 1
    async with scene.story.db.reading(scene.story.founder) as tx:
        assert await sessions_left(tx, active.activation_id) == 0


async def an_end_before_an_opening_of_a_session(scene: Scene) -> None:
    active = await scene.activated()
    ended, opened = await overtake(
        scene.story.db, ending(scene, active.activation_id, scene.ada), await opening(scene)
    )
    assert isinstance(ended, ActivationAnswer)
    assert isinstance(opened, AuthorityExpired), opened
    async with scene.story.db.reading(scene.story.founder) as tx:
        assert await sessions_left(tx, active.activation_id) == 0


async def sessions_left(tx: Reading, activation_id: UUID) -> int:
    """Return how many sessions under an activation may still be granted something."""
    statement = (
        "SELECT count(*) FROM placet.replay_session"
        " WHERE activation_id = :activation AND authority_until > clock_timestamp()"
    )
    asked = sa.text(statement).bindparams(activation=activation_id)
    ((left,),) = await tx.rows(asked)
    return int(left)


Race = Callable[[Scene], Awaitable[None]]
RACES: list[Race] = [
    two_confirm_at_once,
    one_pair_confirms_two_at_once,
    two_pairs_confirm_two_at_once,
    a_confirmation_before_a_revocation,
    a_revocation_before_a_confirmation,
    a_confirmation_before_an_end,
    an_end_before_a_confirmation,
    the_openers_key_ends_before_a_confirmation,
    two_end_at_once,
    two_workers_look_at_once,
    an_opening_of_a_session_before_an_end,
    an_end_before_an_opening_of_a_session,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
async def test_the_race_comes_to_what_it_must(scene: Scene, race: Race) -> None:
    await race(scene)


def _seen_and_not_held(tx: Reading, activation_id: UUID) -> sa.Select[tuple[object, ...]]:
    return sa.select(ACTIVATION).where(
        ACTIVATION.c.tenant_id == tx.tenant_id, ACTIVATION.c.activation_id == activation_id
    )


def _workspace_seen_and_not_held(tx: Reading, workspace_id: UUID) -> sa.Select[tuple[object, ...]]:
    return sa.select(WORKSPACE).where(
        WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id
    )


def _keys_not_held(tenant: TenantId) -> sa.TextClause:
    del tenant
    return sa.text("SELECT 1")


@dataclass
class Mutant:
    """A race, and what is replaced in it by what lacks the guard."""

    race: Race
    store: ModuleType
    guard: str
    unguarded: Callable[..., object]


MUTANTS = [
    Mutant(two_end_at_once, store, "lock_statement", _seen_and_not_held),
    Mutant(two_workers_look_at_once, store, "lock_statement", _seen_and_not_held),
    Mutant(an_end_before_a_confirmation, store, "lock_statement", _seen_and_not_held),
    Mutant(a_confirmation_before_an_end, store, "lock_statement", _seen_and_not_held),
    Mutant(
        one_pair_confirms_two_at_once, workspaces, "lock_statement", _workspace_seen_and_not_held
    ),
    Mutant(
        a_confirmation_before_a_revocation,
        workspaces,
        "lock_statement",
        _workspace_seen_and_not_held,
    ),
    Mutant(
        a_revocation_before_a_confirmation,
        workspaces,
        "lock_statement",
        _workspace_seen_and_not_held,
    ),
    Mutant(
        the_openers_key_ends_before_a_confirmation, people_store, "hold_statement", _keys_not_held
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.race.__name__)
async def test_without_its_guard_the_race_goes_wrong(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    monkeypatch.setattr(mutant.store, mutant.guard, mutant.unguarded)
    with pytest.raises(AssertionError):
        await mutant.race(scene)
