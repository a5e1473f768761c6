"""`placet asks` and `placet ask`, on a real service: an agent's call, and people with key files."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import asdict
from tests.cli.conftest import Placet
from tests.cli.office import WORDS, Office
from tests.server.serving import serving
from tests.studio.story import LOOKUP, contract

from placet.cli.exits import Exit
from placet.cli.key_file import load_key
from placet.evidence.vote import ApprovalVote, VoteDecision, sign_vote
from placet.kernel.principal import Environment, Scope
from placet.replay.sessions.model import SessionMode
from placet.sdk.client import Client
from placet.sdk.endpoints import ToolCall
from placet.sdk.studio.client import Studio
from placet.tenancy.model import ActorKind, CreateActor, IssueApiKey

EMAIL = {
    "tool": "email_customer",
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "ask",
    "redact": ["$.card"],
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["text"],
        "properties": {"text": {"type": "string"}, "card": {"type": "string"}},
    },
}


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(
    placet: Placet, url: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """An office whose contract lets `email_customer` wait for ada."""
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", WORDS)
    made = Office(placet, url, database_url, tmp_path)
    made.open(made.hire("ada"))
    request = made.ask(contract(LOOKUP, EMAIL, agent="desk", gate="strip_partial"))
    key = load_key(made.file("ada"))
    vote = ApprovalVote(
        **asdict(request.vote_fields),
        decision=VoteDecision.APPROVE,
        voter_id=made.people["ada"],
        key_id=key.key_id,
    )
    made.at(lambda studio: studio.requests.vote(request.request_id, sign_vote(vote, key)), by="ada")
    return made


def waiting_calls(office: Office, *texts: str) -> list[UUID]:
    """Have the office's agent propose e-mails in one turn, and return the calls that wait."""

    async def issued(studio: Studio) -> str:
        agent = await studio.people.create(CreateActor(kind=ActorKind.AGENT, name="desk"))
        wish = IssueApiKey(
            actor_id=agent.actor_id,
            name="runtime",
            scopes=[Scope.RUNTIME],
            agent="desk",
            environment=Environment.STAGING,
        )
        return str((await studio.people.issue_key(wish)).api_key)

    async def proposed(key: str) -> list[UUID]:
        async with (
            Client(office.url, key) as client,
            client.session(mode=SessionMode.ENFORCE) as session,
        ):
            prepared = await session.preflight(offered_tools=["email_customer"])
            calls = [
                ToolCall(
                    id=f"call_{place}",
                    name="email_customer",
                    arguments=f'{{"text":"{text}","card":"4111"}}',
                )
                for place, text in enumerate(texts)
            ]
            return [call.call_id for call in (await session.propose(prepared, calls)).calls]

    return asyncio.run(proposed(office.at(issued)))


def test_somebody_looks_and_says_yes_to_calls_of_one_turn(office: Office) -> None:
    one, two = map(str, waiting_calls(office, "hello", "goodbye"))
    listed = office.run("asks", by="ada").stdout
    assert one in listed
    assert two in listed
    shown = office.run("ask", "show", one, by="ada").stdout
    assert '"text":"hello"' in shown
    assert "4111" not in shown
    assert "redacted   /card" in shown
    key = ("--key", str(office.file("ada")), "--yes")
    done = office.told("ask", "approve", one, two, *key, by="ada")
    assert [call["status"] for call in done["calls"]] == ["approved", "approved"]


def test_somebody_edits_a_call_and_signs_a_yes_to_the_new_one(office: Office) -> None:
    (call,) = map(str, waiting_calls(office, "hello"))
    wish = ("--arguments", '{"text": "good day", "card": "[redacted]"}', "--reason", "too loud")
    first = office.told("ask", "edit", call, *wish, "--yes", by="ada")
    assert "good day" in first["view"]
    assert "4111" not in first["view"]
    key = ("--key", str(office.file("ada")), "--yes")
    new = first["call_id"]
    done = office.told(
        "ask", "edit", new, "--arguments", '{"text":"hi"}', *wish[2:], *key, by="ada"
    )
    (voted,) = done["calls"]
    assert (voted["status"], voted["call_id"] not in {call, new}) == ("approved", True)
    shown = office.run("ask", "show", voted["call_id"], by="ada").stdout
    assert f"in the place of {new}: too loud" in shown
    bad = office.run(
        "ask", "edit", voted["call_id"], "--arguments", "{}", *wish[2:], "--yes", by="ada"
    )
    assert bad.returncode != 0
    away = office.run(
        *("ask", "edit", voted["call_id"], "--arguments", "@/nowhere.json", *wish[2:], "--json"),
        by="ada",
    )
    assert away.returncode == Exit.NOT_FOUND
    assert "cannot be read" in str(json.loads(away.stderr))


def test_somebody_says_yes_beforehand_sees_its_uses_and_ends_it(office: Office) -> None:
    where = ("--where", '{"path": "$.text", "length_lte": 5}')
    place = ("--workspace", str(office.workspace), "--uses", "1", "--reason", "short ones")
    key = ("--key", str(office.file("ada")), "--yes")
    made = office.told("standing", "grant", "email_customer", *where, *place, *key, by="ada")
    waiting_calls(office, "hello")
    assert office.run("asks", by="ada").stdout.strip() == "nothing waits for anybody"
    assert "1/1 used" in office.run("standing", "list", by="ada").stdout
    done = office.told("standing", "revoke", made["standing_id"], "--reason", "over", by="ada")
    assert done["revoke_reason"] == "over"
    bad = ("--where", '{"path": "$.text", "longer": 5}')
    wrong = office.run("standing", "grant", "email_customer", *bad, *place, *key, by="ada")
    assert wrong.returncode == Exit.USAGE
    other = office.run("standing", "grant", "lookup_order", *where, *place, *key, by="ada")
    assert "asks nobody" in other.stderr


def test_a_rejection_says_why_and_what_is_gone_is_answered_no_more(office: Office) -> None:
    (call,) = map(str, waiting_calls(office, "hello"))
    key = ("--key", str(office.file("ada")), "--yes")
    unsaid = office.run("ask", "reject", call, *key, by="ada")
    assert unsaid.returncode == Exit.USAGE
    done = office.told("ask", "reject", call, "--reason", "not now", *key, by="ada")
    assert done["calls"][0]["status"] == "rejected"
    assert office.run("asks", by="ada").stdout.strip() == "nothing waits for anybody"
    gone = office.run("ask", "approve", call, *key, by="ada")
    assert gone.returncode == Exit.NOT_FOUND
    assert call in gone.stderr
