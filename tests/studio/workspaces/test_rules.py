"""What a workspace may choose, environment by environment."""

import pytest

from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import CreateWorkspace, PostureNotAllowed
from placet.studio.workspaces.rules import decide_posture

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
