"""Pages point at what is there, and a decision names what holds it."""

import re
from pathlib import Path

import pytest
from tests.house.checkout import PACKAGE, ROOT, files, told

from placet.cli.main import COMMANDS

PAGES = [path for path in files() if path.suffix == ".md"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
KINDS = {"tutorial", "how-to", "reference", "explanation", "decisions"}


def links(text: str) -> list[str]:
    """Return the relative targets of a page's links."""
    plain = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return [
        target.partition("#")[0]
        for target in re.findall(r"\]\(([^)\s]+)\)", plain)
        if not re.match(r"[a-z]+:|#", target)
    ]


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = [target for target in links(page.read_text()) if not (page.parent / target).exists()]
    assert lost == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = [(page.parent / target).resolve() for target in links(page.read_text())]
        waiting += [path for path in targets if path.suffix == ".md" and path not in seen]
    assert [told(path) for path in PAGES if path not in seen] == []


def test_the_documentation_has_four_kinds_of_pages_and_decisions() -> None:
    assert {path.name for path in (ROOT / "docs").iterdir()} <= KINDS


def test_the_map_of_the_readme_shows_every_part_and_no_other() -> None:
    shown = re.findall(r"^  (\w+)/ ", (ROOT / "README.md").read_text(), re.MULTILINE)
    parts = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(shown) == sorted(parts)


def test_decisions_are_numbered_without_a_gap() -> None:
    assert DECISIONS
    assert [path.name[:4] for path in DECISIONS] == [
        f"{number:04}" for number in range(1, len(DECISIONS) + 1)
    ]


@pytest.mark.parametrize("record", DECISIONS, ids=told)
def test_a_decision_says_why_and_what_holds_it(record: Path) -> None:
    text = record.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    number, title = text.splitlines()[0].removeprefix("# ").split(" ", 1)
    slug = f"{number} {title}".lower().replace(" ", "-").translate(str.maketrans("", "", "',"))
    assert slug.startswith(record.stem)
    holds = text.partition("## Enforced by")[2]
    named = re.findall(r"`((?:src|tests|docs)/[\w./-]+|pyproject\.toml)`", holds)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_contract_that_a_decision_names_is_there() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    named = [
        name
        for record in DECISIONS
        for told_names in re.findall(r"contracts? ((?:`[\w-]+`(?: and |, )?)+)", record.read_text())
        for name in re.findall(r"`([\w-]+)`", told_names)
    ]
    assert named
    assert [name for name in named if f'id = "{name}"' not in project] == []


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    shown = set(re.findall(r"\bplacet ([a-z][a-z-]+)", "\n".join(code(page.read_text()))))
    assert shown <= set(COMMANDS)


def code(text: str) -> list[str]:
    """Return what stands between backquotes, and the lines of blocks that begin with a prompt."""
    blocks = re.findall(r"```(?:console|sh|)\n(.*?)```", text, re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", text), *blocks]
