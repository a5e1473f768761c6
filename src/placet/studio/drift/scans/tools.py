"""Tools as they are offered now, compared with what was approved."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, cast

from msgspec.structs import replace

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.diff.change import ChangeKind
from placet.policy.diff.schema_form import Schema
from placet.policy.diff.schemas import schema_changes
from placet.studio.drift.model import ToolChange
from placet.studio.drift.scans import offers
from placet.studio.drift.scans.model import ApprovedTool, Difference, SeenTool

COMPARED_MAX: Final = 50
"""Pairs of schemas that one scan compares."""

_LOG: Final = logging.getLogger("placet.drift")


def classify(old: Json, new: Json) -> ToolChange:
    """Return how one input schema of a tool differs from another, by what it takes.

    A schema that is none differs in a way that cannot be told: it is incompatible.
    """
    try:
        kinds = _kinds(old, new)
    except Exception:  # noqa: BLE001 -- what an agent says of one tool keeps no other from being looked at
        _LOG.exception("a schema could not be compared and counts as incompatible")
        return ToolChange.INCOMPATIBLE
    if not kinds:
        return ToolChange.DESCRIPTION_ONLY
    if kinds == {ChangeKind.WIDENED}:
        return ToolChange.WIDENED
    return ToolChange.NARROWED if kinds == {ChangeKind.NARROWED} else ToolChange.INCOMPATIBLE


def _kinds(old: Json, new: Json) -> set[ChangeKind]:
    """Return how one schema differs from another as an offer, and by what it takes.

    A member that is newly named widens, though an open schema took anything in its place before;
    so does another default, as the tool does something else where nothing is given.
    """
    taken = _taken(old, new)
    offered = _taken(offers.closed(old), offers.closed(new))
    if offers.shut_count(old) != offers.shut_count(new):
        offered |= taken
    kinds = offered or taken
    if not kinds and offers.defaults(old) != offers.defaults(new):
        return {ChangeKind.WIDENED}
    return kinds


def _taken(old: Json, new: Json) -> set[ChangeKind]:
    was, now = cast("Schema", old), cast("Schema", new)
    return {change.kind for change in schema_changes("", (was, ()), (now, ()))}


def found_hash(name: str, description_hash: str | None, schema_hash: str | None) -> str:
    """Return, in hex, what tells one version of a tool from the others."""
    whole: list[Json] = [name, description_hash, schema_hash]
    return digest("drift_tool", foreign.encode(whole)).hex()


def new_tools(
    approved: Iterable[str], seen: Sequence[SeenTool], approved_at: datetime
) -> list[SeenTool]:
    """Return tools that nobody knew of at the approval, each in the version that was seen last."""
    known = {*approved, *(tool.name for tool in seen if tool.first_seen_at <= approved_at)}
    latest: dict[str, SeenTool] = {}
    for tool in seen:
        if tool.name not in known:
            before = latest.get(tool.name, tool)
            latest[tool.name] = max(before, tool, key=lambda one: one.last_seen_at)
    return [latest[name] for name in sorted(latest)]


class NotComparedError(Exception):
    """Two schemas were not compared: the time was up, or nothing would come of it."""


class Comparisons:
    """The comparisons of one scan: each pair of schemas once, and as many as there is time for."""

    def __init__(self, is_over: Callable[[], bool], full: AbstractSet[str] = frozenset()) -> None:
        """Begin with none. `is_over` says that no further one may begin: each takes a second.

        Of the tools that are `full` none is made: nothing graver can be said of them than was.
        """
        self._is_over = is_over
        self._full = full
        self._made: dict[tuple[str, str], ToolChange] = {}

    def compare(self, tool: str, old: tuple[str, Json], new: tuple[str, Json]) -> ToolChange:
        """Return how two schemas of a tool differ, each given with its hash.

        Raises `NotComparedError`.
        """
        pair = old[0], new[0]
        if pair not in self._made:
            if tool in self._full or len(self._made) >= COMPARED_MAX or self._is_over():
                raise NotComparedError
            self._made[pair] = classify(old[1], new[1])
        return self._made[pair]


def changed_tools(
    approved: Sequence[ApprovedTool],
    seen: Sequence[SeenTool],
    approved_at: datetime,
    classified: Mapping[str, ToolChange],
    comparisons: Comparisons,
) -> tuple[list[Difference], list[SeenTool]]:
    """Return how versions that were first seen after the approval differ from what was approved.

    With them the versions that were not compared. `classified` are earlier answers by what was
    found; the others are compared of each tool in turn, the one that was seen last first.
    """
    by_name = {tool.name: tool for tool in approved}
    later = [one for one in seen if one.name in by_name and one.first_seen_at > approved_at]
    known = {name: _known(seen, tool, approved_at) for name, tool in by_name.items()}
    found: list[Difference] = []
    left: list[SeenTool] = []
    for version in _in_turn(later):
        change = classified.get(_found(version))
        if change is None:
            try:
                change = _change(by_name[version.name], version, known[version.name], comparisons)
            except NotComparedError:
                left.append(version)
                continue
        if change is not None:
            found.append(
                Difference(
                    tool=version.name,
                    change=change,
                    found=_found(version),
                    seen_at=version.last_seen_at,
                )
            )
    return found, left


def _in_turn(versions: Iterable[SeenTool]) -> list[SeenTool]:
    """Return one version of each tool, then a second one of each: many of one starve no other."""
    turns: dict[str, int] = {}
    placed = []
    for version in sorted(versions, key=lambda one: one.last_seen_at, reverse=True):
        turns[version.name] = turns.get(version.name, 0) + 1
        placed.append((turns[version.name], version))
    return [version for _, version in sorted(placed, key=lambda one: one[0])]


def _known(seen: Sequence[SeenTool], tool: ApprovedTool, approved_at: datetime) -> list[SeenTool]:
    """Return what counts as known at the approval: of what nobody knew then, the first seen later.

    So an agent that is attached after its approval is held to what it offered first.
    """
    own = sorted((it for it in seen if it.name == tool.name), key=_age)
    known = [it for it in own if it.first_seen_at <= approved_at]
    later = [it for it in own if it.first_seen_at > approved_at]
    if tool.schema_hash is None and all(it.schema_hash is None for it in known):
        first = next((it for it in later if it.schema_hash is not None), None)
        known += [] if first is None else [replace(first, description_hash=None)]
    if all(it.description_hash is None for it in known):
        first = next((it for it in later if it.description_hash is not None), None)
        known += [] if first is None else [replace(first, schema_hash=None, schema=None)]
    return known


def _age(version: SeenTool) -> tuple[datetime, str]:
    return version.first_seen_at, _found(version)


def _found(version: SeenTool) -> str:
    return found_hash(version.name, version.description_hash, version.schema_hash)


def _change(
    tool: ApprovedTool, version: SeenTool, known: Sequence[SeenTool], comparisons: Comparisons
) -> ToolChange | None:
    """Return how a version differs, or None for one that was known in all that it says."""
    return _schema_change(tool, version, known, comparisons) or _description_change(version, known)


def _schema_change(
    tool: ApprovedTool, version: SeenTool, known: Sequence[SeenTool], comparisons: Comparisons
) -> ToolChange | None:
    """Compare with the version that was known last, or with the contract where none was."""
    with_schema = [one for one in known if one.schema_hash is not None]
    hashes = {tool.schema_hash, *(one.schema_hash for one in with_schema)}
    if version.schema_hash is None or version.schema_hash in hashes:
        return None
    old: SeenTool | ApprovedTool = max(with_schema, key=lambda one: one.last_seen_at, default=tool)
    if old.schema_hash is None:
        return None
    new = version.schema_hash, version.schema
    return comparisons.compare(tool.name, (old.schema_hash, old.schema), new)


def _description_change(version: SeenTool, known: Sequence[SeenTool]) -> ToolChange | None:
    hashes = {one.description_hash for one in known} - {None}
    if version.description_hash is None or not hashes or version.description_hash in hashes:
        return None
    return ToolChange.DESCRIPTION_ONLY
