"""`placet source` and `placet draft`, on a real service."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving
from tests.studio.story import LOOKUP, REFUND, contract

from placet.cli.exits import Exit

CALLS = "\n".join(
    json.dumps({"tool": "ship_order", "arguments": {"order_id": f"A-{number}"}})
    for number in range(4)
)


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    made = Office(placet, url, database_url, tmp_path)
    made.open(made.hire("ada"))
    return made


def file(office: Office, name: str, content: str) -> str:
    path = office.folder / name
    path.write_text(content)
    return str(path)


def told(office: Office, *arguments: str) -> Any:  # noqa: ANN401 -- any JSON
    return office.told(*arguments, by="admin")


def said(office: Office, *arguments: str, code: Exit = Exit.OK) -> str:
    done = office.run(*arguments, by="admin")
    assert done.returncode == code, done.stderr
    return done.stdout


def opened(office: Office) -> str:
    draft: str = told(office, "draft", "open", str(office.workspace))["draft_id"]
    return draft


def test_a_source_is_added_by_its_name_listed_and_shown(office: Office) -> None:
    notes = file(office, "notes.md", "# Refunds\n\nMail ada@example.org first.\n\x1b[31m")
    about = ("--kind", "uploaded_doc", "--origin", "the\u202e desk")
    added = told(office, "source", "add", str(office.workspace), notes, *about)
    assert (added["media_type"], added["title"]) == ("markdown", "notes.md")
    (listed,) = told(office, "source", "list", str(office.workspace))
    assert listed["source_id"] == added["source_id"]
    shown = said(office, "source", "show", added["source_id"])
    assert "the\\u202e desk" in shown
    assert "replaced   email in the content, line 3" in shown
    assert "part       p1     lines 1 to 4  section  Refunds" in shown
    stored = said(office, "source", "show", added["source_id"], "--content")
    assert "[redacted:email]" in stored
    gone = office.run("source", "add", str(office.workspace), "no-file", *about, by="admin")
    assert gone.returncode == Exit.NOT_FOUND
    empty = file(office, "empty.txt", "")
    done = office.run("source", "add", str(office.workspace), empty, *about, by="admin")
    assert (done.returncode, "is empty" in done.stderr) == (Exit.USAGE, True)


def test_a_draft_goes_from_its_sources_to_a_snapshot(office: Office) -> None:
    calls = file(office, "calls.jsonl", CALLS)
    about = ("--kind", "observed_runs", "--origin", "the shop")
    source = told(office, "source", "add", str(office.workspace), calls, *about)["source_id"]
    draft = opened(office)
    bare = {key: value for key, value in REFUND.items() if key != "arguments"}
    whole = file(office, "contract.json", json.dumps(contract(LOOKUP, bare, agent="desk")))
    told(office, "draft", "add-source", draft, source, "--reason", "a morning")
    span = ("--source", f"{source}:p2")
    why = ("--reason", "the first one")
    assert told(office, "draft", "apply", draft, "--contract", whole, *why, *span)["version"] == 2
    assert "0 new proposals" not in said(office, "draft", "infer", draft)
    (rule,) = told(office, "draft", "infer", draft)["rules"]
    effect = ("--side-effect", "write")
    told(office, "draft", "accept", draft, rule["inferred_rule_id"], *effect)
    review = said(office, "draft", "review", draft, code=Exit.FAILED)
    assert "needs_judgment" in review
    (blocker,) = [line for line in review.splitlines() if line.startswith("blocker")]
    judgment = blocker.split()[1]
    told(office, "draft", "resolve", draft, judgment, "--reason", "the bank caps it")
    assert "the bank caps it" in said(office, "draft", "review", draft)
    told(office, "draft", "reopen", draft, judgment, "--reason", "does it?")
    told(office, "draft", "resolve", draft, judgment, "--reason", "it does")
    assert "ready_for_approval" in said(office, "draft", "snapshot", draft)
    history = said(office, "draft", "history", draft)
    assert len(history.splitlines()) == 6
    assert "the first one" in history
    blame = said(office, "draft", "blame", draft, "--place", "$.tools.issue_refund.side_effect")
    assert f"rests on {source}:p2, lines 2 to 2" in blame
    assert len(blame.splitlines()) == 3
    printed = said(office, "draft", "show", draft, "--contract")
    assert {tool["tool"] for tool in json.loads(printed)["tools"]} == {
        "issue_refund",
        "lookup_order",
        "ship_order",
    }
    told(office, "draft", "retire-source", draft, source)
    assert "version 7" in said(office, "draft", "show", draft)


def test_a_change_on_a_version_that_is_gone_changes_nothing(office: Office) -> None:
    draft = opened(office)
    comment = file(office, "comment.json", json.dumps({"type": "comment", "text": "why?"}))
    apply = ("draft", "apply", draft, "--command", comment)
    assert told(office, *apply, "--version", "0")["version"] == 1
    late = office.run(*apply, "--version", "0", by="admin")
    assert (late.returncode, "version 1" in late.stderr) == (Exit.FAILED, True)
    assert told(office, *apply)["version"] == 2


def test_an_inferred_rule_is_rejected_and_a_draft_abandoned(office: Office) -> None:
    calls = file(office, "calls.jsonl", CALLS)
    about = ("--kind", "observed_runs", "--origin", "the shop")
    source = told(office, "source", "add", str(office.workspace), calls, *about)["source_id"]
    draft = opened(office)
    told(office, "draft", "add-source", draft, source)
    (rule,) = told(office, "draft", "infer", draft)["rules"]
    told(office, "draft", "reject", draft, rule["inferred_rule_id"], "--reason", "old")
    assert "reject  tool ship_order" in said(office, "draft", "infer", draft)
    assert told(office, "draft", "abandon", draft, "--reason", "later")["status"] == "abandoned"
    (line,) = said(office, "draft", "list", str(office.workspace)).splitlines()
    assert "abandoned" in line


@pytest.mark.parametrize(
    "wrong",
    [
        ("apply", "%"),
        ("apply", "%", "--command", "x", "--contract", "y"),
        ("apply", "%", "--command", "%file"),
        ("apply", "%", "--contract", "%good", "--source", "p3"),
        ("resolve", "%", "first", "--reason", "x"),
        ("abandon", "%"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_remedy(
    placet: Placet, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    command, good = tmp_path / "command.json", tmp_path / "good.json"
    command.write_text('{"type": "magic"}')
    good.write_text(json.dumps(contract(agent="desk")))
    words = {
        "%": "0199a0de-0000-7000-8000-000000000001",
        "%file": str(command),
        "%good": str(good),
    }
    done = placet("draft", *(words.get(word, word) for word in wrong))
    assert done.returncode == Exit.USAGE
    assert "remedy: " in done.stderr or "Missing option" in done.stderr
