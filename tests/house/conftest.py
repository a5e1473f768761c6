"""What the house's tests look at."""

from pathlib import Path

import grimp
import pytest
from tests.house import checkout


@pytest.fixture(scope="session")
def graph() -> grimp.ImportGraph:
    """Every import of the package, those inside functions too."""
    return grimp.build_graph("placet", include_external_packages=True, cache_dir=None)


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Let go of the parsed files with the last of these tests."""
    if nextitem is None or not nextitem.path.is_relative_to(Path(__file__).parent):
        checkout.tree.cache_clear()
