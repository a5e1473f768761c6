"""Findings about paths: each is one of the language, and one that the tool's schema has."""

import dataclasses
from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found, short, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.model import BoundFrom, Reconcile, Requirement, ToolContract
from placet.policy.operators import operands, references
from placet.policy.paths import PathError, parse_path
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class _PathAt:
    """A path of the contract and where it stands.

    `tool` is the one whose arguments it reads, or null for an output. `one` says what would read
    one value here, where `[*]` is not taken. `is_absent` where nothing may stand at the path.
    """

    steps: Steps
    text: str
    tool: str | None = None
    one: str = ""
    is_absent: bool = False


def check_paths(known: Known) -> Iterator[Finding]:
    """Yield every path that cannot be read, or that reads nothing."""
    for at in _session(known):
        yield from _path(known, at)
    for steps, tool in tools_of(known.contract):
        for at in _tool(steps, tool):
            yield from _path(known, at)


def _session(known: Known) -> Iterator[_PathAt]:
    session = known.contract.session
    for index, aggregate in enumerate(session.aggregates):
        if aggregate.path is not UNSET:
            steps = ("session", "aggregates", index, "path")
            yield _PathAt(steps, aggregate.path, aggregate.tool, "an aggregate")
    for index, envelope in enumerate(session.envelopes):
        steps = ("session", "envelopes", index, "path")
        yield _PathAt(steps, envelope.path, envelope.tool, "an envelope")


def _tool(steps: Steps, tool: ToolContract) -> Iterator[_PathAt]:
    name = tool.tool
    for index, rule in enumerate(tool.arguments):
        is_absent = (*operands(rule), *references(rule)) == (("exists", False),)
        at = (*steps, "arguments", index, "path")
        yield _PathAt(at, rule.path, name, is_absent=is_absent)
    for key in ("effect_key", "redact", "volatile"):
        texts: tuple[str, ...] = getattr(tool, key)
        for index, text in enumerate(texts):
            yield _PathAt((*steps, key, index), text, name)
    for index, bind in enumerate(tool.binds):
        read = name if bind.source is BoundFrom.ARGUMENTS else None
        yield _PathAt((*steps, "binds", index, "path"), bind.path, read, "a slot")
    for index, requirement in enumerate(tool.requires):
        yield from _requirement((*steps, "requires", index), name, requirement)
    if tool.reconcile is not UNSET:
        yield from _reconcile((*steps, "reconcile"), name, tool.reconcile)


def _requirement(steps: Steps, name: str, requirement: Requirement) -> Iterator[_PathAt]:
    for index, rule in enumerate(requirement.output):
        yield _PathAt((*steps, "output", index, "path"), rule.path)
    for index, same in enumerate(requirement.same):
        at = (*steps, "same", index)
        yield _PathAt((*at, "ours"), same.ours, name, "`same`")
        if same.theirs is not UNSET:
            yield _PathAt((*at, "theirs"), same.theirs, requirement.tool, "`same`")
        if same.theirs_output is not UNSET:
            yield _PathAt((*at, "theirs_output"), same.theirs_output, None, "`same`")


def _reconcile(steps: Steps, name: str, reconcile: Reconcile) -> Iterator[_PathAt]:
    for argument, text in reconcile.arguments.items():
        yield _PathAt((*steps, "arguments", argument), text, name, "an argument")
    for key in ("succeeded_when", "failed_when"):
        for index, rule in enumerate(getattr(reconcile, key)):
            yield _PathAt((*steps, key, index, "path"), rule.path)


def _path(known: Known, at: _PathAt) -> Iterator[Finding]:
    try:
        path = parse_path(at.text)
    except PathError as fault:
        hint = "write `$`, then any of `.name`, `['any text']`, `[0]`, `[*]`"
        yield found("bad_path", at.steps, f"`{short(at.text)}` is no path: {fault}", hint)
        return
    if path.is_many and at.one:
        message = f"`[*]` names many values, and {at.one} takes one"
        yield found("path_many", at.steps, message, "name one element, such as `[0]`")
    schema = None if at.tool is None else known.schemas.get(at.tool)
    if schema is None or (at.is_absent and schema.may_have(path.parts)):
        return
    if not schema.leaves(path.parts):
        message = f"the schema of `{at.tool}` has no `{path.text}`"
        yield found("path_not_in_schema", at.steps, message, "mend the path or the schema")
