"""`placet impact` and `placet shadow`, on a real service."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.replay.desk import CONTRACT
from tests.server.serving import serving
from tests.studio.impact.made_up import START, UNTIL, made_sessions
from tests.studio.impact.test_comparing import policy, report
from tests.studio.story import contract
from tests.studio.traffic import capped

from placet.cli import impact
from placet.cli.exits import Exit
from placet.kernel.ids import ActorId
from placet.policy.needs import Need
from placet.studio.impact.model import ComparedWith, ImpactAnswer
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import WorkspaceId


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    return Office(placet, url, database_url, tmp_path)


def test_a_candidate_is_previewed_and_put_beside_what_is_in_force(office: Office) -> None:
    office.open(office.hire("ada"))
    first = office.ask()
    alone = office.told("impact", str(first.snapshot_id), by="admin")
    assert (alone["compared_with"], alone["report"]["calls"]) == ("recorded", 0)
    refused = office.run("shadow", "start", str(first.snapshot_id), by="admin")
    assert refused.returncode != Exit.OK
    assert "nothing is in force" in refused.stderr
    office.told("keys", "pin", "--yes", by="ada")
    key = ("--key", str(office.file("ada")), "--yes")
    office.told("approve", str(first.request_id), *key, by="ada")
    second = office.ask(contract(agent="desk", gate="strip_partial"))
    made = office.told("impact", str(second.snapshot_id), "--days", "7", by="admin")
    assert (made["compared_with"], made["report"]["flips"]) == ("in_force", [])
    snapshot = str(second.snapshot_id)
    started = office.told("shadow", "start", snapshot, by="admin")
    assert started["status"] == "running"
    shown = office.run("shadow", "show", snapshot, by="admin")
    assert "0 calls: 0 agree, 0 disagree" in shown.stdout
    assert "behind by 0 events" in shown.stdout
    assert office.told("shadow", "stop", snapshot, by="admin")["ended_why"] == "stopped"


def test_a_preview_is_told_in_words_with_an_example_of_each_kind() -> None:
    made = report(policy(CONTRACT), policy(capped(20_000)), made_sessions(20, 40))
    answer = ImpactAnswer(
        impact_id=UUID(int=1),
        workspace_id=WorkspaceId(UUID(int=1)),
        snapshot_id=SnapshotId(UUID(int=1)),
        candidate_hash="ab",
        compared_with=ComparedWith.IN_FORCE,
        against_approval_id=UUID(int=1),
        against_hash="cd",
        since=START - timedelta(days=1),
        until=UNTIL,
        calls_max=1,
        report=made,
        report_hash="ef",
        computed_by=ActorId(UUID(int=1)),
        computed_at=UNTIL,
    )
    lines = impact._told(answer).splitlines()  # noqa: SLF001 -- what the command prints
    assert lines[0] == "800 calls of 20 sessions, against what is in force"
    assert any("from allow to deny: issue_refund" in line for line in lines)
    assert any("argument_out_of_bounds" in line for line in lines)
    assert any(" cannot be judged (" in line for line in lines)
    assert not any(Need.COST in line for line in lines)
