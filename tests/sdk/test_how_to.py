"""The page on governing a tool shows code that is Python, and names that exist."""

import ast
import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "govern-a-tool.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_code_is_python_and_imports_what_exists(block: str) -> None:
    compile(block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("placet"):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, name.name) for name in node.names)


def test_the_page_shows_code() -> None:
    assert len(BLOCKS) == 9


def test_the_loop_that_takes_over_goes_on_past_a_session_that_is_refused() -> None:
    (block,) = [block for block in BLOCKS if "sessions_in(" in block]
    (loop,) = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.For)]
    (guard,) = loop.body
    assert isinstance(guard, ast.Try)
    assert [ast.unparse(one.type) for one in guard.handlers if one.type] == [
        "(Refusal, JournalError, OutboxFull)"
    ]
