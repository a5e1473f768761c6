"""Three contracts into one: what both sides changed, or where they changed it in two ways."""

from typing import cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.paths import MISSING, Selected
from placet.studio.drafts.places import (
    CONTRACT,
    Document,
    Keyed,
    Nameless,
    Operators,
    Shape,
    Steps,
    Whole,
    parts_of,
    place,
    shape_at,
)
from placet.studio.drafts.rules import read_document
from placet.studio.origins.model import RebasePlace


def merge_contracts(
    base: Document, ours: Document, theirs: Document
) -> tuple[Document, list[RebasePlace]]:
    """Return `ours` with what `theirs` changed since `base`, and the places that both changed.

    The contract is meant to be used only where there are no such places. Equal inputs give equal
    results; the order of lists is ours, with theirs behind.
    """
    merging = _Merging()
    merged = cast("Document", merging.value(base, ours, theirs, CONTRACT, ()))
    merged.setdefault("tools", [])
    return merged, sorted(merging.conflicts, key=lambda found: found.place)


def merge_documents(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, list[RebasePlace]]:
    """Return what `merge_contracts` returns, for documents of ours."""
    contracts = [read_document(each) for each in (base, ours, theirs)]
    merged, conflicts = merge_contracts(*contracts)
    return foreign.encode(merged), conflicts


class _Merging:
    def __init__(self) -> None:
        self.conflicts: list[RebasePlace] = []

    def value(
        self, base: Selected, ours: Selected, theirs: Selected, shape: Shape, steps: Steps
    ) -> Selected:
        """Return the merged value of one place."""
        if is_same(ours, theirs) or is_same(base, theirs):
            return ours
        if is_same(base, ours):
            return theirs
        if is_divided(shape, (base, ours, theirs)):
            merged = self.parts(
                [_parts(side, shape) for side in (base, ours, theirs)], shape, steps
            )
            return _composed(merged, (ours, theirs), shape)
        return self.conflict(base, ours, theirs, steps)

    def parts(self, sides: list[Document], shape: Shape, steps: Steps) -> Document:
        """Return the merged parts of a value that has some."""
        if isinstance(shape, Nameless):
            self.replaced_twice(sides, steps)
        ours, theirs = sides[1:]
        merged: Document = {}
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            of_base, of_ours, of_theirs = [side.get(name, MISSING) for side in sides]
            part = self.value(of_base, of_ours, of_theirs, shape_at(shape, name), (*steps, name))
            if part is not MISSING:
                merged[name] = part
        return merged

    def replaced_twice(self, sides: list[Document], steps: Steps) -> None:
        """Tell of rules without a name that both sides replaced by different ones."""
        base, ours, theirs = sides
        gone = [name for name in base if name not in ours and name not in theirs]
        more_ours = [rule for name, rule in ours.items() if name not in base]
        more_theirs = [rule for name, rule in theirs.items() if name not in base]
        if is_same(more_ours, more_theirs) or not more_ours or not more_theirs:
            return
        for name in gone:
            self.conflict(base[name], more_ours, more_theirs, (*steps, name))

    def conflict(self, base: Selected, ours: Selected, theirs: Selected, steps: Steps) -> Selected:
        """Tell of a place that both sides changed, and go on with ours."""
        found = RebasePlace(
            place=place(*steps), base=_text(base), ours=_text(ours), theirs=_text(theirs)
        )
        self.conflicts.append(found)
        return ours


def is_divided(shape: Shape, sides: tuple[Selected, Selected, Selected]) -> bool:
    """Return whether what stands here is compared part by part.

    Where an absent value is no empty one, a tool that one side took out and the other changed is
    a conflict as a whole, and so is one that both added.
    """
    if isinstance(shape, Whole):
        return False
    if isinstance(shape, Keyed) and not shape.is_default:
        return MISSING not in sides
    return True


def is_same(one: Selected, other: Selected) -> bool:
    """Return whether two values are one in canonical JSON."""
    if one is MISSING or other is MISSING:
        return one is other
    return one is other or foreign.encode(one) == foreign.encode(other)


def _parts(side: Selected, shape: Shape) -> Document:
    return {} if side is MISSING else parts_of(side, shape)


def _text(value: Selected) -> str | None:
    return None if value is MISSING else foreign.encode(value).decode()


def _composed(merged: Document, sides: tuple[Selected, Selected], shape: Shape) -> Selected:
    """Return a value of these parts; nothing for none, which is the default then."""
    if not merged:
        return MISSING
    if isinstance(shape, Keyed):
        return merged
    if not isinstance(shape, Operators):
        return list(merged.values())
    grouped: list[Json] = []
    for path, operators in merged.items():
        grouped += _rules_on(path, cast("Document", operators), sides)
    return grouped


def _rules_on(path: str, operators: Document, sides: tuple[Selected, Selected]) -> list[Json]:
    """Return the rules on a path with these operators, as one side groups them if it does."""
    for side in sides:
        rules = [] if side is MISSING else cast("list[Document]", side)
        on_path = cast("list[Json]", [rule for rule in rules if rule["path"] == path])
        if on_path and is_same(parts_of(on_path, Operators())[path], operators):
            return on_path
    grouped: dict[str, Document] = {}
    for name, operand in operators.items():
        operator, _, number = name.partition("#")
        grouped.setdefault(number, {"path": path})[operator] = operand
    return list(grouped.values())
