"""Everything that is wrong with a well-formed contract, in one pass."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice

from placet.kernel.principal import Environment
from placet.policy.checks.aggregates import check_aggregates
from placet.policy.checks.conditions import check_conditions
from placet.policy.checks.cost import check_condition_texts, check_costs, check_patterns
from placet.policy.checks.found import found
from placet.policy.checks.known import known_of
from placet.policy.checks.limits import check_limits
from placet.policy.checks.names import check_names
from placet.policy.checks.paths import check_paths
from placet.policy.checks.phases import check_phases
from placet.policy.checks.principals import check_principals
from placet.policy.checks.reach import reach_of
from placet.policy.checks.reading import trees_of
from placet.policy.checks.reconcile import check_reconcile
from placet.policy.checks.requires import check_requires
from placet.policy.checks.rules import check_rules
from placet.policy.checks.schemas import check_schemas
from placet.policy.checks.slots import check_slots
from placet.policy.checks.tools import check_tools
from placet.policy.finding import Finding, Severity, Strength
from placet.policy.model import Contract, Ruling
from placet.policy.schemas.cost import Cost
from placet.policy.text.tree import FINDINGS_MAX, Steps


def check_contract(
    contract: Contract,
    environment: Environment | None = None,
    strength: Mapping[str, Strength] | None = None,
) -> list[Finding]:
    """Return the findings on a contract, at most `FINDINGS_MAX` of them.

    Without an environment, what depends on it is not looked at. `strength` says how each tool is
    governed; a tool that it does not name is governed cooperatively.
    """
    known = known_of(contract)
    patterns = list(check_patterns(contract))
    texts = list(check_condition_texts(contract))
    trees = {} if texts else trees_of(contract)
    reach = reach_of(known, trees)
    schemas: dict[Steps, Cost] = {}
    of_schemas = list(check_schemas(known, schemas, with_patterns=not patterns))
    bounded = known.without_schemas(_named_in(contract, of_schemas))
    findings = chain(
        patterns,
        texts,
        _unmatched(contract, environment),
        check_names(known),
        check_phases(known),
        check_requires(known, reach),
        check_slots(known, reach),
        check_principals(known),
        check_limits(known),
        check_aggregates(bounded),
        check_tools(known, environment, strength or {}),
        check_reconcile(known),
        check_paths(known),
        check_rules(bounded, with_patterns=not patterns),
        of_schemas,
        [] if texts else check_conditions(known, reach, trees),
        [] if patterns or texts else check_costs(known, schemas),
    )
    return list(islice(findings, FINDINGS_MAX))


def stops(findings: list[Finding]) -> bool:
    """Say whether these findings keep a contract from being approved."""
    return any(finding.severity is not Severity.ADVISORY for finding in findings)


def _named_in(contract: Contract, findings: list[Finding]) -> frozenset[str]:
    """Return the tools that findings stand at."""
    places = {finding.path.partition("]")[0] for finding in findings}
    tools = enumerate(contract.tools)
    return frozenset(tool.tool for at, tool in tools if f"$.tools[{at}" in places)


def _unmatched(contract: Contract, environment: Environment | None) -> Iterator[Finding]:
    is_open = contract.session.unmatched_tools is Ruling.ALLOW
    if is_open and environment in {Environment.STAGING, Environment.PRODUCTION}:
        message = f"tools without a contract are allowed in `{environment}`"
        here = ("session", "unmatched_tools")
        yield found("unmatched_allowed", here, message, "write `unmatched_tools: deny`")
