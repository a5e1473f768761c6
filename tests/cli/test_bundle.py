"""`placet bundle export`: evidence in a file, looked at once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.bundle import _size_in
from placet.cli.exits import Exit
from placet.evidence.checkpoint import CheckpointPayload, origin_of, sign_checkpoint
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.principal import Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import GrantRole, IssueApiKey, Role

TENANT = UUID("0197c2a0-0000-7000-8000-000000000001")


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    """An office with an auditor."""
    office = Office(placet, url, database_url, tmp_path)
    office.open(office.hire("ada"))

    async def appoint(studio: Studio) -> None:
        who = office.people["ada"]
        await studio.people.grant_role(GrantRole(actor_id=who, role=Role.AUDITOR))
        wish = IssueApiKey(actor_id=who, name="audit", scopes=[Scope.AUDIT])
        issued = await studio.people.issue_key(wish)
        assert issued.api_key is not None
        office.keys["auditor"] = issued.api_key

    office.at(appoint)
    return office


def test_a_bundle_is_written_whole_and_verifies(office: Office) -> None:
    file = office.folder / "all.jsonl"
    told = office.told("bundle", "export", "--tenant", "-o", str(file), by="auditor")
    assert told["bytes"] == file.stat().st_size
    office.told("keys", "pin", "--yes", by="ada")
    report = office.told("verify", str(file), "--keys", str(office.pins), by="ada")
    assert (report["good"], report["events"]) == (True, told["events"])


def test_a_checkpoint_that_is_kept_is_held_against_a_later_bundle(office: Office) -> None:
    first, later = office.folder / "first.jsonl", office.folder / "later.jsonl"
    office.told("bundle", "export", "--tenant", "-o", str(first), by="auditor")
    lines = map(json.loads, first.read_text().splitlines())
    (kept,) = [line["envelope"] for line in lines if line["kind"] == "checkpoint"]
    witness = office.folder / "witness.jsonl"
    witness.write_text(json.dumps({"envelope": kept}) + "\n")
    held = ("--checkpoint", str(witness))
    office.told("bundle", "export", "--tenant", *held, "-o", str(later), by="auditor")
    assert office.told("verify", str(later), *held, by="ada")["good"] is True


def test_what_is_held_is_of_the_latest_epoch_and_not_of_the_longest_log(tmp_path: Path) -> None:
    key = SigningKey.generate()

    def line(epoch: int, size: int) -> bytes:
        payload = CheckpointPayload(
            tenant_id=TENANT,
            origin=origin_of(TENANT),
            size=size,
            root="0" * 64,
            epoch=epoch,
            system_identifier="1",
            timeline=1,
            time=datetime(2026, 3, 1, tzinfo=UTC),
            previous=None,
            key_id=key.public.key_id,
        )
        return b'{"envelope":' + encode_envelope(sign_checkpoint(payload, key)) + b"}\n"

    witness = tmp_path / "witness.jsonl"
    whole = line(1, 900) + line(2, 300) + line(2, 400)
    for torn in (b"", line(2, 500)[:-20], line(2, 500)[:1]):
        witness.write_bytes(whole + torn)
        assert _size_in(witness) == 400


def test_a_window_of_time_is_named_as_a_search_names_it(office: Office) -> None:
    file = office.folder / "day.jsonl"
    window = ("--from", "2026-03-01T00:00Z", "--to", "2026-03-02")
    told = office.told("bundle", "export", *window, "-o", str(file), by="auditor")
    assert told["bytes"] == file.stat().st_size
    scope = json.loads(file.read_text().splitlines()[0])["scope"]
    assert (scope["from"], scope["to"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    wrong = office.run(
        "bundle", "export", "--from", "today", *window[2:], "-o", str(file), by="auditor"
    )
    assert wrong.returncode == Exit.USAGE
    assert "write it as 2026-03-01T00:00Z" in wrong.stderr


SOME = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SCOPES = {
    "more are named: --session, --tenant": ("--session", SOME, "--tenant"),
    "more are named: --session, --approval": ("--session", SOME, "--approval", SOME),
    "more are named: --tenant, --from and --to": (
        *("--tenant", "--from", "2026-03-01T00:00Z", "--to", "2026-03-02T00:00Z"),
    ),
    "has a beginning and an end": ("--from", "2026-03-01T00:00Z"),
    "--agent and --tool go with a window": ("--tenant", "--agent", "desk", "--tool", "refund"),
    "--tool go with a window": ("--tool", "refund"),
    "nothing says of what": (),
}


@pytest.mark.parametrize("why", SCOPES)
def test_a_bundle_is_of_one_thing_and_nothing_named_is_passed_over(
    placet: Placet, tmp_path: Path, why: str
) -> None:
    file = tmp_path / "none.jsonl"
    done = placet("bundle", "export", *SCOPES[why], "-o", str(file), PLACET_API_KEY="none")
    assert done.returncode == Exit.USAGE
    assert why in done.stderr
    assert "name one: --session" in done.stderr
    assert not file.exists()


def test_nothing_is_written_where_nothing_may_be_taken(office: Office) -> None:
    file = office.folder / "none.jsonl"
    target = ("-o", str(file))
    assert office.run("bundle", "export", "--tenant", *target, by="ada").returncode != Exit.OK
    assert office.run("bundle", "export", *target, by="auditor").returncode != Exit.OK
    stranger = ("--session", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    missing = office.run("bundle", "export", *stranger, *target, by="auditor")
    assert missing.returncode == Exit.NOT_FOUND
    assert list(office.folder.glob("*none*")) == []
