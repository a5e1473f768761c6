"""What lets a call pass that did not pass before is told, whatever the two contracts are."""

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policy.diff.changing import BASE, Document, changes, contract_of, documents

from placet.policy.compile import compile_contract, contract_hash
from placet.policy.decision import Allow, Ask, Decision, Deny
from placet.policy.diff.contracts import diff_contracts
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.facts import Call
from placet.policy.ledger import Ledger
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract

START = datetime(2026, 1, 1, tzinfo=UTC)
ARGUMENTS: Final[dict[str, list[dict[str, Any]]]] = {
    "find": [{"id": "1"}, {"id": "2"}, {}],
    "note": [
        *({"n": n} for n in (0, 1, 2, 3, 9, 10, 2.5, "ab")),
        *({"n": 2, "t": t} for t in ("abc", None, 1)),
        *({"n": 2, "s": s} for s in ("a", "c")),
        *({"n": 2, "l": of} for of in (["a", "b"], [""], ["aa", "b", "c"])),
        {"n": 2, "other": "a"},
        {"other": "a"},
    ],
    "pay": [
        *({"n": n, "id": "1", "s": "a", "l": ["a"]} for n in (0, 1, 2, 3, 4, 5, 6, 8, 9, 2.5)),
        *({"n": 2, "id": "1", "s": s, "l": ["a"]} for s in ("b", "c", "x")),
        *({"n": 2, "id": "1", "s": "a", "l": of} for of in (["xx"], ["aaa"], ["aa", "b"], [])),
        {"n": 2, "id": "2", "s": "a", "l": ["a"]},
        {"n": 2, "id": "1", "l": ["a"]},
        {"n": 2, "id": "1", "s": "a"},
        {"n": 2, "s": "a", "l": ["a"]},
        {"n": "ab", "id": "1", "s": "a", "l": ["a"]},
    ],
    "ask": [{}],
    "stranger": [{}],
}
PROBES: Final = [
    Call(tool=tool, arguments=json.dumps(one).encode())
    for tool, arguments in ARGUMENTS.items()
    for one in arguments
]
USUAL: Final[dict[str, Any]] = {"principal": {"team": "a", "new": False}, "labels": {}}
WHO: Final[list[dict[str, Any]]] = [
    USUAL,
    {"principal": {"team": "a"}, "labels": {}},
    {"principal": {"team": "b", "new": False}, "labels": {}},
    {"principal": {"team": "a", "new": False}, "labels": {"mark": "x"}},
    {"principal": {"team": "a", "new": False}, "labels": {"mark": "x", "hold": "y"}},
]
STEPS: Final = st.fixed_dictionaries(
    {
        "probe": st.sampled_from(PROBES),
        "later": st.sampled_from([1, 5, 12, 25, 70]),
        "who": st.sampled_from([USUAL, *WHO]),
        "outcome": st.sampled_from(["succeeded", "succeeded", "failed", "open"]),
        "output": st.sampled_from([{"n": 5}, {"n": 5}, {"n": 2}, {"n": 1}, {}]),
    }
)


def step(tool: str, which: int = 0, later: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- other keys
    arguments = json.dumps(ARGUMENTS[tool][which]).encode()
    usual = {"later": later, "who": USUAL, "outcome": "succeeded", "output": {"n": 5}}
    return usual | {"probe": Call(tool=tool, arguments=arguments)} | more


HISTORIES: Final[list[list[dict[str, Any]]]] = [
    [step("find"), step("pay", 2), step("pay", 3, 20, who=WHO[1]), step("find", 0, 15, who=WHO[3])],
    [step("find", output={"n": 1}), step("find", 1), step("pay", 13), step("ask", who=WHO[4])],
    [step("find"), *2 * [step("find", outcome="failed")], step("ask", who=WHO[2])],
    [step("note", 1), step("note", 3, 12, outcome="failed"), step("find", 1, 12), step("ask")],
    [*(step("find", index % 2) for index in range(5)), step("ask", 0, 70), step("ask", 0, 30)],
]


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
    for number, one in enumerate(history):
        now += timedelta(seconds=one["later"])
        if any(is_wider(ledgers, probe, now, one["who"]) for probe in PROBES):
            return True
        call, call_id, who = one["probe"], str(number), USUAL
        before, after = ranks(ledgers, call, now, who)
        if after > before:
            return True
        for ledger in ledgers if after else ():
            named = Call(tool=call.tool, arguments=call.arguments, call_id=call_id)
            facts = ledger.facts(now, **who, approved={call_id})
            decision = evaluate_response(ledger.policy, facts, [named])
            ledger.decided(number, [call_id], decision, now, principal=who["principal"])
            if one["outcome"] == "succeeded":
                ledger.succeeded(call_id, one["output"], now)
            elif one["outcome"] == "failed":
                ledger.failed(call_id)
            ledger.spent(call_id, 15)
    return False


def is_wider(ledgers: list[Ledger], call: Call, now: datetime, who: dict[str, Any]) -> bool:
    before, after = ranks(ledgers, call, now, who)
    return after > before


def ranks(ledgers: list[Ledger], call: Call, now: datetime, who: dict[str, Any]) -> list[int]:
    return [rank(evaluate(ledger.policy, ledger.facts(now, **who), call)) for ledger in ledgers]


def is_told(old: Contract, new: Contract) -> bool:
    return any(change.may_widen for change in diff_contracts(old, new))


def usable(documents: Iterable[Document]) -> list[tuple[Contract, Policy]]:
    """Return the contracts that documents say, each once, with their policies."""
    found: dict[bytes, tuple[Contract, Policy]] = {}
    for document in documents:
        contract = contract_of(document)
        policy = policy_of(contract)
        if contract is not None and policy is not None:
            found[contract_hash(contract)] = (contract, policy)
    return list(found.values())


def test_no_single_change_lets_a_call_pass_anew_without_being_told() -> None:
    """Change `BASE` in each place, and look from it and back to it.

    A third of all ways is looked at, and a twelfth of those said to widen nothing is tried.
    """
    base, *changed = usable([BASE, *itertools.islice(changes(BASE), 0, None, 3)])
    pairs = [pair for one in changed for pair in ((base, one), (one, base))]
    quiet = [(old[1], new[1]) for old, new in pairs if not is_told(old[0], new[0])]
    assert len(pairs) > 500
    assert len(quiet) > 150
    for old, new in quiet[::12]:
        assert not any(passes_more(old, new, history) for history in HISTORIES)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(most=1), documents(least=1), st.lists(STEPS, min_size=1, max_size=6))
def test_no_call_passes_anew_without_a_change_that_may_widen(
    one: Document, other: Document, history: list[dict[str, Any]]
) -> None:
    for old, new in itertools.permutations(usable([one, other]), 2):
        if not is_told(old[0], new[0]):
            assert not passes_more(old[1], new[1], history)
