"""The pinned set is a solution of what the project asks for, with hashes and no address."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.house.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "constraints.txt").read_text().replace("\\\n", " ").splitlines()
PINNED = {
    canonicalize_name(line.partition("==")[0]): line.split()[0].partition("==")[2] for line in LINES
}


def asked() -> Iterator[Requirement]:
    yield from map(Requirement, PROJECT["build-system"]["requires"])
    yield from map(Requirement, PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"]["optional-dependencies"].values():
        yield from map(Requirement, extra)
    for group in PROJECT["dependency-groups"].values():
        yield from map(Requirement, group)


def test_everything_that_is_asked_for_is_pinned_to_a_version_that_fits() -> None:
    unfit = [
        str(wanted)
        for wanted in asked()
        if wanted.name != "placet"
        and not wanted.specifier.contains(PINNED.get(canonicalize_name(wanted.name), "0"))
    ]
    assert unfit == []


def test_every_pin_has_hashes_and_none_an_address() -> None:
    assert LINES
    for line in LINES:
        assert re.match(r"[\w.-]+==\S+ (?:; .+? )? *--hash=sha256:[0-9a-f]{64}", line), line[:80]
        assert "://" not in line


def test_the_client_alone_brings_no_server() -> None:
    wanted = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}
    heavy = {
        Requirement(text).name for text in PROJECT["project"]["optional-dependencies"]["server"]
    }
    assert not wanted & heavy


def test_the_checks_run_the_test_command_of_the_readme_last() -> None:
    steps = re.findall(r"^step (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert steps[-1] == "uv run pytest"
    assert f"\n$ {steps[-1]}\n" in (ROOT / "README.md").read_text()
