"""The recorded completions have the form that the client reads; the contract can be approved."""

import json

import pytest

from placet.cli.demo.contract import AGENT, LOOKUP, REFUND, REFUND_MAX_CENTS, SESSION
from placet.cli.demo.turns import TURNS, message_of
from placet.kernel.principal import Environment
from placet.policy.checks.check import check_contract, stops
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract
from placet.sdk.requests import as_tool_calls


@pytest.mark.parametrize("name", TURNS)
def test_a_completion_holds_one_tool_call_with_arguments_as_text(name: str) -> None:
    (call,) = as_tool_calls(TURNS[name].completion)
    assert call.name in {LOOKUP["tool"], REFUND["tool"]}
    amount = json.loads(call.arguments).get("amount_cents", 1)
    assert (amount > REFUND_MAX_CENTS) == (name == "lamp_all")
    assert as_tool_calls(message_of(TURNS[name])) == [call]


def test_nothing_in_the_contract_stops_its_approval_in_staging() -> None:
    document = {"schema_version": "1", "agent": AGENT, "session": SESSION}
    contract = read_contract(document | {"tools": [LOOKUP, REFUND]})
    assert isinstance(contract, Contract)
    assert not stops(check_contract(contract, Environment.STAGING))
