"""What the kept commands of a lineage leave standing beside the contract."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, cast
from uuid import UUID

import msgspec

from placet.kernel.foreign import Json
from placet.kernel.ids import ActorId
from placet.kernel.value import Value
from placet.studio.drafts.model import BusinessCommand, CommandType, DraftId
from placet.studio.drafts.rules import read_document
from placet.studio.sources.model import CountedSource

STANDING: Final = (
    CommandType.ADD_SOURCE,
    CommandType.RETIRE_SOURCE,
    CommandType.RESOLVE_JUDGMENT,
    CommandType.REOPEN_JUDGMENT,
    CommandType.ACCEPT_INFERRED_RULE,
    CommandType.REJECT_INFERRED_RULE,
)
"""The commands that leave something here."""


class Said(Value, frozen=True):
    """The command that something rests on. `reason` is null where none was given."""

    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    actor_id: ActorId
    applied_at: datetime
    reason: str | None


class ListedSource(Value, frozen=True):
    """A source that a draft counts, and the command that added it."""

    source: CountedSource
    added: Said


class Standing(Value, frozen=True):
    """The sources that a draft counts, by id; the answers to judgments and to inferred rules.

    `answers` are by judgment id, `rulings` by the hash of the proposed rule.
    """

    sources: dict[UUID, ListedSource]
    answers: dict[str, Said]
    rulings: dict[str, Said]

    def counted(self) -> list[CountedSource]:
        """Return the sources as they count in `source_snapshot_hash`."""
        return [listed.source for listed in self.sources.values()]


def standing_of(commands: Iterable[BusinessCommand]) -> Standing:
    """Return what these commands leave standing, in their order; others leave nothing."""
    standing = Standing(sources={}, answers={}, rulings={})
    for command in commands:
        if command.command_type in STANDING:
            payload = read_document(command.payload_json)
            _take(standing, command.command_type, payload, _said(command, payload))
    return standing


def _take(standing: Standing, kind: CommandType, payload: dict[str, Json], said: Said) -> None:
    match kind:
        case CommandType.ADD_SOURCE:
            source = msgspec.convert(payload["source"], CountedSource)
            standing.sources[source.source_id] = ListedSource(source=source, added=said)
        case CommandType.RETIRE_SOURCE:
            del standing.sources[UUID(cast("str", payload["source_id"]))]
        case CommandType.RESOLVE_JUDGMENT:
            standing.answers[cast("str", payload["judgment_id"])] = said
        case CommandType.REOPEN_JUDGMENT:
            del standing.answers[cast("str", payload["judgment_id"])]
        case _:
            standing.rulings[cast("str", payload["rule_hash"])] = said


def _said(command: BusinessCommand, payload: dict[str, Json]) -> Said:
    return Said(
        draft_id=command.draft_id,
        version=command.version,
        command_id=command.command_id,
        command_type=command.command_type,
        actor_id=command.actor_id,
        applied_at=command.applied_at,
        reason=cast("str | None", payload.get("reason")),
    )
