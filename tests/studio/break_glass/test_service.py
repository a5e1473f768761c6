"""Activating what stands by: two operators, an hour at most, and nothing that was stopped."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import asdict
from tests.studio.break_glass.scene import Scene, signed
from tests.studio.story import AGENT, Signer, Story, contract

from placet.authority import service as people
from placet.authority.model import RevokeKey
from placet.events.model import StreamKind
from placet.evidence.ed25519 import SigningKey
from placet.plans.model import PlanStatus
from placet.studio.approvals.model import ApprovalNotFound
from placet.studio.break_glass.model import (
    ActivationEnd,
    ActivationExists,
    ActivationFlaw,
    ActivationNotFound,
    ActivationStatus,
    BreakGlassRefused,
    EndingNotAllowed,
)
from placet.studio.drift import store as drift
from placet.studio.drift.model import DriftKind, DriftSeverity, DriftStatus
from placet.studio.endings import service as endings
from placet.studio.endings.model import ApprovalStatus, RevokeApproval
from placet.tenancy import service as tenancy
from placet.tenancy.model import Role


async def refused(work: Awaitable[object]) -> list[ActivationFlaw]:
    with pytest.raises(BreakGlassRefused) as refusal:
        await work
    return [reason.code for reason in refusal.value.reasons]


async def test_the_first_operator_puts_nothing_in_force(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    assert opened.status is ActivationStatus.OPEN
    assert opened.lapses_at - opened.opened_at == timedelta(minutes=15)
    assert (await scene.plan()).status is PlanStatus.LEARNING


async def test_the_second_operator_puts_it_in_force_for_as_long_as_both_signed(
    scene: Scene,
) -> None:
    active = await scene.activated(minutes=20)
    assert active.status is ActivationStatus.ACTIVE
    assert active.confirmed_at is not None
    assert active.ends_at == active.confirmed_at + timedelta(minutes=20)
    plan = await scene.plan()
    assert (plan.status, plan.approval_id) == (PlanStatus.APPROVED, scene.standby.approval_id)
    assert (plan.artifact_id, plan.compiled_hash) == (
        scene.standby.artifact_id,
        scene.artifact_hash,
    )
    assert plan.approval_expires_at == active.ends_at


async def test_every_step_stands_in_both_streams_and_opens_critical_drift(scene: Scene) -> None:
    await scene.activated()
    authority = await scene.told(StreamKind.AUTHORITY)
    assert authority[-2:] == ["BreakGlassOpened", "BreakGlassConfirmed"]
    assert (await scene.told())[-4:] == [
        "BreakGlassOpened",
        "BreakGlassConfirmed",
        "PlanActivated",
        "DriftOpened",
    ]
    async with scene.story.db.reading(scene.story.founder) as tx:
        (item,) = await drift.list_live(tx, scene.workspace.workspace_id)
    assert (item.kind, item.severity) == (DriftKind.BREAK_GLASS, DriftSeverity.CRITICAL)
    assert item.approval_id == scene.standby.approval_id


async def test_a_newer_approval_does_not_close_that_drift(scene: Scene) -> None:
    await scene.activated()
    async with scene.story.db.writing(scene.story.founder) as tx:
        assert await drift.supersede(tx, scene.workspace.workspace_id, scene.story.ids.new()) == []
        (item,) = await drift.list_live(tx, scene.workspace.workspace_id)
    assert item.status is DriftStatus.OPEN


async def test_each_activation_opens_an_item_of_its_own(scene: Scene) -> None:
    first = await scene.activated()
    await scene.end(first.activation_id, scene.ada)
    await scene.confirm(await scene.open(scene.ada), scene.cy)
    async with scene.story.db.reading(scene.story.founder) as tx:
        items = await drift.list_live(tx, scene.workspace.workspace_id)
    assert [item.seen_count for item in items] == [1, 1]


async def test_whoever_opened_it_does_not_confirm_it(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    assert await refused(scene.confirm(opened, scene.ada)) == [ActivationFlaw.SAME_PERSON]


async def test_one_person_with_two_keys_is_one_person(scene: Scene) -> None:
    again = Signer(scene.ada.principal, scene.ada.api_key)
    await scene.story.workspace(again, agent="a-second-key")
    opened = await scene.open(scene.ada)
    assert await refused(scene.confirm(opened, again)) == [ActivationFlaw.SAME_PERSON]


async def test_what_is_no_operator_neither_opens_nor_confirms(scene: Scene) -> None:
    dan = Signer(*await scene.story.workplace.person("dan", Role.APPROVER, Role.AUTHOR))
    await scene.story.workspace(dan, agent="dans")
    assert await refused(scene.open(dan)) == [ActivationFlaw.NOT_AN_OPERATOR]
    opened = await scene.open(scene.ada)
    assert await refused(scene.confirm(opened, dan)) == [ActivationFlaw.NOT_AN_OPERATOR]


async def test_a_key_that_is_not_enrolled_signs_nothing(scene: Scene) -> None:
    vote = scene.opening(scene.ada, key=SigningKey.generate())
    assert await refused(scene.hand_in(scene.ada, vote)) == [ActivationFlaw.KEY_UNKNOWN]


async def test_a_vote_signed_with_anothers_key_is_nobodys(scene: Scene) -> None:
    vote = scene.opening(scene.ada, key=scene.bob.key)
    assert await refused(scene.hand_in(scene.ada, vote)) == [ActivationFlaw.KEY_UNKNOWN]


async def test_a_vote_handed_in_by_another_is_nobodys(scene: Scene) -> None:
    vote = scene.opening(scene.ada)
    assert await refused(scene.hand_in(scene.bob, vote)) == [ActivationFlaw.KEY_UNKNOWN]
    said = scene.opening(scene.bob, voter_id=scene.ada.principal.actor_id)
    assert await refused(scene.hand_in(scene.bob, said)) == [ActivationFlaw.SIGNED_OTHERWISE]


async def revoke_key(scene: Scene, signer: Signer) -> None:
    async with scene.story.db.writing(signer.principal) as tx:
        asked = RevokeKey(reason="lost")
        await people.revoke_key(tx, signer.key.key_id, asked, scene.story.ids, is_admin=False)


async def test_a_revoked_key_signs_nothing(scene: Scene) -> None:
    await revoke_key(scene, scene.ada)
    assert await refused(scene.open(scene.ada)) == [ActivationFlaw.KEY_REVOKED]


async def test_an_opener_whose_key_was_revoked_meanwhile_counts_for_nothing(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    await revoke_key(scene, scene.ada)
    assert await refused(scene.confirm(opened, scene.bob)) == [ActivationFlaw.OPENER_LEFT]


async def test_an_opener_who_was_disabled_meanwhile_counts_for_nothing(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    async with scene.story.db.writing(scene.story.founder) as tx:
        await tenancy.disable_actor(tx, scene.ada.principal.actor_id, scene.story.ids)
    assert await refused(scene.confirm(opened, scene.bob)) == [ActivationFlaw.OPENER_LEFT]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("artifact_hash", "0" * 64),
        ("environment", "production"),
        ("tenant_id", "00000000-0000-7000-8000-000000000001"),
        ("workspace_id", "00000000-0000-7000-8000-000000000001"),
        ("latest_checkpoint", {"size": 1, "root": "0" * 64}),
    ],
)
async def test_a_vote_that_says_what_is_not_so_opens_nothing(
    scene: Scene, field: str, value: object
) -> None:
    otherwise: dict[str, Any] = {field: value}
    vote = scene.opening(scene.ada, **otherwise)
    assert await refused(scene.hand_in(scene.ada, vote)) == [ActivationFlaw.SIGNED_OTHERWISE]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("minutes", 60),
        ("reason", "another one"),
        ("activation_id", "00000000-0000-7000-8000-000000000001"),
        ("approval_id", "00000000-0000-7000-8000-000000000001"),
        ("artifact_hash", "0" * 64),
    ],
)
async def test_the_second_signs_what_the_first_signed(
    scene: Scene, field: str, value: object
) -> None:
    opened = await scene.open(scene.ada)
    work = scene.confirm(opened, scene.bob, **{field: value})
    assert await refused(work) == [ActivationFlaw.SIGNED_OTHERWISE]


async def test_every_reason_is_told_at_once(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    vote = signed(scene.ada, asdict(opened.vote_fields) | {"reason": "another one"})
    await revoke_key(scene, scene.ada)

    async def work() -> None:
        async with scene.story.db.writing(scene.ada.principal) as tx:
            await scene.confirming(tx, opened.activation_id, vote)

    assert await refused(work()) == [
        ActivationFlaw.KEY_REVOKED,
        ActivationFlaw.SIGNED_OTHERWISE,
        ActivationFlaw.SAME_PERSON,
        ActivationFlaw.OPENER_LEFT,
    ]


async def test_an_activation_id_serves_once(scene: Scene) -> None:
    vote = scene.opening(scene.ada)
    await scene.hand_in(scene.ada, vote)
    with pytest.raises(ActivationExists):
        await scene.hand_in(scene.ada, vote)


async def test_an_ordinary_approval_cannot_be_activated(scene: Scene) -> None:
    _, _, request = await scene.story.asked(scene.workspace)
    answer = await scene.story.vote(request, scene.ada)
    vote = scene.opening(
        scene.ada, approval_id=answer.approval_id, artifact_hash=answer.compiled_hash
    )
    assert await refused(scene.hand_in(scene.ada, vote)) == [ActivationFlaw.NOT_FOR_BREAK_GLASS]


async def revoke(scene: Scene) -> None:
    async with scene.story.db.writing(scene.story.founder) as tx:
        await endings.revoke_approval(
            tx,
            scene.standby.approval_id,
            RevokeApproval(reason="no more"),
            scene.story.ids,
            is_operator=True,
        )


async def test_a_revocation_is_not_lifted(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    await revoke(scene)
    assert await refused(scene.open(scene.cy)) == [ActivationFlaw.APPROVAL_REVOKED]
    assert await refused(scene.confirm(opened, scene.bob)) == [ActivationFlaw.APPROVAL_REVOKED]


async def test_a_revocation_ends_what_is_active(scene: Scene) -> None:
    active = await scene.activated()
    await revoke(scene)
    assert (await scene.plan()).status is PlanStatus.LEARNING
    shown = await scene.show(active.activation_id)
    assert (shown.status, shown.end_why) == (ActivationStatus.ENDED, ActivationEnd.REVOKED)
    async with scene.story.db.reading(scene.story.founder) as tx:
        approval = await endings.show_approval(tx, scene.standby.approval_id)
    assert approval.status is ApprovalStatus.REVOKED


async def test_one_is_in_effect_at_a_time(scene: Scene) -> None:
    opened = await scene.open(scene.bob)
    await scene.activated()
    assert await refused(scene.open(scene.cy)) == [ActivationFlaw.ACTIVE_ALREADY]
    assert await refused(scene.confirm(opened, scene.cy)) == [ActivationFlaw.ACTIVE_ALREADY]


@pytest.mark.parametrize("again", ["the same way", "the other way round"])
async def test_the_same_pair_rests_for_a_day(scene: Scene, again: str) -> None:
    first = await scene.activated()
    await scene.end(first.activation_id, scene.ada)
    pair = (scene.ada, scene.bob) if again == "the same way" else (scene.bob, scene.ada)
    opened = await scene.open(pair[0])
    assert await refused(scene.confirm(opened, pair[1])) == [ActivationFlaw.PAIR_RESTS]
    assert (await scene.confirm(opened, scene.cy)).status is ActivationStatus.ACTIVE


async def test_a_newer_approval_holds_once_the_activation_is_over(scene: Scene) -> None:
    active = await scene.activated()
    _, _, request = await scene.story.asked(scene.workspace, contract(agent=AGENT))
    newer = await scene.story.vote(request, scene.ada)
    assert (await scene.plan()).approval_id == scene.standby.approval_id
    await scene.end(active.activation_id, scene.bob)
    plan = await scene.plan()
    assert (plan.status, plan.approval_id) == (PlanStatus.APPROVED, newer.approval_id)


async def test_an_approval_revoked_meanwhile_stays_revoked_after_it(scene: Scene) -> None:
    _, _, request = await scene.story.asked(scene.workspace, contract(agent=AGENT))
    older = await scene.story.vote(request, scene.ada)
    active = await scene.activated()
    assert older.approval_id is not None
    async with scene.story.db.writing(scene.story.founder) as tx:
        await endings.revoke_approval(
            tx, older.approval_id, RevokeApproval(reason="no"), scene.story.ids, is_operator=True
        )
    assert (await scene.plan()).approval_id == scene.standby.approval_id
    await scene.end(active.activation_id, scene.ada)
    plan = await scene.plan()
    assert (plan.status, plan.approval_id) == (PlanStatus.READY, None)


Ender = Callable[[Scene], Signer]


@pytest.mark.parametrize("who", [lambda scene: scene.ada, lambda scene: scene.bob])
async def test_either_operator_ends_it_before_its_time(scene: Scene, who: Ender) -> None:
    active = await scene.activated()
    ended = await scene.end(active.activation_id, who(scene))
    assert (ended.status, ended.end_why) == (ActivationStatus.ENDED, ActivationEnd.STOPPED)
    assert (ended.end_reason, ended.ended_by) == (
        "the provider is back",
        who(scene).principal.actor_id,
    )
    assert (await scene.plan()).status is PlanStatus.LEARNING
    assert (await scene.told())[-2:] == ["BreakGlassEnded", "PlanRestored"]
    assert (await scene.told(StreamKind.AUTHORITY))[-1] == "BreakGlassEnded"


async def test_an_approver_of_the_workspace_ends_it_too_and_nobody_else(scene: Scene) -> None:
    active = await scene.confirm(await scene.open(scene.bob), scene.cy)
    dan = Signer(*await scene.story.workplace.person("dan", Role.APPROVER, Role.OPERATOR))
    with pytest.raises(EndingNotAllowed):
        await scene.end(active.activation_id, dan)
    ended = await scene.end(active.activation_id, scene.ada)
    assert ended.status is ActivationStatus.ENDED


async def test_ended_twice_is_ended_once(scene: Scene) -> None:
    active = await scene.activated()
    first = await scene.end(active.activation_id, scene.ada)
    assert await scene.end(active.activation_id, scene.bob) == first
    assert (await scene.told()).count("BreakGlassEnded") == 1


async def test_one_that_is_open_is_withdrawn_and_cannot_be_confirmed(scene: Scene) -> None:
    opened = await scene.open(scene.ada)
    ended = await scene.end(opened.activation_id, scene.ada)
    assert (ended.status, ended.end_why) == (ActivationStatus.WITHDRAWN, None)
    assert await refused(scene.confirm(opened, scene.bob)) == [ActivationFlaw.NOT_OPEN]


async def test_another_tenants_look_the_same_as_none(scene: Scene, other: Story) -> None:
    opened = await scene.open(scene.ada)
    theirs = await Scene.build(other)
    with pytest.raises(ActivationNotFound):
        await theirs.show(opened.activation_id)
    with pytest.raises(ActivationNotFound):
        await theirs.end(opened.activation_id, theirs.ada)
    with pytest.raises(ApprovalNotFound):
        await theirs.hand_in(
            theirs.ada, theirs.opening(theirs.ada, approval_id=scene.standby.approval_id)
        )
