"""`placet orphans`, against a service that forgot a call."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.floor import Floor
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.host_key import load_host_key
from placet.evidence.dsse import encode_envelope
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.kernel.ids import SystemIds
from placet.kernel.principal import Environment

IDS = SystemIds()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder_of_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service has its signing keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def url(database_url: str, folder_of_keys: Path) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, folder_of_keys) as port:
        yield f"http://127.0.0.1:{port}"


def test_receipts_of_calls_that_nobody_knows_are_listed_the_latest_first(
    placet: Placet, url: str, database_url: str, tmp_path: Path, folder_of_keys: Path
) -> None:
    floor = Floor(Office(placet, url, database_url, tmp_path))
    assert floor.office.run("orphans", by="op").stdout.strip() == "none"
    key = load_host_key(folder_of_keys / "keys" / "grant.key")
    calls = []
    for tool in ("issue_refund", "note"):
        grant = Grant(
            tenant_id=floor.office.tenant,
            environment=Environment.STAGING,
            agent="desk",
            session_id=IDS.new(),
            step=1,
            call_id=IDS.new(),
            server="orders",
            tool=tool,
            tool_schema_hash=None,
            arguments_hash="ab" * 32,
            fence=Fence(epoch=1, n=1),
            artifact_hash="cd" * 32,
            control=ControlSeen(epoch=0, revision=0),
            key_list_version=1,
            not_before=LONG_AGO,
            expires_at=LONG_AGO + timedelta(seconds=60),
            audience=None,
        )
        kept = floor.post(
            "replay/orphans",
            grant=json.loads(encode_envelope(sign_grant(grant, key))),
            status="succeeded",
            arguments_hash="ef" * 32,
        )
        assert kept.status_code == 201, kept.text
        calls.append(str(grant.call_id))
    told = floor.office.told("orphans", by="op")
    assert [one["call_id"] for one in told] == calls[::-1]
    assert len(floor.office.told("orphans", "--limit", "1", by="op")) == 1
    shown = floor.office.run("orphans", by="op").stdout
    conflict = "ran other arguments than were granted, no effect key"
    assert f"note of desk  call {calls[1]}, {conflict}" in shown
