"""The places of a contract: names for its rules that survive every change of order.

A place is a path of the language in which the elements of a list are named instead of counted:
`$.tools.issue_refund.arguments['$.amount_cents'].lte`, `$.session.aggregates.refunded_today`,
`$.session.principals['3f2a90c1b7de4455']`. What stands at a place is one rule; a second rule of the
same name in one list has `#2` behind it.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.paths import path_text
from placet.studio.drafts.pieces.model import RULE_ID_CHARACTERS

Document: TypeAlias = dict[str, Json]
Steps: TypeAlias = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Whole:
    """What is one rule, whatever it holds."""


@dataclasses.dataclass(frozen=True)
class Keyed:
    """A mapping: what stands at its keys. `is_default` says whether an absent one is an empty."""

    inner: Mapping[str, "Shape"] = dataclasses.field(default_factory=dict)
    is_default: bool = True


@dataclasses.dataclass(frozen=True)
class Listed:
    """A list of mappings that are told apart by one of their keys."""

    by: str
    item: "Shape" = dataclasses.field(default_factory=Whole)


@dataclasses.dataclass(frozen=True)
class Names:
    """A list of texts without order."""


@dataclasses.dataclass(frozen=True)
class Nameless:
    """A list without order of rules that have no name."""


@dataclasses.dataclass(frozen=True)
class Operators:
    """A list of rules on paths: each operator on a path is a rule of its own."""


Shape = Whole | Keyed | Listed | Names | Nameless | Operators

_SESSION: Final = Keyed(
    {
        "phases": Listed("name"),
        "transitions": Keyed(),
        "limits": Keyed({"max_calls_per_tool": Keyed()}),
        "risk_defaults": Keyed(),
        "principals": Nameless(),
        "bindings": Listed("slot"),
        "aggregates": Listed("name"),
        "envelopes": Listed("name"),
        "labels": Nameless(),
    }
)
_TOOL: Final = Keyed(
    {
        "requires": Listed("tool"),
        "forbidden_after": Names(),
        "arguments": Operators(),
        "binds": Listed("slot"),
        "redact": Names(),
        "volatile": Names(),
    },
    is_default=False,
)
CONTRACT: Final = Keyed({"session": _SESSION, "tools": Listed("tool", _TOOL)})


def rule_id(rule: Json) -> str:
    """Return how a rule without a name is told from the others."""
    return digest("contract_rule", foreign.encode(rule)).hex()[:RULE_ID_CHARACTERS]


def place(*steps: str) -> str:
    """Return the place that these steps lead to."""
    return path_text(steps)


def rules_of(document: Document) -> dict[str, bytes]:
    """Return the rules of a contract by place, each as canonical JSON."""
    return dict(rules_below(document, CONTRACT, ()))


def rules_below(value: Json, shape: Shape, steps: Steps) -> Iterator[tuple[str, bytes]]:
    """Yield the rules of one part of a contract."""
    if isinstance(shape, Whole):
        yield place(*steps), foreign.encode(value)
        return
    for name, part in parts_of(value, shape).items():
        yield from rules_below(part, shape_at(shape, name), (*steps, name))


def shape_at(shape: Shape, name: str) -> Shape:
    """Return the shape of a part."""
    match shape:
        case Keyed(inner):
            return inner.get(name, Whole())
        case Listed(item=item):
            return item
        case Operators():
            return Keyed()
    return Whole()


def parts_of(value: Json, shape: Shape) -> dict[str, Json]:
    """Return the parts of a value by name, in its order."""
    if isinstance(shape, Keyed):
        return cast("Document", value)
    if isinstance(shape, Operators):
        return _operators(cast("list[Document]", value))
    named = _Named()
    for item in cast("list[Json]", value):
        named.add(_name(item, shape), item)
    return named.parts


def known_places(document: Document) -> set[str]:
    """Return every place of a contract, and those of the parts that hold rules."""
    return set(_holders(document, CONTRACT, ()))


def _holders(value: Json, shape: Shape, steps: Steps) -> Iterator[str]:
    yield place(*steps)
    if not isinstance(shape, Whole):
        for name, part in parts_of(value, shape).items():
            yield from _holders(part, shape_at(shape, name), (*steps, name))


def _name(item: Json, shape: Shape) -> str:
    if isinstance(shape, Listed):
        return str(cast("Document", item)[shape.by])
    return rule_id(item) if isinstance(shape, Nameless) else str(item)


def _operators(rules: list[Document]) -> dict[str, Json]:
    paths: dict[str, _Named] = {}
    for rule in rules:
        on_path = paths.setdefault(str(rule["path"]), _Named())
        for operator, operand in rule.items():
            if operator != "path":
                on_path.add(operator, operand)
    return {path: on_path.parts for path, on_path in paths.items()}


class _Named:
    """Parts by name: of several with one name, the second has `#2` behind it."""

    def __init__(self) -> None:
        self.parts: Document = {}
        self._tried: Counter[str] = Counter()

    def add(self, name: str, part: Json) -> None:
        """Take one more, under its name or the first of `name#2`, `name#3`, ... that is free."""
        free = name
        while free in self.parts:
            # Each number is tried once for a name, however many have that name.
            self._tried[name] += 1
            free = f"{name}#{self._tried[name] + 1}"
        self.parts[free] = part
