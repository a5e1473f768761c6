"""What the house's tests look at."""

import grimp
import pytest


@pytest.fixture(scope="session")
def graph() -> grimp.ImportGraph:
    """Every import of the package, those inside functions too."""
    return grimp.build_graph("placet", include_external_packages=True, cache_dir=None)
