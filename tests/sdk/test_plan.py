"""What an environment makes of a missing approval and of a service that is away."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from placet.kernel.ids import SystemIds
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, PlanAnswer, PlanStatus, Unplanned
from placet.sdk.plan import KnownPlan, Posture, decide_posture, environment_of_key, strictest
from placet.sdk.plan_file import PlanFile

DEVELOPMENT, STAGING, PRODUCTION = Environment
APPROVED = (PlanStatus.APPROVED, PlanStatus.ENFORCING)


def plan(
    status: PlanStatus,
    enforcement: Enforcement = Enforcement.REPORT,
    unplanned: Unplanned = Unplanned.DENY,
) -> PlanAnswer:
    return PlanAnswer(
        plan_id=UUID(int=1),
        agent="refund-desk",
        environment=STAGING,
        status=status,
        version=1,
        artifact_id=None,
        compiled_hash=None,
        approval_id=None,
        enforcement=enforcement,
        unplanned=unplanned,
        approved_at=None,
        approval_expires_at=None,
        updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        keys=[],
    )


EVERY_PLAN = [
    None,
    *(
        plan(status, how, what)
        for status in PlanStatus
        for how in Enforcement
        for what in Unplanned
    ),
]


@pytest.mark.parametrize("found", EVERY_PLAN)
def test_only_development_runs_anything_while_nobody_answers(found: PlanAnswer | None) -> None:
    assert decide_posture(DEVELOPMENT, found, reachable=False) is Posture.UNGUARDED
    assert decide_posture(STAGING, found, reachable=False) is Posture.DENY
    assert decide_posture(PRODUCTION, found, reachable=False) is Posture.DENY


@pytest.mark.parametrize("found", EVERY_PLAN)
def test_production_blocks_under_an_approved_plan_and_denies_without_one(
    found: PlanAnswer | None,
) -> None:
    approved = found is not None and found.status in APPROVED
    expected = Posture.BLOCK if approved else Posture.DENY
    assert decide_posture(PRODUCTION, found, reachable=True) is expected


@pytest.mark.parametrize("found", EVERY_PLAN)
def test_development_reports_under_an_approved_plan_and_captures_without_one(
    found: PlanAnswer | None,
) -> None:
    approved = found is not None and found.status in APPROVED
    expected = Posture.REPORT if approved else Posture.CAPTURE
    assert decide_posture(DEVELOPMENT, found, reachable=True) is expected


@pytest.mark.parametrize("status", APPROVED)
def test_staging_reports_unless_its_workspace_says_block(status: PlanStatus) -> None:
    assert decide_posture(STAGING, plan(status), reachable=True) is Posture.REPORT
    blocking = plan(status, Enforcement.BLOCK)
    assert decide_posture(STAGING, blocking, reachable=True) is Posture.BLOCK


@pytest.mark.parametrize("status", [PlanStatus.LEARNING, PlanStatus.READY])
def test_staging_denies_what_was_never_approved_unless_its_workspace_says_capture(
    status: PlanStatus,
) -> None:
    assert decide_posture(STAGING, None, reachable=True) is Posture.DENY
    assert decide_posture(STAGING, plan(status, Enforcement.BLOCK), reachable=True) is Posture.DENY
    capturing = plan(status, unplanned=Unplanned.CAPTURE)
    assert decide_posture(STAGING, capturing, reachable=True) is Posture.CAPTURE


def test_the_strictest_word_counts_and_no_word_is_production() -> None:
    assert strictest() is PRODUCTION
    assert strictest(None, None) is PRODUCTION
    assert strictest(DEVELOPMENT, None) is DEVELOPMENT
    assert strictest(STAGING, DEVELOPMENT) is STAGING
    assert strictest(DEVELOPMENT, PRODUCTION, STAGING) is PRODUCTION


@pytest.mark.parametrize(
    ("key", "environment"),
    [
        ("plc_dev_abcdefghijkl_x", DEVELOPMENT),
        ("plc_stg_abcdefghijkl_x", STAGING),
        ("plc_prd_abcdefghijkl_x", PRODUCTION),
        ("plc_any_abcdefghijkl_x", None),
        ("other_dev_abc", None),
        ("", None),
    ],
)
def test_a_keys_mark_tells_its_environment(key: str, environment: Environment | None) -> None:
    assert environment_of_key(key) is environment


def test_a_kept_plan_is_found_by_service_agent_and_environment_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    known = KnownPlan(plan=plan(PlanStatus.APPROVED), etag='"one"')
    here = PlanFile(tmp_path / "new", "http://one", SystemIds())
    here.write(known)
    assert here.read("refund-desk", STAGING) == known
    assert here.read("refund-desk", PRODUCTION) is None
    assert here.read("other", STAGING) is None
    assert (
        PlanFile(tmp_path / "new", "http://two", SystemIds()).read("refund-desk", STAGING) is None
    )
    (file,) = (tmp_path / "new").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_half_a_kept_plan_is_no_plan_and_a_folder_that_cannot_be_is_no_error(
    tmp_path: Path,
) -> None:
    keeper = PlanFile(tmp_path, "http://one", SystemIds())
    keeper.write(KnownPlan(plan=plan(PlanStatus.APPROVED), etag='"one"'))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert keeper.read("refund-desk", STAGING) is None
    PlanFile(file / "below a file", "http://one", SystemIds()).write(
        KnownPlan(plan=plan(PlanStatus.APPROVED), etag='"one"')
    )
