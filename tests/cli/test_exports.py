"""`placet approval`, `placet artifact` and `placet policy rebuild`, on a real approval."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.sdk.studio.approvals import Approvals


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


class Approved(Office):
    """An office with an approval in force."""

    def approve(self) -> dict[str, Any]:
        """Go the whole way, and return the vote's answer."""
        self.open(self.hire("ada"))
        request = self.ask()
        self.told("keys", "pin", "--yes", by="ada")
        key = ("--key", str(self.file("ada")), "--yes")
        vote: dict[str, Any] = self.told("approve", str(request.request_id), *key, by="ada")["vote"]
        return vote


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Approved:
    return Approved(placet, url, database_url, tmp_path)


def test_an_approval_is_shown_exported_verified_and_rebuilt(office: Approved) -> None:
    vote = office.approve()
    shown = office.told("approval", "show", vote["approval_id"], by="ada")
    assert shown["approved_by"] == [str(office.people["ada"])]
    file = office.folder / "approval.jsonl"
    office.told("approval", "export", vote["approval_id"], "-o", str(file), by="ada")
    again = office.folder / "again.jsonl"
    office.told("approval", "export", vote["approval_id"], "-o", str(again), by="ada")
    assert file.read_bytes() == again.read_bytes()
    pins = ("--keys", str(office.pins))
    report = office.told("verify", str(file), *pins, by="ada")
    assert (report["good"], report["keys_pinned"]) == (True, True)
    for what in (vote["approval_id"], str(file)):
        told = office.told("policy", "rebuild", what, *pins, by="ada")
        assert (told["same"], told["compiled_hash"]) == (True, vote["compiled_hash"])
    alone = office.folder / "artifact.jsonl"
    office.told("artifact", "export", vote["compiled_hash"], "-o", str(alone), by="ada")
    assert office.told("verify", str(alone), *pins, by="ada")["subject"] == "artifact"
    assert office.run("policy", "rebuild", str(alone), by="ada").returncode == Exit.USAGE


def test_an_approval_that_does_not_verify_is_not_rebuilt(office: Approved) -> None:
    vote = office.approve()
    file = office.folder / "approval.jsonl"
    office.told("approval", "export", vote["approval_id"], "-o", str(file), by="ada")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"issue_refund", b"issue_refunt", 1))
    done = office.run("policy", "rebuild", str(file), by="ada")
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert "does not verify" in done.stderr


def test_what_is_not_there_is_told_as_such(office: Approved) -> None:
    office.open(office.hire("ada"))
    none = str(office.workspace)
    output = ("-o", str(office.folder / "x"))
    assert office.run("approval", "show", none, by="ada").returncode == Exit.NOT_FOUND
    assert office.run("approval", "export", none, *output, by="ada").returncode == Exit.NOT_FOUND
    assert office.run("artifact", "export", "0" * 64, *output, by="ada").returncode == 3
    assert office.run("artifact", "export", "../x", *output, by="ada").returncode == Exit.USAGE
    assert office.run("policy", "rebuild", "no-file", by="ada").returncode == Exit.NOT_FOUND
    assert not (office.folder / "x").exists()
    told = json.loads(office.run("approval", "show", none, "--json", by="ada").stderr)
    assert told["error"]["code"] == "approval_not_found"


def test_another_approval_than_was_asked_for_is_not_taken(
    office: Approved, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote = office.approve()
    real, whole = Approvals.export, Approvals.export_artifact
    monkeypatch.setattr(Approvals, "export", lambda self, _: real(self, UUID(vote["approval_id"])))
    monkeypatch.setattr(
        Approvals, "export_artifact", lambda self, _: whole(self, vote["compiled_hash"])
    )
    file = office.folder / "x"
    for words in (
        ("approval", "export", str(office.workspace), "-o", str(file)),
        ("policy", "rebuild", str(office.workspace)),
        ("artifact", "export", "0" * 64, "-o", str(file)),
    ):
        done = office.run(*words, by="ada")
        assert (done.returncode, done.stdout) == (Exit.FAILED, "")
        assert "was asked for" in done.stderr
    assert not file.exists()


@pytest.mark.parametrize("nobody", ["http://127.0.0.1:9", "http://[::"])
def test_a_service_that_does_not_answer_is_told_with_a_remedy(
    office: Approved, nobody: str
) -> None:
    done = office.run("approval", "show", str(office.tenant), by="ada", PLACET_URL=nobody)
    assert done.returncode == Exit.INFRASTRUCTURE
    assert f"no service of ours answers at {nobody}" in done.stderr
    assert "placet up" in done.stderr


def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(office: Approved) -> None:
    vote = office.approve()
    there = office.folder / "no" / "approval.jsonl"
    done = office.run("approval", "export", vote["approval_id"], "-o", str(there), by="ada")
    assert done.returncode == Exit.INFRASTRUCTURE
    assert not there.parent.exists()
