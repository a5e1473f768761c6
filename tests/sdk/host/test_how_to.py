"""The page on checking grants shows code that runs, and names every code and limit as it is."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from placet.evidence.grant import GrantFlaw
from placet.sdk.host.check import KEYS_AGE_MAX, SKEW
from placet.sdk.host.memory import CALL_KEPT, FENCE_KEPT
from placet.sdk.host.model import HostFlaw

PAGE = (Path(__file__).parents[3] / "docs/how-to/check-grants-at-a-host.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_code_is_python_and_imports_what_exists(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("placet"):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, name.name) for name in node.names)


def test_the_code_of_the_page_makes_a_host(tmp_path: Path) -> None:
    made = "\n".join(BLOCKS).replace("/var/lib/refunds", str(tmp_path))
    names: dict[str, object] = {}
    exec(compile(made, "page", "exec"), names)  # noqa: S102 -- the page's own code
    assert {"app", "host", "run_refund"} <= names.keys()


def test_every_code_of_a_refusal_is_on_the_page() -> None:
    table = "".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    codes = set(re.findall(r"`([a-z_]+)`", table))
    assert {*map(str, HostFlaw), *map(str, GrantFlaw)} <= codes


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert (KEYS_AGE_MAX.days, CALL_KEPT.days, FENCE_KEPT.days, SKEW.seconds) == (1, 1, 3, 5)
    assert "trusted for a day" in PAGE
    assert "for a day after the grant expires" in PAGE
    assert "highest fence for three days" in PAGE
    assert "`skew` (5 seconds)" in PAGE
