"""The history of a draft, read from its kept commands."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast
from uuid import UUID

import msgspec
from msgspec.structs import replace

from placet.kernel.foreign import Json
from placet.studio.drafts.grounds.model import SourceSpan
from placet.studio.drafts.history.model import Blame, BlamedRule, CommentTold, Settled
from placet.studio.drafts.model import BusinessCommand, CommandType
from placet.studio.drafts.places import (
    CONTRACT,
    Document,
    Shape,
    Steps,
    known_places,
    parts_of,
    place,
    rules_below,
    shape_at,
)
from placet.studio.drafts.replaying import COMMENTS, UNCHANGING, replay
from placet.studio.drafts.rules import read_document

_Unit: TypeAlias = tuple[Steps, Shape, Json]
_Owned: TypeAlias = dict[str, BlamedRule]


def blame_rules(first: bytes, history: Sequence[BusinessCommand]) -> list[BlamedRule]:
    """Return every rule after these commands on `first`, by place, with who set it.

    `first` is the contract of a draft without tools, which nobody set.
    """
    contract = read_document(first)
    owned: dict[Steps, tuple[Json, _Owned]] = {}
    for command in history:
        if command.command_type in UNCHANGING:
            continue
        payload = read_document(command.payload_json)
        contract = replay(contract, payload)
        blame = _blame(command, payload)
        owned = {unit[0]: _owned(unit, owned.get(unit[0]), blame) for unit in _units(contract)}
    found = [rule for _, rules in owned.values() for rule in rules.values()]
    return sorted(found, key=lambda rule: rule.place)


def tell_comments(contract: bytes, history: Sequence[BusinessCommand]) -> list[CommentTold]:
    """Return every comment in a history, the oldest first, against the contract as it stands."""
    present = known_places(read_document(contract))
    told: dict[UUID, CommentTold] = {}
    for command in history:
        if command.command_type not in COMMENTS:
            continue
        payload = read_document(command.payload_json)
        if command.command_type is CommandType.COMMENT:
            told[command.command_id] = _comment(command, payload, present)
            continue
        about = UUID(cast("str", payload["command_id"]))
        if about in told:
            told[about] = replace(told[about], settled=_settled(command))
    return list(told.values())


def _units(contract: Document) -> Iterator[_Unit]:
    """Yield the parts of a contract that a replay keeps as they are or replaces as a whole."""
    for name in ("session", "tools"):
        shape = shape_at(CONTRACT, name)
        for part, inner in parts_of(contract.get(name, {}), shape).items():
            yield (name, part), shape_at(shape, part), inner


def _owned(unit: _Unit, before: tuple[Json, _Owned] | None, blame: Blame) -> tuple[Json, _Owned]:
    steps, shape, value = unit
    if before is not None and before[0] is value:
        return before
    known = before[1] if before else {}
    owned = {}
    for at, encoded in rules_below(value, shape, steps):
        now = BlamedRule(place=at, value=encoded.decode(), set_by=blame)
        then = known.get(at, now)
        owned[at] = then if then.value == now.value else now
    return value, owned


def _blame(command: BusinessCommand, payload: Document) -> Blame:
    return Blame(
        draft_id=command.draft_id,
        version=command.version,
        command_id=command.command_id,
        command_type=command.command_type,
        actor_id=command.actor_id,
        applied_at=command.applied_at,
        reason=cast("str | None", payload.get("reason")),
        sources=msgspec.convert(payload.get("sources", []), list[SourceSpan]),
    )


def _comment(command: BusinessCommand, payload: Document, present: set[str]) -> CommentTold:
    target = cast("str | None", payload["target"])
    at = target if target is None or target.startswith("$") else place("tools", target)
    return CommentTold(
        command_id=command.command_id,
        draft_id=command.draft_id,
        version=command.version,
        actor_id=command.actor_id,
        applied_at=command.applied_at,
        text=cast("str", payload["text"]),
        place=at,
        is_present=at is None or at in present,
        settled=None,
    )


def _settled(command: BusinessCommand) -> Settled | None:
    if command.command_type is CommandType.REOPEN_COMMENT:
        return None
    return Settled(
        command_id=command.command_id,
        version=command.version,
        actor_id=command.actor_id,
        applied_at=command.applied_at,
    )
