"""What an agent pays for importing the client."""

import subprocess
import sys

import pytest

HEAVY = ("httpx", "litestar", "sqlalchemy", "asyncpg", "cryptography", "rich", "click", "yaml")


def modules_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(  # noqa: S603 -- our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import placet.sdk", "import placet.sdk.client, placet.sdk.govern", "import placet.sdk.sync"],
)
def test_the_client_is_imported_without_anything_heavy(statement: str) -> None:
    found = modules_after(statement)
    assert not [name for name in HEAVY if name in found]
    assert not [name for name in found if name.startswith(("placet.storage", "placet.server"))]


def test_the_page_of_prose_imports_nothing_at_all() -> None:
    assert "asyncio" not in modules_after("import placet.sdk")
