"""Findings about `reconcile`: a read that can be asked, and that can answer both ways."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.model import Reconcile, SideEffect, ToolContract
from placet.policy.schemas.paths import SchemaPaths
from placet.policy.text.tree import Steps


def check_reconcile(known: Known) -> Iterator[Finding]:
    """Yield what keeps a call of unknown outcome from being reconciled; paths are told apart."""
    for steps, tool in tools_of(known.contract):
        if tool.reconcile is not UNSET:
            here = (*steps, "reconcile")
            yield from _reader(known, (*here, "tool"), tool.reconcile.tool)
            yield from _answers(here, tool.reconcile)
            if tool.reconcile.tool in known.schemas:
                yield from _arguments(here, tool.reconcile, known)


def _reader(known: Known, here: Steps, name: str) -> Iterator[Finding]:
    reader = known.tools.get(name)
    if reader is None:
        message = f"`{name}` has no contract, so it cannot be asked"
        yield found("reconcile_absent", here, message, "give it a contract, or mend the name")
        return
    if name not in known.callable:
        message = f"`{name}` is denied, so it cannot be asked"
        yield found("reconcile_denied", here, message, "permit it, or name another read")
    if reader.side_effect is not SideEffect.READ:
        message = f"`{name}` is `{reader.side_effect}`, and only a read may be asked"
        yield found("reconcile_not_a_read", here, message, "name a tool with `side_effect: read`")


def _answers(here: Steps, reconcile: Reconcile) -> Iterator[Finding]:
    for key, says in (("succeeded_when", "succeeded"), ("failed_when", "failed")):
        if not getattr(reconcile, key):
            message = f"without `{key}`, nothing says when the call has {says}"
            yield found("reconcile_incomplete", (*here, key), message, f"add `{key}`")


def _arguments(here: Steps, reconcile: Reconcile, known: Known) -> Iterator[Finding]:
    schema = known.schemas[reconcile.tool]
    for name in reconcile.arguments:
        if not schema.leaves((name,)):
            message = f"the schema of `{reconcile.tool}` has no argument `{name}`"
            hint = "mend the name or the schema"
            yield found("reconcile_argument_unknown", (*here, "arguments", name), message, hint)
    for name in _required(known.tools[reconcile.tool], schema):
        if name not in reconcile.arguments:
            message = f"`{reconcile.tool}` requires `{name}`, which is not given"
            hint = f"add `{name}` to `reconcile.arguments`"
            yield found("reconcile_argument_absent", (*here, "arguments"), message, hint)


def _required(tool: ToolContract, schema: SchemaPaths) -> list[str]:
    names = tool.input_schema.get("required") if isinstance(tool.input_schema, dict) else None
    has = names if isinstance(names, list) else []
    return [name for name in has if isinstance(name, str) and schema.leaves((name,))]
