"""`placet audit` and `placet events`: what is found, taken away, and brought in again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.audit.search.indexing import index_log
from placet.authority.checkpoints.service import sequence
from placet.cli.exits import Exit
from placet.events.model import StreamKind, tenant_stream
from placet.kernel.ids import SystemIds, TenantId
from placet.kernel.principal import Scope
from placet.sdk.studio.client import Studio
from placet.storage.database import Database
from placet.tenancy.model import GrantRole, IssueApiKey, Role


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    """An office with an auditor, who may operate too."""
    office = Office(placet, url, database_url, tmp_path)

    async def appoint(studio: Studio) -> None:
        who = (await studio.people.me()).actor.actor_id
        for role in (Role.AUDITOR, Role.OPERATOR):
            await studio.people.grant_role(GrantRole(actor_id=who, role=role))
        wish = IssueApiKey(actor_id=who, name="audit", scopes=[Scope.AUDIT, Scope.OPERATE])
        issued = await studio.people.issue_key(wish)
        assert issued.api_key is not None
        office.keys["auditor"] = issued.api_key

    office.at(appoint)
    return office


async def up_to_date(database_url: str, tenant: TenantId) -> None:
    """Put what happened into the log, and the log into the index."""
    db = await Database.open(database_url)
    await sequence(db, tenant, SystemIds())
    await index_log(db, tenant)
    await db.close()


def test_what_happened_is_found_and_taken_away(office: Office, database_url: str) -> None:
    asyncio.run(up_to_date(database_url, TenantId(office.tenant)))
    found = office.told("audit", "search", "--type", "RoleGranted", by="auditor")
    assert {event["type"] for event in found["items"]} == {"RoleGranted"}
    assert found["indexed_through"] <= found["log_size"]
    file = office.folder / "found.jsonl"
    asked = ("--type", "RoleGranted", "--oldest", "--from", "2026-01-01T00:00Z")
    office.told("audit", "export", *asked, "-o", str(file), by="auditor")
    head, *events, end = map(json.loads, file.read_text().splitlines())
    assert head["filter"]["type"] == "RoleGranted"
    assert len(events) == end["events"] > 0


def test_filters_that_cannot_be_read_are_refused(office: Office) -> None:
    for asked in (("--from", "tomorrow"), ("--fingerprint", "ab")):
        done = office.run("audit", "search", *asked, by="auditor")
        assert done.returncode == Exit.USAGE, done.stderr


def test_a_stream_goes_out_verifies_and_does_not_come_in(office: Office) -> None:
    stream = tenant_stream(TenantId(office.tenant), StreamKind.TENANCY)
    file = office.folder / "tenancy.jsonl"
    told = office.told("events", "export", str(stream), "-o", str(file), by="auditor")
    assert told["bytes"] == file.stat().st_size
    assert office.told("verify", str(file), by="auditor")["good"]
    done = office.run("events", "import", str(file), by="auditor")
    assert done.returncode != Exit.OK
    assert "line 1" in done.stderr
