"""What a run of the oracle came by, counted: an example that meets nothing compares nothing."""

from collections import Counter

from tests.policy.reference.history import events, has
from tests.policy.reference.operators import Doc
from tests.policy.reference.oracle import Simulation

GATES = ("reject_all", "strip_partial", "strip_blocked")
EXPECTED = (
    *(f"layer {layer}" for layer in (*range(1, 12), None)),
    *(f"refusal under {gate}" for gate in GATES),
    *(f"grant under {gate}" for gate in GATES),
    *("session_killed", "session_closed", "session_expired"),
    *("steps_exhausted", "calls_exhausted", "tool_calls_exhausted", "cost_exhausted"),
    *("loop_detected", "effect_key_taken", "effect_key_missing", "arguments_malformed"),
    *("wrong_phase", "forbidden_in_state", "phase_conflict", "response_refused"),
    *("aggregate_missing", "aggregate lte", "aggregate lt", "aggregate gt", "aggregate gte"),
    *("envelope", "labeled", "schema", "no_contract", "denied"),
    *("killed by consecutive_blocks", "killed by consecutive_errors"),
    *("claim granted", "claim refused", "expired", "held and granted", "held and refused"),
    *("ignored receipt", "commit", "settled failure", "phase moved", "unjudged"),
    *(f"unjudged in layer {layer}" for layer in (4, 5, 7, 8)),
)


def met(run: Simulation, printed: list[Doc]) -> Counter[str]:
    """Count what a finished run met, call by call."""
    found: Counter[str] = Counter()
    lines = events(run.history, "line")
    gate = run.contract.get("session", {}).get("gate", GATES[0])
    for call in run.calls.values():
        is_granted = has(run.history, "granted", call)
        found[f"layer {call.layer}"] += 1
        found[f"{'grant' if is_granted else 'refusal'} under {gate}"] += 1
        found.update(set(call.reasons))
        if has(run.history, "approved", call):
            found["claim granted" if is_granted else "claim refused"] += 1
        if call.unjudged:
            found.update(("unjudged", f"unjudged in layer {call.layer}"))
        if call.verdict == "allow" and "sibling_awaits_approval" in call.reasons:
            found["held and refused"] += 1
    for one in events(run.history, "expired", "killed", "committed", "failed", "granted"):
        names = {"killed": f"killed by {one.data}", "committed": "commit"}
        names |= {"failed": "settled failure", "granted": "grant"}
        found[names.get(one.what, one.what)] += 1
        if one.what == "granted" and one.call.verdict == "allow":
            found["held and granted"] += one.at > lines[one.call.line - 1].at
    found["ignored receipt"] += run.ignored
    found["phase moved"] += sum(row["phase"] != row["phase_after"] for row in printed[:-1])
    return found
