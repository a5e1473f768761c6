"""The command line as a whole: fast to start, clear when it refuses."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placet.cli.exits import CommandRefused, Exit, exit_of, told
from placet.cli.main import COMMANDS
from placet.kernel.refusals import (
    Conflict,
    GovernanceUnavailable,
    Invalid,
    MalformedBody,
    NotFound,
    RateLimited,
    Refusal,
)
from placet.settings import SettingInvalid
from placet.storage.unusable import Unreachable

Placet = Callable[..., Any]
HEAVY = ("asyncio", "asyncpg", "sqlalchemy", "alembic", "litestar", "uvicorn", "httpx", "rich")


EXTRAS = ("alembic", "asyncpg", "litestar", "sqlalchemy", "uvicorn", "jsonschema_rs", "yaml")
ALONE = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS!r}))
from placet.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def _modules_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stderr.split())


def test_help_imports_click_and_nothing_heavy() -> None:
    modules = _modules_after("from placet.cli.main import run; run(['--help'])")
    assert "click" in modules
    assert not modules & {*HEAVY, "msgspec", "placet.settings", "placet.storage"}


def test_every_command_of_the_table_explains_itself_without_its_heavy_libraries() -> None:
    runs = "; ".join(f"run(['{name}', '--help'])" for name in COMMANDS)
    modules = _modules_after(f"from placet.cli.main import run; {runs}")
    assert {module for module, _ in COMMANDS.values()} <= modules
    assert not modules & {"sqlalchemy", "alembic", "litestar", "uvicorn"}


def test_the_list_of_commands_names_each_with_one_line(placet: Placet) -> None:
    shown = placet("--help").stdout
    for name, (_, line) in COMMANDS.items():
        assert name in shown
        assert line in shown


def test_a_mistyped_command_is_answered_with_the_one_meant(placet: Placet) -> None:
    done = placet("docter")
    assert done.returncode == Exit.USAGE
    assert "did you mean `doctor`" in done.stderr
    assert done.stdout == ""


def test_a_wrong_setting_is_one_sentence_a_remedy_and_a_usage_code(placet: Placet) -> None:
    done = placet("doctor", PLACET_PORT="abc")
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("error: `PLACET_PORT` is `abc`")
    assert "\nremedy: " in done.stderr
    assert "Traceback" not in done.stderr


def test_with_json_a_refusal_is_one_object_on_stderr(placet: Placet) -> None:
    done = placet("doctor", "--json", PLACET_PORT="abc")
    said = json.loads(done.stderr)
    assert said["exit"] == done.returncode == Exit.USAGE
    assert said["error"]["code"] == "setting_invalid"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Unreachable(detail="a", remedy="b"), 4),
        (GovernanceUnavailable(detail="a"), 4),
        (RateLimited(detail="a"), 4),
        (NotFound(detail="a"), 3),
        (SettingInvalid(detail="a", remedy="b"), 2),
        (MalformedBody(detail="a"), 2),
        (Invalid(detail="a"), 2),
        (Conflict(detail="a"), 1),
        (CommandRefused(detail="a", remedy="b", code=Exit.DENIED), 5),
    ],
)
def test_each_kind_of_fault_has_its_exit_code(fault: Refusal, code: int) -> None:
    assert exit_of(fault) == code
    assert told(fault, as_json=False).startswith("error: a")
    assert json.loads(told(fault, as_json=True))["exit"] == code


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("doctor",), "server"),
        (("migrate",), "server"),
        (("server-key", "list"), "server"),
        (("policy", "check", "contract.yaml"), "policy"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_client_alone_says_what_a_command_needs_besides(
    tmp_path: Path, words: tuple[str, ...], extra: str, form: tuple[str, ...]
) -> None:
    (tmp_path / "contract.yaml").touch()
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", ALONE, *words, *form],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.defpath, "PLACET_DATA_DIR": str(tmp_path), "PLACET_CONFIG": os.devnull},
    )
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    remedy = f"pip install 'placet[{extra}]'"
    if form:
        assert json.loads(done.stderr)["error"]["remedy"] == remedy
    else:
        assert done.stderr.splitlines()[1:] == [f"remedy: {remedy}"]
