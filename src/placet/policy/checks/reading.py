"""What the condition of a tool reads: by name, and which slots it cannot hold without."""

import dataclasses
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Final

from msgspec import UNSET

from placet.policy.cel.cost import VARIABLES, parts
from placet.policy.cel.tree import Call, Literal, Loop, Made, Name, Node, Select, Tree
from placet.policy.model import Contract

_NO_NAMES: Final[frozenset[str]] = frozenset()
_IN: Final = "@in"
_COMPARING: Final = frozenset({"_==_", "_!=_"})


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """A use of something that is given, with the names that lead to it.

    `number` is the part of the condition that it stands in.
    """

    variable: str
    names: tuple[str, ...]
    number: int


def trees_of(contract: Contract) -> Mapping[str, Tree]:
    """Return the condition of each tool that has one which can be used."""
    trees: dict[str, Tree] = {}
    for tool in contract.tools:
        if tool.when is UNSET:
            continue
        from placet.policy import conditions  # noqa: PLC0415 -- only where one is

        if not conditions.check_condition(tool.when):
            trees.setdefault(tool.tool, conditions.condition_tree(tool.when))
    return trees


def uses_of(node: Node) -> Iterator[Use]:
    """Yield what is read under a name that is written out."""
    use = _use(node)
    if use is not None and use.names:
        yield use
        return
    for part in parts(node):
        yield from uses_of(part)


def phases_in(node: Node) -> Iterator[tuple[str, int]]:
    """Yield the texts that `phase` is compared with, each with its part of the condition."""
    match node:
        case Call(function=function, arguments=(Name(name="phase"), Literal(text=str(text)) as it)):
            if function in _COMPARING:
                yield text, it.number
        case Call(function=function, arguments=(Literal(text=str(text)) as it, Name(name="phase"))):
            if function in _COMPARING:
                yield text, it.number
        case Call(function="@in", arguments=(Name(name="phase"), Made(parts=listed))):
            for one in listed:
                if isinstance(one, Literal) and one.text is not None:
                    yield one.text, one.number
    for part in parts(node):
        yield from phases_in(part)


def needed_slots(node: Node, wanted: bool | None = True) -> frozenset[str]:  # noqa: FBT001, FBT002 -- it is a truth value that is wanted
    """Return the slots without which a condition is never `wanted`; null is no error at all.

    A missing slot is an error, which `||` and `&&` pass over where the other side decides, and
    `has` asks without one. What stands in loops is not counted: they may be empty.
    """
    match node:
        case Loop(over=over):
            return needed_slots(over, None)
        case Call(function="!_", arguments=(inner,)):
            return needed_slots(inner, None if wanted is None else not wanted)
        case Call(function="_&&_" | "_||_" as function, arguments=sides):
            needed = [needed_slots(side, wanted) for side in sides]
            is_both = wanted is (function == "_&&_")
            return reduce(frozenset.union if is_both else frozenset.intersection, needed)
        case Call(function="_?_:_", arguments=(test, one, other)):
            either = needed_slots(one, wanted) & needed_slots(other, wanted)
            return needed_slots(test, None) | either
    use = _use(node)
    if use is not None and use.variable == "slots" and use.names:
        is_asked = len(use.names) == 1 and _is_test(node)
        return _NO_NAMES if is_asked and wanted is not True else frozenset(use.names[:1])
    return _NO_NAMES.union(*(needed_slots(part, None) for part in parts(node)))


def _is_test(node: Node) -> bool:
    """Say whether a part asks for what is there, and is no error where it is not."""
    match node:
        case Select(is_test=is_test):
            return is_test
        case Call(function=function):
            return function == _IN
    return False


def _use(node: Node) -> Use | None:
    """Return what a part reads by names alone, or None."""
    match node:
        case Name(name=name) if name in VARIABLES:
            return Use(name, (), node.number)
        case Select(operand=operand, field=field):
            return _below(node, operand, field)
        case Call(function="_[_]", arguments=(operand, Literal(text=str(key)))):
            return _below(node, operand, key)
        case Call(function="@in", arguments=(Literal(text=str(key)), Name() as whole)):
            return _below(node, whole, key)
    return None


def _below(node: Node, operand: Node, name: str) -> Use | None:
    use = _use(operand)
    return None if use is None else Use(use.variable, (*use.names, name), node.number)
