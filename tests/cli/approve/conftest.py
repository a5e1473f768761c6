"""An office with one approver, whose keys are pinned, and a request that is open."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import WORDS, Office
from tests.server.serving import serving


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(
    placet: Placet,
    url: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """An office whose workspace counts ada's votes."""
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", WORDS)
    office = Office(placet, url, database_url, tmp_path)
    office.open(office.hire("ada"))
    return office
