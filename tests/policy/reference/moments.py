"""What a session knows and is asked at each line of a file, as the evaluator's own values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.policy.reference.compare import policy_of
from tests.policy.reference.generate import Example
from tests.policy.reference.operators import Doc

from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.ledger import Ledger
from placet.policy.loaded import Policy


@dataclass
class Moment:
    """A contract, what is known, and the calls of one response; good until the next moment."""

    contract: Doc
    policy: Policy
    facts: Facts
    calls: list[Call]


def moments(example: Example) -> Iterator[Moment]:
    """Yield a moment for each line with calls; what is allowed is granted, asks never are.

    Results are folded in when their line comes, those of the line's own calls after it.
    """
    contract, lines = example
    policy = policy_of(contract)
    ledger = Ledger(policy, datetime.fromisoformat(lines[0]["at"]))
    labels: dict[str, str] = {}
    for step, line in enumerate(lines, start=1):
        now, who = datetime.fromisoformat(line["at"]), line.get("principal", {})
        labels |= line.get("labels", {})
        settle(ledger, line, now)
        calls = [call_of(said) for said in line["tool_calls"]]
        approved = frozenset(line.get("approved", []))
        facts = ledger.facts(now, principal=who, labels=dict(labels), approved=approved)
        yield Moment(contract, policy, facts, calls)
        response = evaluate_response(policy, facts, calls)
        ids = [str(call.call_id) for call in calls]
        ledger.decided(step, ids, response, now, principal=who)
        settle(ledger, line, now)


def call_of(said: Doc) -> Call:
    """Return a call as it stands in a line."""
    function = said["function"]
    text = function["arguments"].encode()
    return Call(tool=function["name"], arguments=text, call_id=said["id"])


def settle(ledger: Ledger, line: Doc, now: datetime) -> None:
    """Fold in what a line tells of calls that were granted."""
    for call_id, output in line.get("outputs", {}).items():
        if ledger.is_granted(call_id):
            ledger.succeeded(call_id, json.loads(json.dumps(output)), now)
    for call_id in line.get("failed", []):
        if ledger.is_granted(call_id):
            ledger.failed(call_id)
    for call_id, micros in line.get("cost_micros", {}).items():
        if ledger.is_granted(call_id):
            ledger.spent(call_id, micros)
