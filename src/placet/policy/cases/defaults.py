"""What a case has of its own, and what it has from the table's defaults."""

from typing import Final

from msgspec import UNSET

from placet.policy.cases.model import Case, GivenCall, Situation

KINDS: Final = ("call", "calls", "narrow", "rule")


def kind_of(case: Case, given: GivenCall) -> str:
    """Return which of `KINDS` a case is; one that says nothing is about the default call."""
    kinds = [kind for kind in KINDS if getattr(case, kind) is not UNSET]
    return kinds[0] if kinds or given.tool is UNSET else "call"


def call_of(case: Case, given: GivenCall) -> GivenCall:
    """Return the call of a case, with what the default call has and it does not say itself.

    Arguments that are mappings are merged key by key; another tool takes nothing from the default.
    Raises `KeyError` for a key in `without` that is not there.
    """
    call = GivenCall() if case.call is UNSET else case.call
    if call.tool not in {UNSET, given.tool}:
        given = GivenCall()
    arguments = given.arguments if call.arguments is UNSET else call.arguments
    if isinstance(arguments, dict) and isinstance(given.arguments, dict):
        arguments = given.arguments | arguments
    if call.without:
        kept = dict(arguments) if isinstance(arguments, dict) else {}
        for key in call.without:
            del kept[key]
        arguments = kept
    return GivenCall(
        tool=given.tool if call.tool is UNSET else call.tool,
        arguments=arguments,
        approved=given.approved if call.approved is UNSET else call.approved,
    )


def situation_of(case: Case, given: Situation) -> Situation:
    """Return the facts of a case, with the default's where it does not say its own."""
    own = {name: getattr(case.facts, name) for name in Situation.__struct_fields__}
    return Situation(
        **{name: getattr(given, name) if value is UNSET else value for name, value in own.items()}
    )
