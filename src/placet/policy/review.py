"""The review projection: every rule as a sentence, for people who say yes or no to it.

People sign this, so it says everything that the contract does: two contracts with one review are
one contract.
"""

from collections.abc import Iterator
from typing import Final, cast

from msgspec import UNSET

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.model import (
    CommitRequirement,
    Contract,
    EvidenceClass,
    Phase,
    Requirement,
    Rule,
    Ruling,
    Same,
    ToolContract,
)
from placet.policy.operators import json_text, operands, says
from placet.policy.paths import parse_path
from placet.policy.projection import COMPILER_VERSION, LIBRARIES
from placet.policy.rulings import (
    checkpoint_of,
    is_start_required,
    phases_of,
    ruling_of,
    target_of,
)

_EVIDENCE: Final = {
    EvidenceClass.LOCAL_TRANSACTION: "a transaction of its own database",
    EvidenceClass.ACK_ONLY: "its answer alone",
    EvidenceClass.UNVERIFIABLE: "nothing",
}
_COMMITS: Final = {
    CommitRequirement.ACKNOWLEDGED: "once its effect is acknowledged",
    CommitRequirement.NONE: "as soon as it is granted",
}


def review_document(contract: Contract) -> dict[str, object]:
    """Return every rule of a contract: where it stands, in which layer it acts, what it says."""
    rules = list(_session_lines(contract))
    for tool in contract.tools:
        rules += (line | {"tool": tool.tool} for line in _tool_lines(contract, tool))
    return {
        "agent": contract.agent,
        "compiler_version": COMPILER_VERSION,
        "libraries": LIBRARIES,
        "rules": rules,
        "schema_version": contract.schema_version,
    }


def schema_hash_of(schema: dict[str, object] | bool) -> str:  # noqa: FBT001 -- true and false are schemas
    """Return the hash of a tool's input schema, in hex."""
    return digest("tool_schema", foreign.encode(cast("Json", schema))).hex()


def _line(rule: str, layer: int | None, text: str) -> dict[str, object]:
    return {"rule": rule, "layer": layer, "says": text}


def _session_lines(contract: Contract) -> Iterator[dict[str, object]]:
    session = contract.session
    text = f"a response with refused calls is handled by `{session.gate}`"
    yield _line("session.gate", None, text)
    text = f"a tool without a contract: {session.unmatched_tools}"
    yield _line("session.unmatched_tools", 3, text)
    for side_effect, ruling in sorted(session.risk_defaults.items()):
        text = f"side effect `{side_effect}`, no decision of its own: {ruling}"
        yield _line(f"session.risk_defaults.{side_effect}", 3, text)
    for index, phase in enumerate(session.phases):
        yield _line(f"session.phases[{index}]", 4, _phase(phase))
    for name, targets in sorted(session.transitions.items()):
        text = f"from `{name}` a session may go to {_names(targets) or 'no other phase'}"
        yield _line(f"session.transitions.{name}", 4, text)


def _phase(phase: Phase) -> str:
    parts = [f"`{phase.name}` is a phase"]
    if phase.initial:
        parts.append("a session begins in it")
    if phase.terminal:
        parts.append("a session that reaches it is closed")
    return ", ".join(parts)


def _tool_lines(contract: Contract, tool: ToolContract) -> Iterator[dict[str, object]]:
    place = f"tools.{tool.tool}"
    ruling, ruling_rule = ruling_of(contract, tool)
    yield _line(ruling_rule, 3, f"side effect `{tool.side_effect}`: {ruling}")
    if tool.server is not UNSET:
        yield _line(f"{place}.server", None, f"it is the tool of the server `{tool.server}`")
    yield from _phase_lines(contract, tool, place)
    for index, other in enumerate(tool.forbidden_after):
        yield _line(f"{place}.forbidden_after[{index}]", 4, f"not after a call of `{other}`")
    for index, requirement in enumerate(tool.requires):
        yield _line(f"{place}.requires[{index}]", 5, _requirement(requirement))
    if tool.input_schema is not UNSET:
        schema = tool.input_schema
        text = f"the arguments fit the schema {schema_hash_of(schema)}: {json_text(schema)}"
        yield _line(f"{place}.input_schema", 6, text)
    for index, rule in enumerate(tool.arguments):
        yield from _rule_lines(rule, f"{place}.arguments[{index}]")
    if tool.effect_key:
        text = f"takes effect once for each value of {_paths(tool.effect_key)}"
        yield _line(f"{place}.effect_key", 8, text)
    yield from _checkpoint_lines(tool, place, ruling)
    yield from _run_lines(tool, place)


def _phase_lines(contract: Contract, tool: ToolContract, place: str) -> Iterator[dict[str, object]]:
    valid_in = phases_of(contract, tool)
    if valid_in is not None:
        why = "" if tool.phases is not UNSET else ", as it names no phases"
        yield _line(f"{place}.phases", 4, f"may be called in {_names(valid_in)}{why}")
    if (target := target_of(tool)) is not None:
        yield _line(f"{place}.phases.advances_to", 4, f"its commit leads to `{target}`")


def _checkpoint_lines(
    tool: ToolContract, place: str, ruling: Ruling
) -> Iterator[dict[str, object]]:
    checkpoint = checkpoint_of(tool, ruling)
    if checkpoint is None:
        return
    people = " and ".join(f"{group.count} `{group.role}`" for group in checkpoint.all_of)
    text = f"{people} must say yes within {checkpoint.expires_seconds} s, or it is a no"
    if checkpoint.reason_required:
        text += "; each must give a reason"
    if tool.checkpoint is UNSET:
        text += " (by default, as it has no checkpoint)"
    yield _line(f"{place}.checkpoint", 11, text)


def _run_lines(tool: ToolContract, place: str) -> Iterator[dict[str, object]]:
    """Yield what holds once a call is granted."""
    must = "is redeemed just" if is_start_required(tool) else "need not be redeemed"
    why = f" (by default for `{tool.side_effect}`)" if tool.start is UNSET else ""
    yield _line(f"{place}.start", None, f"its grant {must} before the tool runs{why}")
    text = f"that a call took effect is known by {_EVIDENCE[tool.evidence_class]}"
    yield _line(f"{place}.evidence_class", None, text)
    text = f"a call counts as committed {_COMMITS[tool.commit_requirement]}"
    yield _line(f"{place}.commit_requirement", None, text)
    text = f"a granted call without a result is unknown after {tool.timeouts.total_ms} ms"
    yield _line(f"{place}.timeouts.total_ms", None, text)
    if tool.redact:
        text = f"no value of {_paths(tool.redact)} is shown in a reason or an event"
        yield _line(f"{place}.redact", None, text)
    if tool.volatile:
        text = f"calls that differ in {_paths(tool.volatile)} alone are alike"
        yield _line(f"{place}.volatile", None, text)


def _rule_lines(rule: Rule, place: str) -> Iterator[dict[str, object]]:
    path = parse_path(rule.path)
    for name, operand in operands(rule):
        yield _line(f"{place}.{name}", 6, says(path, name, operand, is_whole=True))


def _requirement(requirement: Requirement) -> str:
    parts = [f"a committed call of `{requirement.tool}`"]
    parts += (_same(same) for same in requirement.same)
    for rule in requirement.output:
        path = parse_path(rule.path)
        parts += (
            f"whose output has: {says(path, *operand, is_whole=True)}" for operand in operands(rule)
        )
    if requirement.within_seconds is not UNSET:
        parts.append(f"at most {requirement.within_seconds} s ago")
    return ", ".join(parts)


def _same(same: Same) -> str:
    parts = []
    if same.theirs is not UNSET:
        parts.append(f"{_path(same.theirs)} of its arguments")
    if same.theirs_output is not UNSET:
        parts.append(f"{_path(same.theirs_output)} of its output")
    return f"with {' and '.join(parts)} the same as {_path(same.ours)} of this call"


def _path(path: str) -> str:
    return f"`{parse_path(path).text}`"


def _paths(paths: tuple[str, ...]) -> str:
    return ", ".join(map(_path, paths))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
