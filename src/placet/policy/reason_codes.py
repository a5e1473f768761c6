"""Every code of a reason: the layers that give it, and what it says."""

from collections.abc import Iterator
from typing import Final

from placet.kernel.value import Value
from placet.policy.decision import Code


class ReasonCode(Value, frozen=True):
    """One code. `layers` is empty where no layer gives it; `says` is one sentence."""

    code: Code
    layers: tuple[int, ...]
    says: str


def _codes(*layers: int, **says: str) -> tuple[ReasonCode, ...]:
    return tuple(ReasonCode(code=Code(code), layers=layers, says=it) for code, it in says.items())


GROUPS: Final[tuple[tuple[str, tuple[ReasonCode, ...]], ...]] = (
    (
        "1 to 3: may this session call this tool at all",
        (
            *_codes(
                1,
                session_killed="The session was killed, by a person or by its circuit breaker.",
                session_compromised="The session is marked as compromised.",
                session_closed="The session is over, or in a terminal phase.",
                session_expired="The session has lasted longer than `max_seconds`.",
                manual_filter="An operator took the tool away from this session.",
            ),
            *_codes(
                1,
                11,
                recovering="The database was restored, and nobody has looked at what was lost.",
            ),
            *_codes(
                2, principal="No rule on principals allows the tool to this one, or one denies it."
            ),
            *_codes(
                3,
                no_contract="The contract does not have the tool, and denies all such tools.",
                denied="The tool is denied, by its `decision` or by its risk default.",
            ),
        ),
    ),
    (
        "4 and 5: is it the time for it",
        (
            *_codes(
                4,
                wrong_phase="The tool is not valid in this phase, or cannot advance from it.",
                forbidden_in_state="A tool of `forbidden_after` was called before.",
            ),
            *_codes(5, precondition_not_met="No committed call meets an entry of `requires`."),
        ),
    ),
    (
        "6 to 8: are these arguments taken",
        (
            *_codes(
                6,
                arguments_malformed="The arguments are no JSON object that reads in one way.",
                schema_violated="The arguments do not fit the tool's input schema.",
            ),
            *_codes(
                6,
                8,
                argument_missing="A rule looks for a value that is not there.",
                argument_wrong_type="A value is not of the type that an operator compares.",
                argument_out_of_bounds=(
                    "A number or a length is beyond a bound, or the whole too long to check."
                ),
                argument_not_allowed="A value is not the one that is wanted, or not one of those.",
            ),
            *_codes(7, condition_not_met="The condition in `when` is anything but true."),
            *_codes(
                8,
                slot_empty="A rule compares with a slot that no committed call has filled.",
                effect_key_missing="A value of the effect key is not there.",
                effect_key_taken="A granted, unknown or committed call has the same effect key.",
            ),
        ),
    ),
    (
        "9 and 10: is it still within what a session may do",
        (
            *_codes(
                9,
                aggregate_missing="The value that an aggregate is over is not there, or unfit.",
                aggregate_exceeded="With this call, an aggregate would be beyond its bound.",
                envelope_missing="The value that an envelope is about is no number.",
                envelope_exceeded="The value is out of proportion to the first committed one.",
                labeled="The session has labels that deny the tool.",
            ),
            *_codes(
                10,
                steps_exhausted="The session has had `max_steps` responses with granted calls.",
                calls_exhausted="The session would have more than `max_tool_calls` calls.",
                tool_calls_exhausted="The tool would be called more often than its limit.",
                cost_exhausted="What is spent and reserved has reached `max_cost_micros`.",
                loop_detected="The same call was made too often among the last ones.",
            ),
        ),
    ),
    (
        "11, and the response as a whole",
        (
            *_codes(11, approval_required="People must say yes first, and have not."),
            *_codes(
                response_refused="Another call of the response is denied, and `gate` rejects all.",
                phase_conflict="Calls of the response lead to different phases.",
                sibling_awaits_approval="The call waits for the approval of another one beside it.",
                evaluation_failed="Something went wrong inside the evaluator, which denies.",
            ),
        ),
    ),
)
"""All codes in the order of the layers."""

REASONS: Final = {one.code: one for _, group in GROUPS for one in group}

_HEAD: Final = """# Reasons

*Made from the codes by `python -m placet.server.docs docs/reference`; do not edit.*

Why a call is not simply allowed. A decision has all failing reasons of the first layer that fails.
`code` is stable and what a program decides by; `rule` is the place in the contract, a tool by its
name (`tools.issue_refund.arguments[0].lte`); `detail` says what is wrong, `needs` what would have
to be true instead. No reason holds a value of the arguments or of an output. The layers are told in
[the contract language](contract.md#the-eleven-layers).
"""


def reasons_page() -> str:
    """Return the reference page of all codes, by layer."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for title, group in GROUPS:
        yield f"\n## {title}\n\n| code | layer | what it says |\n|---|---|---|\n"
        for one in group:
            layers = " or ".join(str(layer) for layer in one.layers) or "none"
            yield f"| `{one.code}` | {layers} | {one.says} |\n"
