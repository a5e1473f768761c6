"""Findings about conditions: each can be read, is a truth value, and costs little."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding


def check_conditions(known: Known) -> Iterator[Finding]:
    """Yield what is wrong with the text of each `when`, at the `when` that it stands in."""
    for steps, tool in tools_of(known.contract):
        if tool.when is UNSET:
            continue
        from placet.policy.conditions import check_condition  # noqa: PLC0415 -- only where one is

        for fault in check_condition(tool.when):
            message = (
                f"the condition cannot be used, at its line {fault.line}, column {fault.column}: "
                f"{fault.message}"
            )
            hint = "a condition is one CEL expression that is true or false"
            yield found("bad_condition", (*steps, "when"), message, hint)
