"""Aggregates and envelopes, by their names."""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final, TypeVar, cast

from msgspec import UNSET

from placet.kernel.foreign import Json
from placet.policy.diff.arguments import canonical_path
from placet.policy.diff.change import At, Change, Said, judged, ranked, undecided
from placet.policy.diff.meaning import Atom, Meaning, needed
from placet.policy.model import Aggregate, AggregateOp, AggregateScope, Envelope
from placet.policy.numbers import bound
from placet.policy.operators import json_text
from placet.policy.paths import PathError
from placet.policy.sentences.session import aggregate_says, envelope_says
from placet.policy.text.document import plain
from placet.policy.text.tree import Steps

LAYER: Final = 9
_BOUNDS: Final = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}
_LOWER: Final = ("gt", "gte")
_UPPER: Final = ("lt", "lte")
_REACH: Final = {AggregateScope.SESSION: 0, AggregateScope.AGENT: 1, AggregateScope.TENANT: 2}
"""Scopes of which each holds all calls of those before; a principal's calls are another set."""

_Named = TypeVar("_Named", Aggregate, Envelope)


def aggregate_changes(old: Sequence[Aggregate], new: Sequence[Aggregate]) -> Iterator[Change]:
    """Yield what changed in aggregates: their bounds, and which calls they are over."""
    yield from _by_name(old, new, ("session", "aggregates"), _aggregate_said, _aggregate_changes)


def envelope_changes(old: Sequence[Envelope], new: Sequence[Envelope]) -> Iterator[Change]:
    """Yield what changed in envelopes: their ratios, and which value they are about."""
    yield from _by_name(old, new, ("session", "envelopes"), _envelope_said, _envelope_changes)


def _by_name(
    old: Sequence[_Named],
    new: Sequence[_Named],
    steps: Steps,
    said: Callable[[_Named, Steps], Said],
    changes: Callable[[At, _Named, _Named, Said, Said], Iterator[Change]],
) -> Iterator[Change]:
    was, now = _places(old), _places(new)
    for key, index in now.items():
        after = new[index]
        at = At(layer=LAYER, tool=after.tool)
        here = said(after, (*steps, index))
        if key not in was:
            yield from judged(at, None, here, is_wider=False, is_narrower=True)
        elif (before := old[was[key]]) != after:
            yield from changes(at, before, after, said(before, (*steps, was[key])), here)
    for key, index in was.items():
        if key not in now:
            at = At(layer=LAYER, tool=old[index].tool)
            here = said(old[index], (*steps, index))
            yield from judged(at, here, None, is_wider=True, is_narrower=False)


def _places(of: Sequence[_Named]) -> dict[Hashable, int]:
    """Return where each stands, by its name and how often that came before."""
    names = [one.name for one in of]
    return {(name, names[:index].count(name)): index for index, name in enumerate(names)}


def _aggregate_changes(
    at: At, before: Aggregate, after: Aggregate, old: Said, new: Said
) -> Iterator[Change]:
    if _counted(before) != _counted(after):
        yield from undecided(at, old, new)
        return
    reaches = [_reach(one) for one in (before, after)]
    if reaches[0] != reaches[1]:
        yield from _reach_changes(at, before, after, old, new)
    was, now = (_atoms(one, said.steps) for one, said in ((before, old), (after, new)))
    for names in (_LOWER, _UPPER):
        olds, news = ([atom for atom in atoms if atom.name in names] for atoms in (was, now))
        yield from judged(
            at,
            _bounds_said(before, olds),
            _bounds_said(after, news),
            is_wider=not all(map(Meaning(now).implies, olds)),
            is_narrower=not all(map(Meaning(was).implies, news)),
        )


def _counted(one: Aggregate) -> tuple[str, str, str]:
    """Return what of each call is counted."""
    path = "" if one.path is UNSET else canonical_path(one.path)
    return one.tool, one.op, path


def _reach(one: Aggregate) -> tuple[str, float]:
    return one.scope, math.inf if one.window_seconds is UNSET else one.window_seconds


def _reach_changes(
    at: At, before: Aggregate, after: Aggregate, old: Said, new: Said
) -> Iterator[Change]:
    """Yield a change of the calls that are counted: with more of them, most sums only grow."""
    (was_scope, was_window), (now_scope, now_window) = _reach(before), _reach(after)
    scopes = _REACH.get(AggregateScope(was_scope)), _REACH.get(AggregateScope(now_scope))
    if was_scope != now_scope and None in scopes:
        yield from undecided(at, old, new)
        return
    scope_more = 0 if was_scope == now_scope else cast("int", scopes[1]) - cast("int", scopes[0])
    is_more = now_window > was_window or scope_more > 0
    is_less = now_window < was_window or scope_more < 0
    grows = after.op is not AggregateOp.MIN
    bounded = [name for name in _BOUNDS if getattr(after, name) is not UNSET]
    at_top = any(name in _UPPER for name in bounded)
    at_bottom = any(name in _LOWER for name in bounded)
    hurts, helps = (at_top, at_bottom) if grows else (at_bottom, at_top)
    is_wider = (is_more and helps) or (is_less and hurts)
    is_narrower = (is_more and hurts) or (is_less and helps)
    yield from judged(at, old, new, is_wider=is_wider, is_narrower=is_narrower)


def _atoms(one: Aggregate, steps: Steps) -> list[Atom]:
    atoms = [(name, getattr(one, name)) for name in _BOUNDS]
    return [Atom(name, it, (*steps, name)) for name, it in atoms if it is not UNSET]


def _bounds_said(one: Aggregate, atoms: list[Atom]) -> Said | None:
    atoms = needed(atoms)
    if not atoms:
        return None
    values: dict[str, Json] = {atom.name: cast("Json", atom.operand) for atom in atoms}
    bounds = [f"{_BOUNDS[name]} `{json_text(value)}`" for name, value in values.items()]
    says = f"`{one.name}`, the {one.op} over calls of `{one.tool}`, is {' and '.join(bounds)}"
    return Said(steps=atoms[-1].steps, value=values, says=says)


def _aggregate_said(one: Aggregate, steps: Steps) -> Said:
    return Said(steps=steps, value=cast("Json", plain(one)), says=_safely(aggregate_says, one))


def _envelope_said(one: Envelope, steps: Steps) -> Said:
    return Said(steps=steps, value=cast("Json", plain(one)), says=_safely(envelope_says, one))


def _safely(says: Callable[[_Named], str], one: _Named) -> str:
    try:
        return says(one)
    except PathError:
        return f"`{one.name}` over calls of `{one.tool}`"


def _envelope_changes(
    at: At, before: Envelope, after: Envelope, old: Said, new: Said
) -> Iterator[Change]:
    was, now = ((one.tool, canonical_path(one.path)) for one in (before, after))
    if was != now:
        yield from undecided(at, old, new)
        return
    more = bound(after.within_ratio_of_first) - bound(before.within_ratio_of_first)
    yield from ranked(at, old, new, more=float(more > 0) - float(more < 0))
