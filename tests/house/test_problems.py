"""Every refusal of the product has a status, a title and members that fit a problem document."""

import dataclasses
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import placet
from placet.kernel import refusals
from placet.kernel.refusals import Refusal
from placet.server import problems

ROOT = Path(__file__).parents[2]
RESERVED = frozenset(
    ("type", "title", "status", "code", "hint", "action", "instance", "request_id")
)
LAST_WORD = frozenset((".", "!"))


def _defining(name: str) -> bool:
    return name.rpartition(".")[2] in {"model", "refusals", "limits", "problems", "faults"}


def _all(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for below in kind.__subclasses__():
        if below.__module__.startswith("placet."):
            yield below
            yield from _all(below)


for found in pkgutil.walk_packages(placet.__path__, "placet."):
    if _defining(found.name):
        importlib.import_module(found.name)
ALL = sorted(set(_all(Refusal)), key=lambda kind: kind.__name__)


def test_there_are_refusals() -> None:
    assert len(ALL) > 40


def test_no_two_refusals_share_a_code() -> None:
    assert len({kind.code() for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.code())
def test_a_refusal_fits_a_problem_document(kind: type[Refusal]) -> None:
    own_mistake = kind is problems.InternalError
    assert (problems.status_of(kind) < 500) or own_mistake or issubclass(kind, refusals.Unavailable)
    assert not RESERVED & {field.name for field in dataclasses.fields(kind)}
    assert kind.__doc__ is not None
    assert not kind.__doc__.startswith(f"{kind.__name__}("), "it has a docstring of its own"
    assert kind.__doc__.splitlines()[0].endswith(".")
    assert kind.hint or kind.__base__ is Refusal
    assert kind.hint[-1:] not in LAST_WORD
    assert kind.hint[:1] == kind.hint[:1].lower()


@pytest.mark.parametrize("kind", [*problems.STATUS], ids=lambda kind: kind.code())
def test_each_kind_of_refusals_has_a_status_of_its_own(kind: type[Refusal]) -> None:
    assert kind.__base__ is Refusal
    same = [other for other, status in problems.STATUS.items() if status == problems.STATUS[kind]]
    assert same == [kind]


def test_the_kinds_with_a_status_are_all_kinds() -> None:
    kinds = {kind for kind in ALL if kind.__base__ is Refusal}
    assert kinds == {*problems.STATUS, problems.InternalError}


def test_status_numbers_stand_in_one_file() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if path.name != "problems.py" and "HTTPStatus" in path.read_text()
    ]
    assert wrong == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as a fresh process makes them: what tests define is not among the classes."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "placet.server.docs", str(folder)]
    subprocess.run(command, check=True)  # noqa: S603 -- our own program
    return folder


@pytest.mark.parametrize("page", ["problems.md", "findings.md", "reasons.md", "openapi.json"])
def test_the_page_is_what_the_code_says(made: Path, page: str) -> None:
    kept = (ROOT / "docs" / "reference" / page).read_text()
    assert kept == (made / page).read_text(), "run `python -m placet.server.docs docs/reference`"
