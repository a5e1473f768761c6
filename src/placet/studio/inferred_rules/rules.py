"""From observed calls and listed tools to proposals, and from an accepted one to a tool."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, cast

import msgspec

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.policy.model import CommitRequirement, EvidenceClass, Ruling, SideEffect
from placet.studio.draft_sources.rules import span_of
from placet.studio.drafts.contract_reading import invalid
from placet.studio.drafts.grounds.model import SourceSpan
from placet.studio.drafts.model import ContractInvalid, SetToolContract
from placet.studio.drafts.places import Document
from placet.studio.drafts.reading import kept_fields
from placet.studio.drafts.rules import read_document
from placet.studio.inferred_rules.model import (
    RULES_MAX,
    SPANS_SHOWN,
    InferredBasis,
    InferredKind,
    InferredRule,
    Proposal,
)
from placet.studio.inferred_rules.observing import Schema, Seen, bounds_of, observe, schema_of
from placet.studio.sources.calls import DeclaredTool, ObservedCall
from placet.studio.sources.model import CountedSource, SourcePart
from placet.studio.sources.rules import source_snapshot_hash

TOOL_CALLS_MIN: Final = 3
ARGUMENT_CALLS_MIN: Final = 10
_UNKNOWN: Final[Document] = {
    "evidence_class": EvidenceClass.ACK_ONLY.value,
    "commit_requirement": CommitRequirement.ACKNOWLEDGED.value,
    "decision": Ruling.ASK.value,
}
"""What a proposed tool has for what cannot be seen in its calls."""


@dataclasses.dataclass
class Material:
    """All that the sources of a draft say of one tool, and the first parts that say it."""

    calls: list[dict[str, Json]] = dataclasses.field(default_factory=list)
    schemas: list[Schema] = dataclasses.field(default_factory=list)
    called_in: list[SourceSpan] = dataclasses.field(default_factory=list)
    listed_in: list[SourceSpan] = dataclasses.field(default_factory=list)

    def spans(self, basis: InferredBasis) -> list[SourceSpan]:
        """Return the parts that show it."""
        return self.listed_in if basis is InferredBasis.DECLARED else self.called_in


class _Hashed(Value, frozen=True):
    """What a proposal's hash covers."""

    kind: InferredKind
    tool: str
    path: str | None
    proposal: str


def first_calls(calls: Iterator[ObservedCall], most: int) -> tuple[list[ObservedCall], bool]:
    """Return the first calls, at most so many, and whether there are more; no others are read."""
    first = list(islice(calls, most))
    return first, next(calls, None) is not None


def gather(
    materials: dict[str, Material],
    source: CountedSource,
    parts: Sequence[SourcePart],
    calls: Iterable[ObservedCall],
    tools: Iterable[DeclaredTool],
) -> None:
    """Add what one source says to what is known of each tool.

    Calls and schemas that hold what no JSON of ours can are left out.
    """
    known = {part.part_id: part for part in parts}
    for call in calls:
        if not _is_holdable(call.arguments):
            continue
        material = materials.setdefault(call.tool, Material())
        material.calls.append(call.arguments)
        if len(material.called_in) < SPANS_SHOWN:
            material.called_in.append(span_of(source, known[call.part_id]))
    for tool in tools:
        if not _is_holdable(tool.schema):
            continue
        material = materials.setdefault(tool.tool, Material())
        material.schemas.append(tool.schema)
        if len(material.listed_in) < SPANS_SHOWN:
            material.listed_in.append(span_of(source, known[tool.part_id]))


def propose(document: bytes, materials: Mapping[str, Material]) -> list[Proposal]:
    """Return what a contract does not say yet, tool by tool, at most `RULES_MAX` proposals."""
    tools = {cast("str", tool["tool"]): tool for tool in _tools(read_document(document))}
    found: list[Proposal] = []
    for name, material in sorted(materials.items()):
        seen = observe(material.calls)
        known = tools.get(name)
        if known is None or "input_schema" not in known:
            found += _schema(name, material, seen, is_known=known is not None)
        if known is not None and len(material.calls) >= ARGUMENT_CALLS_MIN:
            found += _arguments(name, material, seen, known)
    return found[:RULES_MAX]


def hash_rule(proposal: Proposal) -> str:
    """Return the hash by which the same proposal is known again, in hex."""
    hashed = _Hashed(
        kind=proposal.kind,
        tool=proposal.tool,
        path=proposal.path,
        proposal=digest("inferred_proposal", proposal.proposal_json).hex(),
    )
    return digest("inferred_rule", canonical(hashed)).hex()


def accept(
    document: bytes, agent: str, rule: InferredRule, side_effect: SideEffect | None
) -> Document:
    """Return the contract of the tool with what a proposal sets. Refuses `contract_invalid`."""
    before = read_document(document)
    known = next((tool for tool in _tools(before) if tool["tool"] == rule.tool), None)
    _check(rule, known, side_effect)
    proposed = read_document(rule.proposal_json)
    tool: Document = {"tool": rule.tool, **(known or {})}
    if side_effect is not None:
        tool["side_effect"] = side_effect.value
    if rule.kind is InferredKind.ARGUMENT:
        earlier = cast("list[Json]", tool.get("arguments", []))
        proposed = {"arguments": [*earlier, *cast("list[Json]", proposed["arguments"])]}
    raw = msgspec.Raw(foreign.encode({**tool, **proposed}))
    return cast("Document", kept_fields(before, agent, SetToolContract(tool=raw))["tool"])


def check_sources(rule: InferredRule, counted: list[CountedSource]) -> None:
    """Refuse `contract_invalid` for a proposal from other sources than a draft counts now."""
    if rule.source_snapshot_hash != source_snapshot_hash(counted):
        raise _otherwise(message="the draft counts other sources than the proposal comes from")


def _check(rule: InferredRule, known: Document | None, side_effect: SideEffect | None) -> None:
    is_tool = rule.kind is InferredKind.TOOL
    if is_tool and known is not None:
        raise _otherwise(message=f"the draft has the tool `{rule.tool}` already")
    if not is_tool and known is None:
        raise _otherwise(message=f"the draft has no tool `{rule.tool}` any more")
    if known is not None and _is_said(rule, known):
        raise _otherwise(message=f"the draft says that of `{rule.tool}` already, or something else")
    if is_tool is (side_effect is None):
        raise invalid(
            code="side_effect_missing" if is_tool else "side_effect_known",
            path="$.side_effect",
            message=(
                "what the tool does to the world cannot be seen in its calls: say it"
                if is_tool
                else "the draft says already what the tool does to the world"
            ),
        )


def _otherwise(*, message: str) -> ContractInvalid:
    return invalid(code="inferred_otherwise", path="$.inferred_rule_id", message=message)


def _is_said(rule: InferredRule, known: Document) -> bool:
    """Say whether a tool has something already where a proposal would set something."""
    if rule.kind is InferredKind.INPUT_SCHEMA:
        return "input_schema" in known
    return bool(_operators(known) & _operators(read_document(rule.proposal_json)))


def _operators(tool: Document) -> set[tuple[Json, str]]:
    """Return the paths on which a tool has rules, each with the operator of one."""
    rules = cast("list[Document]", tool.get("arguments", []))
    return {(rule["path"], name) for rule in rules for name in rule if name != "path"}


def _schema(name: str, material: Material, seen: Seen, *, is_known: bool) -> Iterator[Proposal]:
    declared = {foreign.encode(schema) for schema in material.schemas}
    if len(declared) == 1:
        basis, schema = InferredBasis.DECLARED, material.schemas[0]
    elif len(material.calls) >= TOOL_CALLS_MIN:
        basis, schema = InferredBasis.OBSERVED, schema_of(seen)
    else:
        return
    kind = InferredKind.INPUT_SCHEMA if is_known else InferredKind.TOOL
    keys: Document = {"input_schema": schema, **({} if is_known else _UNKNOWN)}
    yield from _proposal(kind, name, None, keys, (basis, len(material.calls), material))


def _arguments(name: str, material: Material, seen: Seen, known: Document) -> Iterator[Proposal]:
    said = _operators(known)
    for path, rule, count in bounds_of(seen):
        keys: Document = {"arguments": [rule]}
        if count < ARGUMENT_CALLS_MIN or _operators(keys) & said:
            continue
        basis = InferredBasis.OBSERVED
        yield from _proposal(InferredKind.ARGUMENT, name, path, keys, (basis, count, material))


def _proposal(
    kind: InferredKind,
    tool: str,
    path: str | None,
    keys: Document,
    stems_from: tuple[InferredBasis, int, Material],
) -> Iterator[Proposal]:
    """Yield a proposal, but for one that no JSON of ours can hold."""
    basis, sample_size, material = stems_from
    try:
        encoded = foreign.encode(keys)
    except ForeignJsonError:
        return
    yield Proposal(
        kind=kind,
        tool=tool,
        path=path,
        proposal_json=encoded,
        basis=basis,
        sample_size=sample_size,
        spans=material.spans(basis),
    )


def _is_holdable(value: Json) -> bool:
    try:
        encoded = foreign.encode(value)
        if b"\\u0000" in encoded:
            foreign.parse(encoded)
    except ForeignJsonError:
        return False
    return True


def _tools(document: Document) -> list[Document]:
    return cast("list[Document]", document["tools"])
