"""What holds for the calls of one tool, as sentences."""

from collections.abc import Iterator
from typing import Final, cast

from msgspec import UNSET

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.model import (
    Bind,
    BoundFrom,
    Cancel,
    Checkpoint,
    CommitRequirement,
    Contract,
    EvidenceClass,
    Reconcile,
    ToolContract,
)
from placet.policy.operators import json_text
from placet.policy.rulings import (
    checkpoint_of,
    is_start_required,
    phases_of,
    ruling_of,
    target_of,
)
from placet.policy.sentences.line import Line, names, path, paths, texts
from placet.policy.sentences.rules import requirement_says, rule_lines

_EVIDENCE: Final = {
    EvidenceClass.LOCAL_TRANSACTION: "a transaction of its own database",
    EvidenceClass.ACK_ONLY: "its answer alone",
    EvidenceClass.UNVERIFIABLE: "nothing",
}
_COMMITS: Final = {
    CommitRequirement.ACKNOWLEDGED: "once its effect is acknowledged",
    CommitRequirement.NONE: "as soon as it is granted",
}
_CANCELS: Final = {
    Cancel.NEVER: "a call that has begun is never cancelled",
    Cancel.SAFE: "a call that has begun may be cancelled",
}
_TELLS: Final = {
    "succeeded_when": "the call took effect if, in that output, ",
    "failed_when": "the call had no effect if, in that output, ",
}
_FROM: Final = {BoundFrom.ARGUMENTS: "its arguments", BoundFrom.OUTPUT: "its output"}


def schema_hash_of(schema: dict[str, object] | bool) -> str:  # noqa: FBT001 -- true and false are schemas
    """Return the hash of a tool's input schema, in hex."""
    return digest("tool_schema", foreign.encode(cast("Json", schema))).hex()


def tool_lines(contract: Contract, tool: ToolContract) -> Iterator[Line]:
    """Yield a line for each rule of a tool, in the order of the layers. Raises `PathError`."""
    place = f"tools.{tool.tool}"

    def line(rule: str, layer: int | None, says: str) -> Line:
        return Line(rule=f"{place}.{rule}", layer=layer, says=says, tool=tool.tool)

    ruling, rule = ruling_of(contract, tool)
    says = f"side effect `{tool.side_effect}`: {ruling}"
    yield Line(rule=rule, layer=3, says=says, tool=tool.tool)
    if tool.server is not UNSET:
        yield line("server", None, f"it is the tool of the server `{tool.server}`")
    valid_in = phases_of(contract, tool)
    if valid_in is not None:
        why = "" if tool.phases is not UNSET else ", as it names no phases"
        yield line("phases", 4, f"may be called in {names(valid_in)}{why}")
    if (target := target_of(tool)) is not None:
        yield line("phases.advances_to", 4, f"its commit leads to `{target}`")
    for index, other in enumerate(tool.forbidden_after):
        yield line(f"forbidden_after[{index}]", 4, f"not after a call of `{other}`")
    for index, requirement in enumerate(tool.requires):
        yield line(f"requires[{index}]", 5, requirement_says(requirement))
    yield from _argument_lines(tool, place)
    if (checkpoint := checkpoint_of(tool, ruling)) is not None:
        why = " (by default, as it has no checkpoint)" if tool.checkpoint is UNSET else ""
        yield line("checkpoint", 11, f"{checkpoint_says(checkpoint)}{why}")
    yield from _run_lines(tool, place)


def checkpoint_says(checkpoint: Checkpoint) -> str:
    """Return who must say yes, and until when."""
    people = " and ".join(f"{group.count} `{group.role}`" for group in checkpoint.all_of)
    text = f"{people} must say yes within {checkpoint.expires_seconds} s, or it is a no"
    return f"{text}; each must give a reason" if checkpoint.reason_required else text


def _argument_lines(tool: ToolContract, place: str) -> Iterator[Line]:
    """Yield what is wanted of the arguments."""
    name = tool.tool
    if tool.input_schema is not UNSET:
        schema = tool.input_schema
        says = f"the arguments fit the schema {schema_hash_of(schema)}: {json_text(schema)}"
        yield Line(rule=f"{place}.input_schema", layer=6, says=says, tool=name)
    for index, rule in enumerate(tool.arguments):
        yield from rule_lines(rule, f"{place}.arguments[{index}]", 6, name)
    if tool.when is not UNSET:
        says = f"this is true: {tool.when}"
        yield Line(rule=f"{place}.when", layer=7, says=says, tool=name)
    if tool.effect_key:
        says = f"takes effect once for each value of {paths(tool.effect_key)}"
        yield Line(rule=f"{place}.effect_key", layer=8, says=says, tool=name)


def _run_lines(tool: ToolContract, place: str) -> Iterator[Line]:
    """Yield what holds once a call is granted."""

    def line(rule: str, says: str) -> Line:
        return Line(rule=f"{place}.{rule}", layer=None, says=says, tool=tool.tool)

    must = "is redeemed just" if is_start_required(tool) else "need not be redeemed"
    why = f" (by default for `{tool.side_effect}`)" if tool.start is UNSET else ""
    yield line("start", f"its grant {must} before the tool runs{why}")
    evidence = _EVIDENCE[tool.evidence_class]
    yield line("evidence_class", f"that a call took effect is known by {evidence}")
    commits = _COMMITS[tool.commit_requirement]
    yield line("commit_requirement", f"a call counts as committed {commits}")
    for index, bind in enumerate(tool.binds):
        yield line(f"binds[{index}]", bind_says(bind))
    total = tool.timeouts.total_ms
    yield line("timeouts.total_ms", f"a granted call without a result is unknown after {total} ms")
    yield line("retries.max_attempts", f"is tried at most {tool.retries.max_attempts} times")
    if tool.retries.retry_on:
        yield line("retries.retry_on", f"is tried again after {names(tool.retries.retry_on)}")
    yield line("cancel", _CANCELS[tool.cancel])
    if tool.reconcile is not UNSET:
        yield from _reconcile_lines(tool.reconcile, f"{place}.reconcile", tool.tool)
    if tool.redact:
        yield line("redact", f"no value of {paths(tool.redact)} is shown in a reason or an event")
    if tool.volatile:
        yield line("volatile", f"calls that differ in {paths(tool.volatile)} alone are alike")


def bind_says(bind: Bind) -> str:
    """Return which value goes into which slot. Raises `PathError`."""
    return f"its commit puts {path(bind.path)} of {_FROM[bind.source]} into the slot `{bind.slot}`"


def _reconcile_lines(reconcile: Reconcile, place: str, tool: str) -> Iterator[Line]:
    says = f"what became of a call whose outcome is unknown is told by `{reconcile.tool}`"
    if reconcile.arguments:
        given = {name: f"{path(of)} of the call" for name, of in reconcile.arguments.items()}
        says += f", whose argument {texts(given)}"
    yield Line(rule=place, layer=None, says=says, tool=tool)
    for group, subject in _TELLS.items():
        for index, rule in enumerate(getattr(reconcile, group)):
            yield from rule_lines(rule, f"{place}.{group}[{index}]", None, tool, subject)
