"""Everything that is wrong with a well-formed contract, in one pass."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice

from msgspec import UNSET

from placet.kernel.principal import Environment
from placet.policy.checks.cost import check_costs, check_patterns
from placet.policy.checks.found import found, tools_of
from placet.policy.checks.phases import check_phases
from placet.policy.checks.requires import check_requires
from placet.policy.checks.rules import check_rules
from placet.policy.checks.schemas import check_schemas
from placet.policy.finding import Finding, Severity, Strength
from placet.policy.model import (
    CommitRequirement,
    Contract,
    EvidenceClass,
    Ruling,
    SideEffect,
    Start,
    ToolContract,
)
from placet.policy.rulings import GRAVE, is_permitted
from placet.policy.text.tree import FINDINGS_MAX, Steps

_COSTLY = frozenset({SideEffect.DESTRUCTIVE, SideEffect.FINANCIAL})


def check_contract(
    contract: Contract,
    environment: Environment | None = None,
    strength: Mapping[str, Strength] | None = None,
) -> list[Finding]:
    """Return the findings on a contract, at most `FINDINGS_MAX` of them.

    Without an environment, what depends on it is not looked at. `strength` says how each tool is
    governed; a tool that it does not name is governed cooperatively.
    """
    many = list(check_patterns(contract))
    findings = chain(
        many,
        _session(contract, environment),
        check_phases(contract),
        _names(contract),
        check_requires(contract),
        _tools(contract, environment, strength or {}),
        *([] if many else [check_schemas(contract), check_rules(contract), check_costs(contract)]),
    )
    return list(islice(findings, FINDINGS_MAX))


def stops(findings: list[Finding]) -> bool:
    """Say whether these findings keep a contract from being approved."""
    return any(finding.severity is not Severity.ADVISORY for finding in findings)


def _session(contract: Contract, environment: Environment | None) -> Iterator[Finding]:
    is_open = contract.session.unmatched_tools is Ruling.ALLOW
    if is_open and environment in {Environment.STAGING, Environment.PRODUCTION}:
        message = f"tools without a contract are allowed in {environment}"
        hint = "write `unmatched_tools: deny`"
        here = ("session", "unmatched_tools")
        yield found("unmatched_allowed", here, message, hint, severity=Severity.BLOCKER)


def _names(contract: Contract) -> Iterator[Finding]:
    seen: dict[str, Steps] = {}
    for steps, tool in tools_of(contract):
        if tool.tool in seen:
            message = f"`{tool.tool}` is listed twice"
            hint = "a tool is known by its name alone, whatever its server"
            yield found("tool_twice", (*steps, "tool"), message, hint, related=seen[tool.tool])
        seen.setdefault(tool.tool, (*steps, "tool"))
    for steps, tool in tools_of(contract):
        for index, other in enumerate(tool.forbidden_after):
            if other not in seen:
                here = (*steps, "forbidden_after", index)
                message = f"`{other}` has no contract"
                yield found("unknown_tool", here, message, severity=Severity.ADVISORY)


def _tools(
    contract: Contract, environment: Environment | None, strength: Mapping[str, Strength]
) -> Iterator[Finding]:
    for steps, tool in tools_of(contract):
        yield from _evidence(steps, tool)
        yield from _approval(steps, tool)
        if is_permitted(contract, tool) and tool.side_effect in _COSTLY:
            yield from _ceiling(steps, tool)
            is_loose = strength.get(tool.tool, Strength.COOPERATIVE) is Strength.COOPERATIVE
            if environment is Environment.PRODUCTION and is_loose:
                message = f"`{tool.tool}` is {tool.side_effect} and governed only cooperatively"
                hint = "govern it by a proxy, or let its host verify grants"
                here = (*steps, "side_effect")
                blocker = Severity.BLOCKER
                yield found("cooperative_only", here, message, hint, severity=blocker)


def _evidence(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    is_weak = tool.evidence_class is not EvidenceClass.LOCAL_TRANSACTION
    if is_weak and tool.side_effect in GRAVE:
        message = f"a {tool.side_effect} tool cannot be `{tool.evidence_class}`"
        hint = "its effect must be provable: `local_transaction`"
        yield found("evidence_too_weak", (*steps, "evidence_class"), message, hint)
    is_uncommitted = tool.commit_requirement is CommitRequirement.NONE
    if is_uncommitted and tool.side_effect is not SideEffect.READ:
        message = f"`commit_requirement: none` is only for reads, not for a {tool.side_effect} tool"
        hint = "write `acknowledged`"
        yield found("commit_without_evidence", (*steps, "commit_requirement"), message, hint)


def _approval(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    if tool.checkpoint is not UNSET and tool.decision is Ruling.ALLOW:
        message = "a checkpoint always asks; `decision: allow` contradicts it"
        hint = "take one of them out"
        here = (*steps, "decision")
        yield found("allow_with_checkpoint", here, message, hint, related=(*steps, "checkpoint"))
    if tool.start is Start.OPTIONAL and tool.side_effect in GRAVE:
        message = f"without `start`, a crash of this {tool.side_effect} tool leaves it unknown"
        here = (*steps, "start")
        yield found("start_optional", here, message, severity=Severity.ADVISORY)


def _ceiling(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    has_bound = any(rule.lt is not UNSET or rule.lte is not UNSET for rule in tool.arguments)
    if not has_bound and tool.checkpoint is UNSET:
        message = f"nothing limits how much `{tool.tool}` can do"
        hint = "add an upper bound on an argument, or a checkpoint"
        yield found("no_ceiling", steps, message, hint, severity=Severity.BLOCKER)
