"""What lets a call pass that did not pass before is told, whatever the two contracts are."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policy.diff.changing import Document, contract_of, documents

from placet.policy.compile import compile_contract
from placet.policy.decision import Allow, Ask, Decision, Deny
from placet.policy.diff.contracts import diff_contracts
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.facts import Call
from placet.policy.ledger import Ledger
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract

START = datetime(2026, 1, 1, tzinfo=UTC)
ARGUMENTS: list[dict[str, Any]] = [
    *({"n": n, "id": "1", "s": "a"} for n in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 2.5, "a", "ab", None)),
    *({"n": 2, "id": one, "s": s} for one in ("1", "2") for s in ("a", "b", "c", None)),
    *({"n": 2, "s": "a", "l": of} for of in ([], ["a"], ["xx"], ["a", "aaa"], ["", "b", "c"], "a")),
    *({"n": 2, "t": t} for t in ("x", "xyz", None, 1)),
    {"n": 2, "id": "1"},
    {"id": "1", "s": "a"},
    {"n": 2, "other": 1},
    {"n": 2, "other": "a"},
    {},
]
TOOLS = ["find", "pay", "note", "ask", "stranger"]
PROBES = [(tool, json.dumps(given).encode()) for tool in TOOLS for given in ARGUMENTS]
USUAL = st.sampled_from(["find", "pay", "find", "note", "ask"])
WHO = st.fixed_dictionaries(
    {
        "principal": st.sampled_from([{"team": "a", "new": False}, {"team": "a"}, {"team": "b"}]),
        "labels": st.sampled_from([{}, {}, {"mark": "x"}, {"mark": "x", "hold": "y"}]),
    }
)
STEPS = st.fixed_dictionaries(
    {
        "tool": USUAL,
        "arguments": st.sampled_from(ARGUMENTS[1:5]) | st.sampled_from(ARGUMENTS),
        "later": st.sampled_from([1, 5, 12, 25, 70]),
        "who": WHO,
        "probed_as": WHO,
        "outcome": st.sampled_from(["succeeded", "succeeded", "failed", "open"]),
        "output": st.sampled_from([{"n": 5}, {"n": 5}, {"n": 2}, {"n": 1}, {}]),
    }
)


def policy_of(contract: Contract | None) -> Policy | None:
    """Return a policy, or None for a contract that cannot be used."""
    if contract is None:
        return None
    try:
        return load_policy(compile_contract(contract).runtime)
    except ValueError:
        return None


def rank(decision: Decision) -> int:
    match decision:
        case Deny():
            return 0
        case Ask():
            return 1
        case Allow():
            return 2


def passes_more(old: Policy, new: Policy, history: list[dict[str, Any]]) -> bool:
    """Say whether `new` lets a call pass, after what both granted, that `old` does not."""
    now = START
    ledgers = [Ledger(policy, START) for policy in (old, new)]
    for step, one in enumerate(history):
        now += timedelta(seconds=one["later"])
        call_id = str(step)
        call = Call(tool=one["tool"], arguments=json.dumps(one["arguments"]).encode())
        probes = [Call(tool=tool, arguments=text) for tool, text in PROBES]
        if any(is_wider(ledgers, probe, now, one["probed_as"]) for probe in probes):
            return True
        if is_wider(ledgers, call, now, one["who"]):
            return True
        for ledger in ledgers if ranks(ledgers, call, now, one["who"])[1] else ():
            facts = ledger.facts(now, **one["who"], approved={call_id})
            named = Call(tool=call.tool, arguments=call.arguments, call_id=call_id)
            decision = evaluate_response(ledger.policy, facts, [named])
            ledger.decided(step, [call_id], decision, now, principal=one["who"]["principal"])
            if one["outcome"] == "succeeded":
                ledger.succeeded(call_id, one["output"], now)
            elif one["outcome"] == "failed":
                ledger.failed(call_id)
    return False


def is_wider(ledgers: list[Ledger], call: Call, now: datetime, who: dict[str, Any]) -> bool:
    before, after = ranks(ledgers, call, now, who)
    return after > before


def ranks(ledgers: list[Ledger], call: Call, now: datetime, who: dict[str, Any]) -> list[int]:
    return [rank(evaluate(ledger.policy, ledger.facts(now, **who), call)) for ledger in ledgers]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(most=1), documents(least=1), st.lists(STEPS, min_size=1, max_size=6))
def test_no_call_passes_anew_without_a_change_that_may_widen(
    one: Document, other: Document, history: list[dict[str, Any]]
) -> None:
    old, new = contract_of(one), contract_of(other)
    before, after = policy_of(old), policy_of(new)
    if old is None or new is None or before is None or after is None:
        return
    if not any(change.may_widen for change in diff_contracts(old, new)):
        assert not passes_more(before, after, history)
