"""What several checks need to know of a contract, worked out once."""

import dataclasses

from msgspec import UNSET

from placet.policy.model import Contract, Effect, ToolContract
from placet.policy.rulings import is_permitted
from placet.policy.schemas.paths import SchemaPaths

EVERY_TOOL = "*"


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A contract with what follows from it.

    `tools` has the first of each name, `indexes` where it stands in the list. `permitted` are those
    that are not denied, `callable` those of them that somebody may ever call: not limited to no
    call, nor denied to everybody. `schemas` are by tool, where there is one; `slots` are declared.
    """

    contract: Contract
    tools: dict[str, ToolContract]
    indexes: dict[str, int]
    permitted: frozenset[str]
    callable: frozenset[str]
    schemas: dict[str, SchemaPaths]
    slots: frozenset[str]

    def without_schemas(self, names: frozenset[str]) -> "Known":
        """Return the same without the schemas of some tools, which nothing can be read from."""
        left = {name: it for name, it in self.schemas.items() if name not in names}
        return dataclasses.replace(self, schemas=left)

    def is_denied(self, name: str) -> bool:
        """Say whether a tool has a contract and is denied by it."""
        return name in self.tools and name not in self.permitted


def known_of(contract: Contract) -> Known:
    """Return a contract with what the checks need to know of it."""
    tools: dict[str, ToolContract] = {}
    indexes: dict[str, int] = {}
    for index, tool in enumerate(contract.tools):
        tools.setdefault(tool.tool, tool)
        indexes.setdefault(tool.tool, index)
    permitted = frozenset(name for name, tool in tools.items() if is_permitted(contract, tool))
    return Known(
        contract=contract,
        tools=tools,
        indexes=indexes,
        permitted=permitted,
        callable=permitted - _never_called(contract, permitted),
        schemas={
            name: SchemaPaths(tool.input_schema)
            for name, tool in tools.items()
            if tool.input_schema is not UNSET
        },
        slots=frozenset(binding.slot for binding in contract.session.bindings),
    )


def _never_called(contract: Contract, names: frozenset[str]) -> set[str]:
    """Return the tools that a limit or the rules on principals keep from every call.

    Rules that allow nothing at all are told as such, and not once more by what follows from them.
    """
    rules = contract.session.principals
    limits = contract.session.limits.max_calls_per_tool
    never = {name for name in names if limits.get(name) == 0}
    allowed: set[str] = set()
    for rule in rules:
        if rule.effect is Effect.ALLOW:
            allowed.update(rule.tools)
        elif not rule.where:
            never |= names if EVERY_TOOL in rule.tools else names.intersection(rule.tools)
    if allowed and EVERY_TOOL not in allowed:
        never |= names - allowed
    return never
