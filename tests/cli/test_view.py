"""`placet view`, on a real service, at each step of a workspace's way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.exits import Exit


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    return Office(placet, url, database_url, tmp_path)


def test_every_view_is_shown_on_a_terminal_and_as_json(office: Office) -> None:
    office.open(office.hire("ada"))
    asked = office.ask()
    workspace = str(office.workspace)
    page = office.run("view", "atlas", workspace, by="ada").stdout
    assert "under review (ready_for_approval)" in page
    assert "request    open, 0 votes" in page
    preview = office.run("view", "preview", str(asked.request_id), by="ada").stdout
    assert "votes     0 of 1" in preview
    assert "may vote" in preview
    early = office.run("view", "control", workspace, "issue_refund", "--of", "approved", by="ada")
    assert early.returncode == Exit.NOT_FOUND
    assert "approved or frozen" in early.stderr
    office.told("keys", "pin", "--yes", by="ada")
    key = ("--key", str(office.file("ada")), "--yes")
    office.told("approve", str(asked.request_id), *key, by="ada")
    atlas = office.told("view", "atlas", workspace, by="ada")
    assert atlas["basis"]["approval_status"] == "in_force"
    tool = atlas["tools"][0]["tool"]
    path = office.run("view", "control", workspace, tool, by="ada")
    assert path.returncode == Exit.OK, path.stderr
    assert "approved by 1 people" in path.stdout
    found = office.run("view", "conformance", workspace, by="ada").stdout
    assert "never checked" in found
    wrong = office.run("view", "focus", workspace, by="ada")
    assert wrong.returncode == Exit.USAGE
    assert "name one of --judgment and --drift" in wrong.stderr
    unknown = office.run("view", "focus", workspace, "--judgment", "0" * 16, by="ada")
    assert unknown.returncode == Exit.NOT_FOUND
