"""Who may say yes to calls that are yet to come, over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from tests.replay.asks.people import AskDesk
from tests.replay.desk import AGENT
from tests.replay.standing.people import PATH, SHOUTS, give, given, revoke, shown, standing, terms

from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.standing import sign_standing
from placet.kernel.principal import Environment, Scope
from placet.tenancy import service as tenancy
from placet.tenancy.model import IssueApiKey


def flaws(answered: httpx.Response) -> set[str]:
    assert answered.status_code == 422, answered.text
    assert answered.json()["code"] == "standing_refused"
    return {reason["code"] for reason in answered.json()["reasons"]}


async def test_the_terms_tell_what_is_in_force_and_whom_it_asks(desk: AskDesk) -> None:
    found = (await terms(desk)).json()
    assert (found["tool"], found["environment"]) == ("escalate", "staging")
    assert found["all_of"] == [{"count": 1, "role": "approver"}]
    assert flaws(await terms(desk, "note")) == {"never_asked"}
    assert flaws(await terms(desk, "no_such_tool")) == {"never_asked"}


async def test_what_was_given_is_listed_with_what_it_says(desk: AskDesk) -> None:
    standing_id = await given(desk)
    found = await shown(desk, standing_id)
    assert (found["arguments"], found["uses"], found["used"]) == (SHOUTS, 2, 0)
    assert found["granted_by"] == str(desk.ada.principal.actor_id)
    await revoke(desk, standing_id)
    ended = await shown(desk, standing_id)
    assert (ended["revoked_by"], ended["revoke_reason"]) == (
        str(desk.ben.principal.actor_id),
        "no more",
    )


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({"environment": "production"}, "other_terms"),
        ({"agent": "another"}, "other_terms"),
        ({"schema_hash": "00" * 32}, "other_terms"),
        ({"checkpoint_hash": "00" * 32}, "other_terms"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "too_long"),
        ({"arguments": [{"path": "reason", "exists": True}]}, "rules_bad"),
        ({"arguments": [{"path": "$.reason", "matches": "("}]}, "rules_bad"),
    ],
)
async def test_what_differs_from_what_is_in_force_is_refused(
    desk: AskDesk, changed: dict[str, Any], flaw: str
) -> None:
    assert flaws(await give(desk, await standing(desk, None, "escalate", **changed))) == {flaw}
    assert (await desk.get(PATH, desk.ada.api_key)).json()["items"] == []


async def test_it_lasts_thirty_days_at_most(desk: AskDesk) -> None:
    said = await standing(desk)
    late = said.expires_at + timedelta(days=29, minutes=1)
    assert flaws(await give(desk, await standing(desk, expires_at=late))) == {"too_long"}
    assert (
        await give(desk, await standing(desk, expires_at=late - timedelta(minutes=2)))
    ).is_success


async def test_a_contract_that_asks_several_people_takes_no_word_of_one(desk: AskDesk) -> None:
    said = await standing(desk, None, "wire_money", arguments=[{"path": "$.cents", "lte": 5}])
    refused = await give(desk, said)
    assert flaws(refused) == {"several_people"}
    assert "2 approver and 1 legal" in refused.json()["detail"]


async def test_a_rule_on_a_value_that_is_hidden_is_refused(desk: AskDesk) -> None:
    rule = [{"path": "$.card.number", "equals": "4111"}]
    said = await standing(desk, None, "wire_money", arguments=rule)
    assert "rules_bad" in flaws(await give(desk, said))


async def test_only_whom_the_contract_asks_may_say_yes_beforehand(desk: AskDesk) -> None:
    rule = [{"path": "$.case", "exists": True}]
    alone = await standing(desk, desk.ada, "hold_case", arguments=rule)
    assert flaws(await give(desk, alone, desk.ada)) == {"role_missing"}
    assert (
        await give(desk, await standing(desk, desk.ben, "hold_case", arguments=rule), desk.ben)
    ).is_success
    stranger = await desk.story.signer("eve")
    assert flaws(await give(desk, await standing(desk, stranger), stranger)) == {"key_unknown"}


async def test_another_key_or_another_signer_is_refused(desk: AskDesk) -> None:
    said = await standing(desk)
    forged = json.loads(encode_envelope(sign_standing(said, SigningKey.generate())))
    answered = await desk.post(PATH, {"envelope": forged}, desk.ada.api_key)
    assert flaws(answered) == {"signature_invalid"}
    borrowed = json.loads(encode_envelope(sign_standing(said, desk.ada.key)))
    answered = await desk.post(PATH, {"envelope": borrowed}, desk.ben.api_key)
    assert flaws(answered) == {"signature_invalid"}
    assert flaws(await desk.post(PATH, {"envelope": {}}, desk.ada.api_key)) == {
        "envelope_malformed"
    }


@pytest.mark.parametrize(
    ("agent", "environment"), [("another", Environment.STAGING), (AGENT, Environment.PRODUCTION)]
)
async def test_a_key_that_is_bound_elsewhere_neither_reads_the_terms_nor_gives(
    desk: AskDesk, agent: str, environment: Environment
) -> None:
    asked = IssueApiKey(
        actor_id=desk.ada.principal.actor_id,
        name="bound",
        scopes=[Scope.APPROVE],
        agent=agent,
        environment=environment,
    )
    said = await standing(desk)
    body = {"envelope": json.loads(encode_envelope(sign_standing(said, desk.ada.key)))}
    path = f"{PATH}/terms/{desk.workspace.workspace_id}/escalate"
    answers = []
    for bound in (asked, replace(asked, agent=AGENT, environment=Environment.STAGING)):
        async with desk.db.writing(desk.workplace.founder) as tx:
            key = (await tenancy.issue_key(tx, bound, desk.ids)).api_key or ""
        answers.append((await desk.get(path, key), await desk.post(PATH, body, key)))
    (terms_elsewhere, given_elsewhere), (terms_here, given_here) = answers
    assert terms_elsewhere.json()["code"] == "workspace_not_found"
    assert flaws(given_elsewhere) == {"signed_otherwise"}
    assert given_elsewhere.json()["detail"] == "it names no workspace here"
    assert (terms_here.status_code, given_here.status_code) == (200, 201)


async def test_one_is_given_once(desk: AskDesk) -> None:
    said = await standing(desk)
    assert (await give(desk, said)).is_success
    assert flaws(await give(desk, said)) == {"given_before"}
