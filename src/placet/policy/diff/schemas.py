"""Input schemas, compared keyword by keyword where that can be told."""

from collections.abc import Iterator
from typing import cast

from placet.kernel.foreign import Json
from placet.policy.diff.change import At, Change, Said, judged, undecided
from placet.policy.diff.schema_form import OpaqueError, Schema, key_of, normal_form, parts_of
from placet.policy.diff.schema_meaning import (
    KEYWORDS,
    Part,
    Prover,
    element_of,
    groups_of,
    member_names,
    member_of,
    prefix_of,
)
from placet.policy.operators import json_text
from placet.policy.paths import Every, path_text
from placet.policy.paths import Part as Step
from placet.policy.text.tree import Steps

LAYER = 6


def schema_changes(
    tool: str, old: tuple[Schema, Steps] | None, new: tuple[Schema, Steps] | None
) -> Iterator[Change]:
    """Yield what changed in what a schema takes; a side without one takes everything."""
    at = At(layer=LAYER, tool=tool)
    before, old_at = old or (True, ())
    after, new_at = new or (True, ())
    if key_of(before) == key_of(after):
        return
    try:
        was, now = normal_form(before), normal_form(after)
    except OpaqueError:
        said = (None if side is None else _whole(side) for side in (old, new))
        yield from undecided(at, *said)
        return
    if old is None or new is None:
        prover = Prover()
        said = (None if side is None else _whole(side) for side in (old, new))
        is_wider, is_narrower = not prover.implies(now, was), not prover.implies(was, now)
        yield from judged(at, *said, is_wider=is_wider, is_narrower=is_narrower)
        return
    yield from _Walk(at).changes((was, old_at), (now, new_at), ())


def _whole(side: tuple[Schema, Steps]) -> Said:
    schema, steps = side
    return Said(steps=steps, value=cast("Json", schema), says="the arguments fit a schema")


class _Walk:
    """Goes through two schemas side by side."""

    def __init__(self, at: At) -> None:
        self._at = at
        self._prover = Prover()

    def changes(
        self,
        old: tuple[Schema, Steps],
        new: tuple[Schema, Steps],
        value: tuple[Step, ...],
        which: str = "",
    ) -> Iterator[Change]:
        """Yield what changed at one place; `value` is where in the arguments it is.

        `which` tells the values apart that share that place.
        """
        what = f"{which}`{path_text(value)}`"
        (before, old_at), (after, new_at) = old, new
        is_wider = not self._prover.implies(after, before)
        is_narrower = not self._prover.implies(before, after)
        if not is_wider and not is_narrower:
            return
        said = (_takes(before, old_at, what), _takes(after, new_at, what))
        if isinstance(before, bool) or isinstance(after, bool):
            yield from judged(self._at, *said, is_wider=is_wider, is_narrower=is_narrower)
            return
        found = False
        for change in self._group_changes((before, old_at), (after, new_at), value):
            found = True
            yield change
        if not found:
            yield from judged(self._at, *said, is_wider=is_wider, is_narrower=is_narrower)

    def _group_changes(
        self, old: tuple[Part, Steps], new: tuple[Part, Steps], value: tuple[Step, ...]
    ) -> Iterator[Change]:
        (before, old_at), (after, new_at) = old, new
        was, now = list(parts_of(before)), list(parts_of(after))
        for group in dict.fromkeys([*groups_of(now[0]), *groups_of(was[0])]):
            if group == "members" and member_names(now[0], was[0]) is not None:
                yield from self._members((was[0], old_at), (now[0], new_at), value)
            elif group == "elements":
                yield from self._elements((was[0], old_at), (now[0], new_at), value)
            else:
                names = KEYWORDS[group][0] if group in KEYWORDS else _unknown(was[0], now[0])
                yield from judged(
                    self._at,
                    _keywords(before, names, old_at, value),
                    _keywords(after, names, new_at, value),
                    is_wider=group in groups_of(was[0])
                    and not self._prover.implies_group(now, was[0], group),
                    is_narrower=group in groups_of(now[0])
                    and not self._prover.implies_group(was, now[0], group),
                )
        yield from judged(
            self._at,
            _keywords(before, ("allOf",), old_at, value),
            _keywords(after, ("allOf",), new_at, value),
            is_wider=not self._covers(now, was[1:]),
            is_narrower=not self._covers(was, now[1:]),
        )

    def _covers(self, parts: list[Part], others: list[Part]) -> bool:
        return all(
            self._prover.implies_group(parts, other, group)
            for other in others
            for group in groups_of(other)
        )

    def _members(
        self, old: tuple[Part, Steps], new: tuple[Part, Steps], value: tuple[Step, ...]
    ) -> Iterator[Change]:
        names = member_names(new[0], old[0]) or []
        for name in (*names, None):
            inner = value if name is None else (*value, name)
            which = "any other member of " if name is None else ""
            yield from self.changes(_member(old, name), _member(new, name), inner, which)

    def _elements(
        self, old: tuple[Part, Steps], new: tuple[Part, Steps], value: tuple[Step, ...]
    ) -> Iterator[Change]:
        length = max(len(prefix_of(old[0])), len(prefix_of(new[0])))
        for index in range(length + 1):
            step: Step = index if index < length else Every.ELEMENT
            yield from self.changes(_element(old, index), _element(new, index), (*value, step))


def _member(side: tuple[Part, Steps], name: str | None) -> tuple[Schema, Steps]:
    part, steps = side
    is_named = name in cast("dict[str, object]", part.get("properties", {}))
    here = ("properties", str(name)) if is_named else ("additionalProperties",)
    return member_of(part, name), (*steps, *here)


def _element(side: tuple[Part, Steps], index: int) -> tuple[Schema, Steps]:
    part, steps = side
    here = ("prefixItems", index) if index < len(prefix_of(part)) else ("items",)
    return element_of(part, index), (*steps, *here)


def _unknown(was: Part, now: Part) -> tuple[str, ...]:
    known = {name for names, _ in KEYWORDS.values() for name in names}
    return tuple(sorted((was.keys() | now.keys()) - known))


def _keywords(
    schema: Schema, names: tuple[str, ...], steps: Steps, value: tuple[Step, ...]
) -> Said | None:
    """Return what a few keywords of a schema say, or None where it has none of them."""
    if isinstance(schema, bool):
        return None
    said = {name: cast("Json", schema[name]) for name in names if name in schema}
    if not said:
        return None
    texts = [f"`{name}` is `{json_text(it)}`" for name, it in said.items()]
    says = f"in the schema of `{path_text(value)}`, {' and '.join(texts)}"
    only = next(iter(said.values())) if len(said) == 1 else said
    return Said(steps=(*steps, next(iter(said))), value=only, says=says)


def _takes(schema: Schema, steps: Steps, what: str) -> Said:
    match schema:
        case True:
            says = f"the schema takes {what} whatever the value"
        case False:
            says = f"the schema does not take {what}"
        case _:
            says = f"the schema takes {what} that fits `{json_text(schema)}`"
    return Said(steps=steps, value=cast("Json", schema), says=says)
