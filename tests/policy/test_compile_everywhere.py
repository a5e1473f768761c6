"""A thousand contracts compile to the same bytes whatever the process is like."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.policy.contracts import contracts

from placet.kernel.hashing import plain_sha256
from placet.policy.compile import Compiled, compile_contract
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract

COUNT = 1_000
PROGRAM = """
import json, sys
from pathlib import Path
from placet.kernel.hashing import plain_sha256
from placet.policy.compile import compile_contract
from placet.policy.text.parse import read_contract

def turned(value):
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value

out = []
for line in Path(sys.argv[1]).read_text("utf-8").splitlines():
    document = json.loads(line)
    document = turned(document) if sys.argv[2] == "turned" else document
    made = compile_contract(read_contract(document))
    out.append(made.compiled_hash + made.review + made.runtime + made.compat)
print(len(out), plain_sha256(b"".join(out)).hex())
"""


def compiled(document: dict[str, Any]) -> Compiled | None:
    """Return what a document compiles to, or None where a path or a condition of it is no good."""
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    try:
        return compile_contract(contract)
    except ValueError:
        return None


class EnoughError(Exception):
    """There are as many contracts as are wanted."""


@pytest.fixture(scope="module")
def made() -> list[tuple[dict[str, Any], Compiled]]:
    found: list[tuple[dict[str, Any], Compiled]] = []

    @settings(
        max_examples=2 * COUNT,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(contracts())
    def draw(document: dict[str, Any]) -> None:
        if len(found) == COUNT:
            raise EnoughError
        if (one := compiled(document)) is not None:
            found.append((json.loads(json.dumps(document)), one))

    with contextlib.suppress(EnoughError):
        draw()
    assert len(found) == COUNT
    return found


@pytest.mark.parametrize(
    ("surroundings", "order"),
    [
        ({"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}, "written"),
        ({"PYTHONHASHSEED": "1", "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Kathmandu"}, "turned"),
    ],
    ids=["seed_0", "seed_1_and_turned"],
)
def test_the_bytes_are_the_same_in_every_process(
    made: list[tuple[dict[str, Any], Compiled]],
    tmp_path: Path,
    surroundings: dict[str, str],
    order: str,
) -> None:
    kept = tmp_path / "contracts.jsonl"
    kept.write_text("".join(json.dumps(document) + "\n" for document, _ in made), "utf-8")
    told = subprocess.run(  # noqa: S603 -- our own interpreter and our own program
        [sys.executable, "-c", PROGRAM, str(kept), order],
        capture_output=True,
        check=True,
        env=os.environ | surroundings,
        text=True,
    ).stdout.split()
    whole = b"".join(one.compiled_hash + one.review + one.runtime + one.compat for _, one in made)
    assert told == [str(COUNT), plain_sha256(whole).hex()]
