"""What one tool may be called with and when, in two contracts that both have it."""

from collections.abc import Hashable, Iterator
from typing import TypeAlias

from msgspec import UNSET

from placet.policy.diff.arguments import canonical_path, group_changes, groups
from placet.policy.diff.change import At, Change, Said, judged, members, ranked, undecided
from placet.policy.diff.requires import require_changes
from placet.policy.diff.runs import run_changes
from placet.policy.diff.schema_form import Schema
from placet.policy.diff.schemas import schema_changes
from placet.policy.diff.side import Side
from placet.policy.diff.slots import bind_changes
from placet.policy.rulings import phases_of, target_of
from placet.policy.text.tree import Steps

_Members: TypeAlias = dict[Hashable, Said]


def own_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield what changed in the rules of one tool, in the order of the layers."""
    name = new.tool.tool
    yield from _phase_changes(old, new)
    was, now = _forbidden(old), _forbidden(new)
    yield from members(At(layer=4, tool=name), was, now, more_is_wider=False)
    if old.tool.requires != new.tool.requires:
        required = [(side.tool.requires, (*side.steps, "requires")) for side in (old, new)]
        yield from require_changes(name, *required)
    yield from schema_changes(name, _schema(old), _schema(new))
    if old.tool.arguments != new.tool.arguments:
        rules = [groups(side.tool.arguments, (*side.steps, "arguments")) for side in (old, new)]
        yield from group_changes(At(layer=6, tool=name), *rules)
    yield from _condition_changes(old, new)
    yield from _effect_changes(old, new)
    yield from bind_changes(old, new)
    yield from run_changes(old, new)


def _phase_changes(old: Side, new: Side) -> Iterator[Change]:
    at = At(layer=4, tool=new.tool.tool)
    was, now = _valid_in(old), _valid_in(new)
    if was is not None and now is not None:
        yield from members(at, was, now, more_is_wider=True)
    elif was is not now:
        says = f"`{new.tool.tool}` may be called whatever the phase"
        said = [_all_phases(side, says) for side in (old, new)]
        yield from ranked(at, *said, more=1 if now is None else -1)
    if target_of(old.tool) != target_of(new.tool):
        yield from undecided(at, _target(old), _target(new))


def _valid_in(side: Side) -> _Members | None:
    """Return the phases that a tool may be called in, or None in a contract without phases."""
    names = phases_of(side.contract, side.tool)
    if names is None:
        return None
    places: dict[str, Steps] = dict.fromkeys(names, side.steps)
    if side.tool.phases is not UNSET:
        here = (*side.steps, "phases", "valid_in")
        places = {name: (*here, index) for index, name in enumerate(names)}
    return {
        name: Said(
            steps=steps, value=name, says=f"`{side.tool.tool}` may be called in the phase `{name}`"
        )
        for name, steps in places.items()
    }


def _all_phases(side: Side, says: str) -> Said:
    names = phases_of(side.contract, side.tool)
    if names is None:
        return Said(steps=side.steps, value="any", says=says)
    told = ", ".join(f"`{name}`" for name in names)
    says = f"`{side.tool.tool}` may be called in {told}"
    return Said(steps=side.steps, value=list(names), says=says)


def _target(side: Side) -> Said | None:
    target = target_of(side.tool)
    if target is None:
        return None
    says = f"a commit of `{side.tool.tool}` leads to `{target}`"
    return Said(steps=(*side.steps, "phases", "advances_to"), value=target, says=says)


def _forbidden(side: Side) -> _Members:
    here = (*side.steps, "forbidden_after")
    return {
        other: Said(
            steps=(*here, index),
            value=other,
            says=f"`{side.tool.tool}` is denied after a call of `{other}`",
        )
        for index, other in enumerate(side.tool.forbidden_after)
    }


def _schema(side: Side) -> tuple[Schema, Steps] | None:
    if side.tool.input_schema is UNSET:
        return None
    return side.tool.input_schema, (*side.steps, "input_schema")


def _condition_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield a change of the condition: its text tells nothing of what it lets pass."""
    before, after = (_condition(side) for side in (old, new))
    if (before and before.value) != (after and after.value):
        at = At(layer=7, tool=new.tool.tool)
        is_wider, is_narrower = before is not None, after is not None
        yield from judged(at, before, after, is_wider=is_wider, is_narrower=is_narrower)


def _condition(side: Side) -> Said | None:
    if side.tool.when is UNSET:
        return None
    text = side.tool.when
    return Said(steps=(*side.steps, "when"), value=text, says=f"this must be true: {text}")


def _effect_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield a change of the effect key.

    In another order, too, its values have another hash, which no earlier call holds.
    """
    before, after = (_effect(side) for side in (old, new))
    if (before and before.value) != (after and after.value):
        at = At(layer=8, tool=new.tool.tool)
        is_wider, is_narrower = before is not None, after is not None
        yield from judged(at, before, after, is_wider=is_wider, is_narrower=is_narrower)


def _effect(side: Side) -> Said | None:
    paths = [canonical_path(path) for path in side.tool.effect_key]
    if not paths:
        return None
    told = ", ".join(f"`{path}`" for path in paths)
    says = f"`{side.tool.tool}` takes effect once for each value of {told}"
    return Said(steps=(*side.steps, "effect_key"), value=[*paths], says=says)
