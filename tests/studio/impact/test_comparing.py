"""What a preview counts is what anybody counts who holds the same calls to the same contracts."""

import copy
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tests.replay.desk import CONTRACT
from tests.studio.impact.made_up import UNTIL, made_call, made_sessions
from tests.studio.traffic import capped, changed

from placet.cli.policy.simulate import command
from placet.kernel.foreign import Json
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract
from placet.replay.calls.model import CallStatus, ExecutionState, ReceiptStatus, Verdict
from placet.replay.recordings.model import RecordedCall, Recording
from placet.studio.impact import comparing
from placet.studio.impact.model import ImpactReport, MissingFact
from placet.studio.impact.report import Tally

SESSIONS = 12
CALLS = 40


def policy(document: dict[str, Any]) -> Policy:
    found = read_contract(document)
    assert isinstance(found, Contract), found
    return load_policy(compile_contract(found).runtime)


def report(before: Policy, after: Policy, found: Iterable[Recording]) -> ImpactReport:
    tally = Tally({})
    sessions = calls = 0
    for one in found:
        then = comparing.judge(before, one, lambda: None)
        now = comparing.judge(after, one, lambda: None)
        for call, left, right in comparing.compared(then, now, one):
            tally.add(call, left, right)
            calls += 1
        sessions += 1
    return tally.report(sessions=sessions, calls=calls, is_truncated=False, unrecorded=[])


def recounted(
    before: dict[str, Any], after: dict[str, Any], found: Iterable[Recording], folder: Path
) -> Counter[tuple[str, str]]:
    """Count every pair of verdicts by the command, one session at a time, judged or not."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in found:
        calls = folder / "calls.jsonl"
        calls.write_text("".join(json.dumps(line) + "\n" for line in told(one)))
        verdicts = []
        for name, document in (("before", before), ("after", after)):
            contract = folder / f"{name}.json"
            contract.write_text(json.dumps(document))
            done = CliRunner().invoke(command, ["--calls", str(calls), str(contract), "--json"])
            assert done.exit_code == 0, done.output
            lines = [json.loads(line) for line in done.stdout.splitlines()][:-1]
            verdicts.append({line["call"]: line for line in lines})
        for call_id, left in verdicts[0].items():
            right = verdicts[1][call_id]
            if not {"unjudged"} & (left.keys() | right.keys()):
                pairs[left["verdict"], right["verdict"]] += 1
    return pairs


def told(recording: Recording) -> list[dict[str, Any]]:
    """Tell a recording in the form of the command, by no code of ours: one line a happening."""
    moments: list[tuple[Any, int, dict[str, Any]]] = []
    for call in recording.calls:
        text = (call.arguments or b"").decode()
        function = {"name": call.tool_name, "arguments": text}
        proposed = {"tool_calls": [{"id": str(call.call_id), "function": function}]}
        moments.append((call.proposed_at, 0, proposed))
        if call.verdict is Verdict.ASK:
            approved = {"tool_calls": [], "approved": [str(call.call_id)]}
            moments.append((call.granted_at, 0, approved))
        if (ended := _ended(call)) is not None:
            at, happened = ended
            moments.append((at, 1, {"tool_calls": []} | happened))
    moments.sort(key=lambda moment: moment[:2])
    return [{"at": at.isoformat(), **line} for at, _, line in moments]


def _ended(call: RecordedCall) -> tuple[Any, dict[str, Any]] | None:
    name = str(call.call_id)
    output = None if call.output is None else json.loads(call.output)
    if call.execution_state is ExecutionState.SUCCEEDED:
        return call.settled_at, {"outputs": {name: output}}
    if call.execution_state is ExecutionState.FAILED:
        return call.settled_at, {"failed": [name]}
    if call.status is CallStatus.ABANDONED:
        return call.grant_expires_at, {"failed": [name]}
    if call.status is CallStatus.SHADOWED and call.told is ReceiptStatus.SUCCEEDED:
        return call.told_at, {"outputs": {name: output}}
    return None


def partial(document: dict[str, Any]) -> dict[str, Any]:
    """Return a contract in which only what is read of outputs decides nothing."""
    free = copy.deepcopy(document)
    (refund,) = [one for one in free["tools"] if one["tool"] == "issue_refund"]
    del refund["requires"][0]["output"]
    return free


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CONTRACT, capped(20_000)),
        (capped(20_000), CONTRACT),
        (CONTRACT, changed("issue_refund", forbidden_after=None, effect_key=None)),
        (CONTRACT, changed("note", decision="deny")),
        (changed("issue_refund", decision="ask"), changed("note", decision="ask")),
    ],
    ids=["narrower", "wider", "fewer rules", "no notes", "asks"],
)
def test_flips_are_those_of_a_recount_by_the_command(
    before: dict[str, Any], after: dict[str, Any], tmp_path: Path
) -> None:
    before, after = partial(before), partial(after)
    found = list(made_sessions(SESSIONS, CALLS))
    made = report(policy(before), policy(after), found)
    pairs = recounted(before, after, found, tmp_path)
    flips = {(one.before.value, one.after.value): one.calls for one in made.flips}
    assert flips == {pair: calls for pair, calls in pairs.items() if pair[0] != pair[1]}
    assert sum(flips.values()) > 5
    assert made.same == sum(calls for pair, calls in pairs.items() if pair[0] == pair[1])
    unjudged = sum(one.calls for one in made.unjudged)
    assert made.same + sum(flips.values()) + unjudged == made.calls == SESSIONS * CALLS


def test_every_flip_counts_its_tools_and_shows_the_first_few() -> None:
    found = list(made_sessions(SESSIONS, CALLS))
    made = report(policy(CONTRACT), policy(capped(10)), found)
    (flip,) = made.flips
    assert [one.tool for one in flip.tools] == ["issue_refund"]
    assert flip.tools[0].calls == flip.calls > 3
    assert len(flip.examples) == 3
    assert all(one.before.verdict != one.after.verdict for one in flip.examples)


def test_the_same_contract_flips_nothing() -> None:
    made = report(policy(CONTRACT), policy(CONTRACT), made_sessions(SESSIONS, CALLS))
    assert made.flips == []
    assert made.before == made.after


def judged(document: dict[str, Any], *calls: RecordedCall) -> list[tuple[str, MissingFact | None]]:
    recording = Recording(session_id=calls[0].session_id, until=UNTIL, calls=list(calls))
    found = comparing.judge(policy(document), recording, lambda: None)
    return [(one.verdict.value, one.missing) for one in found.values()]


def test_arguments_that_were_too_long_to_be_read_are_not_judged() -> None:
    call = replace(made_call(1), arguments=None)
    assert judged(CONTRACT, call) == [("deny", MissingFact.ARGUMENTS)]
    assert judged(CONTRACT, replace(call, arguments=b"")) == [("deny", None)]


def test_a_rule_about_people_is_not_judged_without_any() -> None:
    document = copy.deepcopy(CONTRACT)
    document["session"]["principals"] = [
        {"effect": "allow", "tools": ["*"], "where": {"department": "support"}}
    ]
    assert judged(document, made_call(1)) == [("deny", MissingFact.PRINCIPAL)]
    asked = changed("note", when="principal.senior == true")
    assert judged(asked, made_call(1)) == [("deny", MissingFact.PRINCIPAL)]


def test_an_outcome_after_the_end_of_the_window_is_not_known() -> None:
    early = made_call(
        1, "lookup_order", {"order_id": "ord_aaaaaaaa"}, output={"status": "delivered"}
    )
    refund = made_call(2, "issue_refund", {"order_id": "ord_aaaaaaaa", "amount_cents": 5}, at=5)
    assert judged(CONTRACT, early, refund)[1] == ("allow", None)
    late = made_call(
        1,
        "lookup_order",
        {"order_id": "ord_aaaaaaaa"},
        output={"status": "delivered"},
        settled=30 * 86_400,
    )
    assert judged(CONTRACT, late, refund)[1] == ("deny", None)


def test_only_a_call_before_it_leaves_a_denial_unjudged_for_want_of_its_output() -> None:
    order: dict[str, Json] = {"order_id": "ord_aaaaaaaa"}
    refund = made_call(2, "issue_refund", {**order, "amount_cents": 5}, at=5)
    document = changed("issue_refund", phases=None)
    before = made_call(1, "lookup_order", order)
    assert judged(document, before, refund)[1] == ("deny", MissingFact.OUTPUT)
    after = made_call(3, "lookup_order", order, at=6)
    assert judged(document, refund, after)[0] == ("deny", None)
