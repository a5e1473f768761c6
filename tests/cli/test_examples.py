"""Every example of a command, on a page and in a help text, is one that the command line takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.house.checkout import ROOT

from placet.cli.exits import CommandRefused
from placet.cli.main import cli
from placet.cli.times import moment

PAGES = sorted((ROOT / "docs").rglob("*.md"))
NUMBER = "0197c2a0-0000-7000-8000-000000000001"
_BLOCK = re.compile(r"```(?:console|sh|)\n(.*?)```", re.DOTALL)
_LINE = re.compile(
    r"^\s*(?:\$ )?(?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*(?:uv run )?placet (.+)$", re.MULTILINE
)
_STANDS_FOR_MORE = re.compile(r"[0-9a-f-]*(?:…|\.\.\.)|\$[A-Z]+")
_BY_THE_SHELL = {"|", ">", "<", ";", "&&"}
_TIMES = ("since", "until")
PINNED = "--keys pinned-keys.json"


def examples(text: str) -> list[str]:
    """Return the command lines that stand in a text, without `placet` itself."""
    return _LINE.findall(re.sub(r"\\\n\s*", "", text))


def words(line: str) -> list[str]:
    """Return the arguments of a line, with ids where some are meant, and without words on it."""
    told = shlex.split(re.split(r" {3,}", line)[0], comments=True)
    end = next((at for at, word in enumerate(told) if word in _BY_THE_SHELL), len(told))
    return [_STANDS_FOR_MORE.sub(NUMBER, word) for word in told[:end]]


def helped(name: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Yield the whole name of a command and of all below it, with what each tells of itself."""
    yield f"{name} --help", f"{command.help}\n{command.epilog}"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from helped(f"{name} {below}", found)


SHOWN = {
    **{str(page.relative_to(ROOT)): "\n".join(_BLOCK.findall(page.read_text())) for page in PAGES},
    **dict(helped("placet", cli)),
}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[click.Context]:
    """What is read of command lines, which then do nothing; files need not be there."""
    read: list[click.Context] = []
    monkeypatch.setattr(click.Path, "convert", lambda *given: Path(given[1]))
    monkeypatch.setattr(click.Command, "invoke", lambda *given: read.append(given[1]))
    return read


@pytest.mark.parametrize("place", [place for place, text in SHOWN.items() if examples(text)])
def test_an_example_is_taken_as_it_is_written(place: str, taken: list[click.Context]) -> None:
    wrong = []
    for line in examples(SHOWN[place]):
        try:
            cli.main(words(line), standalone_mode=False)
            for name in _TIMES:
                moment(taken[-1].params.get(name))
        except (click.ClickException, CommandRefused) as fault:
            wrong.append((line, str(fault)))
    assert wrong == []


def test_examples_are_found_on_pages_and_in_help_texts() -> None:
    assert len(examples(SHOWN["docs/how-to/take-evidence-away.md"])) > 5
    assert len(examples(SHOWN["placet policy check --help"])) > 2
    assert sum(len(examples(text)) for text in SHOWN.values()) > 250


@pytest.mark.parametrize("page", [page for page in PAGES if PINNED in page.read_text()])
def test_a_page_that_uses_a_file_of_pinned_keys_tells_how_it_is_made(page: Path) -> None:
    text = page.read_text()
    assert f"placet keys pin {PINNED}" in text or "(verify-evidence.md#whose-the-keys-are)" in text
