"""`placet approve`: nothing is signed that was not compiled and compared here."""

import json
from uuid import UUID

import pytest
from tests.cli.office import Office
from tests.studio.story import LOOKUP, REFUND, contract

from placet.cli.exits import Exit
from placet.sdk.studio.requests import Requests
from placet.studio.requests.model import RequestStatus
from placet.studio.votes.model import SigningPlace

WIDER = contract(
    LOOKUP, REFUND | {"arguments": [{"path": "$.amount_cents", "lte": 90_000}]}, agent="desk"
)


def pin(office: Office) -> None:
    """Pin every key that the service lists."""
    assert office.told("keys", "pin", "--yes", by="ada")["pinned"] > 0


def voted(office: Office, request_id: UUID) -> int:
    """Return how many votes the service has on a request."""
    return len(office.at(lambda studio: studio.requests.votes(request_id)).votes)


def test_a_vote_is_signed_here_and_grants(office: Office) -> None:
    request = office.ask()
    pin(office)
    asked = ("approve", str(request.request_id), "--key", str(office.file("ada")))
    done = office.run(*asked, "--yes", by="ada")
    assert done.returncode == Exit.OK, done.stderr
    assert "the service and this machine agree" in done.stdout
    assert "granted: approval" in done.stdout
    found = office.at(lambda studio: studio.requests.get(request.request_id))
    assert found.status is RequestStatus.GRANTED
    votes = office.at(lambda studio: studio.requests.votes(request.request_id)).votes
    assert [vote.signed_in for vote in votes] == [SigningPlace.LOCAL]


def test_the_next_request_is_compared_with_what_pinned_keys_prove(office: Office) -> None:
    first = office.ask()
    pin(office)
    key = ("--key", str(office.file("ada")), "--yes")
    assert office.run("approve", str(first.request_id), *key, by="ada").returncode == Exit.OK
    second = office.ask(WIDER)
    told = office.told("approve", str(second.request_id), *key, by="ada")
    assert told["agree"]
    assert told["against"] is not None
    assert [change["kind"] for change in told["changes"]] == ["widened", "widened"]
    assert told["vote"]["status"] == "granted"


def test_an_approval_older_than_one_that_was_seen_stops_a_vote(office: Office) -> None:
    first = office.ask()
    pin(office)
    key = ("--key", str(office.file("ada")), "--yes")
    office.told("approve", str(first.request_id), *key, by="ada")
    second = office.ask(WIDER)
    office.told("approve", str(second.request_id), "--look", by="ada")
    beside = office.pins.with_name(office.pins.name + ".seen")
    kept = json.loads(beside.read_text())
    assert list(kept) == [str(office.workspace)]
    kept[str(office.workspace)]["approvals"][str(office.tenant)] = 9
    beside.write_text(json.dumps(kept))
    done = office.run("approve", str(second.request_id), *key, by="ada")
    assert done.returncode == Exit.FAILED
    assert "number 9 was in force when last looked at" in done.stdout
    assert voted(office, second.request_id) == 0
    beside.write_text("[]")
    assert office.run("approve", str(second.request_id), *key, by="ada").returncode == Exit.USAGE


def test_looking_signs_nothing(office: Office) -> None:
    request = office.ask()
    pin(office)
    done = office.run("approve", str(request.request_id), "--look", by="ada")
    assert done.returncode == Exit.OK, done.stderr
    assert "changes, compared here (nothing is in force)" in done.stdout
    assert "issue_refund" in done.stdout
    assert voted(office, request.request_id) == 0


def test_without_pinned_keys_nothing_is_looked_at(office: Office) -> None:
    request = office.ask()
    done = office.run(
        "approve", str(request.request_id), "--key", str(office.file("ada")), by="ada"
    )
    assert done.returncode == Exit.NOT_FOUND
    assert "placet keys pin" in done.stderr
    assert voted(office, request.request_id) == 0


def test_an_approval_in_force_that_no_pinned_key_proves_stops_a_vote(office: Office) -> None:
    first = office.ask()
    pin(office)
    key = ("--key", str(office.file("ada")), "--yes")
    assert office.run("approve", str(first.request_id), *key, by="ada").returncode == Exit.OK
    kept = json.loads(office.pins.read_text())
    kept["keys"] = [one for one in kept["keys"] if one["purpose"] != "person"]
    office.pins.write_text(json.dumps(kept))
    second = office.ask(WIDER)
    done = office.run("approve", str(second.request_id), *key, by="ada")
    assert done.returncode == Exit.FAILED
    assert "DISAGREE" in done.stdout
    assert "vote 1: its key id names none of the keys" in done.stdout
    assert voted(office, second.request_id) == 0
    refused = office.run("approve", str(second.request_id), *key, "--refuse", by="ada")
    assert refused.returncode == Exit.OK, refused.stderr
    assert f"request {second.request_id} is refused" in refused.stdout


def test_another_request_than_the_typed_one_is_never_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.ask()
    pin(office)
    real = Requests.get
    monkeypatch.setattr(Requests, "get", lambda self, _: real(self, request.request_id))
    votes = Requests.votes
    monkeypatch.setattr(Requests, "votes", lambda self, _: votes(self, request.request_id))
    key = ("--key", str(office.file("ada")), "--yes")
    for more in ((), ("--refuse",)):
        done = office.run("approve", str(office.workspace), *key, *more, by="ada")
        assert done.returncode == Exit.FAILED
    monkeypatch.undo()
    assert voted(office, request.request_id) == 0


def test_a_key_that_is_pinned_as_another_s_or_not_at_all_signs_nothing(office: Office) -> None:
    request = office.ask()
    pin(office)
    key = ("--key", str(office.file("ada")), "--yes")
    kept = json.loads(office.pins.read_text())
    for one in kept["keys"]:
        if one["key_id"] == office.key_id("ada"):
            one["actor_id"] = str(office.tenant)
    office.pins.write_text(json.dumps(kept))
    done = office.run("approve", str(request.request_id), *key, by="ada")
    assert done.returncode == Exit.FAILED
    assert "pinned as another's" in done.stderr
    kept["keys"] = [one for one in kept["keys"] if one["purpose"] != "person"]
    office.pins.write_text(json.dumps(kept))
    done = office.run("approve", str(request.request_id), *key, by="ada")
    assert f"placet keys pin --only {office.key_id('ada')}" in done.stderr
    assert voted(office, request.request_id) == 0


def test_a_person_who_says_no_signs_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.ask()
    pin(office)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    done = office.run(
        "approve", str(request.request_id), "--key", str(office.file("ada")), by="ada"
    )
    assert done.returncode == Exit.INTERRUPTED
    assert voted(office, request.request_id) == 0


def test_nobody_is_asked_who_was_shown_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = office.ask()
    pin(office)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    key = ("--key", str(office.file("ada")))
    done = office.run("approve", str(request.request_id), *key, "--json", by="ada")
    assert (done.returncode, done.stdout) == (Exit.INTERRUPTED, "")
    assert "changes, compared here" in done.stderr
    assert "the service and this machine agree" in done.stderr


def test_a_vote_needs_a_key_file(office: Office) -> None:
    request = office.ask()
    done = office.run("approve", str(request.request_id), by="ada")
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_an_unknown_request_is_told_as_such(office: Office) -> None:
    pin(office)
    done = office.run("approve", str(office.workspace), "--look", by="ada")
    assert done.returncode == Exit.NOT_FOUND
