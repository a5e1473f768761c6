"""What a workspace may choose, environment by environment."""

from uuid import UUID

import pytest

from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import (
    ApprovalGroup,
    ApprovalPolicy,
    CreateWorkspace,
    GroupFlaw,
    GroupsRefused,
    NameApprover,
    PostureNotAllowed,
)
from placet.studio.workspaces.rules import check_groups, decide_posture

DEVELOPMENT, STAGING, PRODUCTION = Environment


def asked(
    environment: Environment,
    enforcement: Enforcement | None = None,
    unplanned: Unplanned | None = None,
) -> CreateWorkspace:
    return CreateWorkspace(
        agent="desk", environment=environment, enforcement=enforcement, unplanned=unplanned
    )


@pytest.mark.parametrize(
    ("environment", "enforcement", "unplanned"),
    [
        (DEVELOPMENT, Enforcement.REPORT, Unplanned.CAPTURE),
        (STAGING, Enforcement.REPORT, Unplanned.DENY),
        (PRODUCTION, Enforcement.BLOCK, Unplanned.DENY),
    ],
)
def test_each_environment_has_a_posture_of_its_own_and_may_name_it(
    environment: Environment, enforcement: Enforcement, unplanned: Unplanned
) -> None:
    assert decide_posture(asked(environment)) == (enforcement, unplanned)
    named = asked(environment, enforcement, unplanned)
    assert decide_posture(named) == (enforcement, unplanned)


def test_staging_may_block_and_may_capture() -> None:
    assert decide_posture(asked(STAGING, Enforcement.BLOCK)) == (
        Enforcement.BLOCK,
        Unplanned.DENY,
    )
    assert decide_posture(asked(STAGING, None, Unplanned.CAPTURE)) == (
        Enforcement.REPORT,
        Unplanned.CAPTURE,
    )


@pytest.mark.parametrize(
    "wish",
    [
        asked(PRODUCTION, Enforcement.REPORT),
        asked(PRODUCTION, None, Unplanned.CAPTURE),
        asked(DEVELOPMENT, Enforcement.BLOCK),
        asked(DEVELOPMENT, None, Unplanned.DENY),
    ],
)
def test_production_and_development_choose_nothing_else(wish: CreateWorkspace) -> None:
    with pytest.raises(PostureNotAllowed):
        decide_posture(wish)


def named(*groups: str) -> NameApprover:
    return NameApprover(actor_id=ActorId(UUID(int=1)), public_key=b"", proof=b"", groups=groups)


@pytest.mark.parametrize(
    ("groups", "approvers", "expected"),
    [
        (["legal"], [named("legal")], []),
        (["legal", "risk"], [named("legal", "risk")], []),
        (["legal", "risk"], [named("legal"), named("risk")], []),
        (["legal"], [], [(GroupFlaw.NOBODY_IN_IT, "legal")]),
        (["legal", "risk"], [named("legal")], [(GroupFlaw.NOBODY_IN_IT, "risk")]),
        ([], [named("legal")], [(GroupFlaw.GROUP_UNKNOWN, "legal")]),
        (
            ["legal", "legal"],
            [named("sales")],
            [
                (GroupFlaw.NAMED_TWICE, "legal"),
                (GroupFlaw.GROUP_UNKNOWN, "sales"),
                (GroupFlaw.NOBODY_IN_IT, "legal"),
            ],
        ),
    ],
)
def test_every_group_of_a_new_workspace_is_named_once_and_has_a_first_approver(
    groups: list[str], approvers: list[NameApprover], expected: list[tuple[GroupFlaw, str]]
) -> None:
    policy = ApprovalPolicy(groups=tuple(ApprovalGroup(name=name) for name in groups))
    wanted = CreateWorkspace(
        agent="desk",
        environment=STAGING,
        approval_policy=policy,
        approvers=tuple(approvers),
    )
    try:
        check_groups(wanted)
        found = []
    except GroupsRefused as refused:
        found = [(reason.code, reason.group) for reason in refused.reasons]
    assert found == expected
