"""What is searched for, what is found, and how both are kept."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX
from placet.kernel.refusals import MalformedQuery
from placet.kernel.value import Input, Value
from placet.replay.calls.model import Verdict

VALUE_MAX: Final = 200
"""Characters of what an event is found by; what is longer is no name, and is left out."""

RULES_MAX: Final = 64
"""Rules of one event that it is found by."""

WALKED_MAX: Final = 5_000
"""Entries of the index that one page walks."""

INDEX_AUDIT: Final = "index_audit"
"""The work that is due when a log has grown."""

INDEX_FORM: Final = 1
"""Raised when the index comes to hold something else: it is then made anew."""

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=VALUE_MAX)]


class Field(StrEnum):
    """What an event is found by."""

    ACTOR = "actor"
    AGENT = "agent"
    TOOL = "tool"
    VERDICT = "verdict"
    RULE = "rule"
    FINGERPRINT = "fingerprint"
    TYPE = "type"


BODY_FIELDS: Final = frozenset({Field.TOOL, Field.VERDICT, Field.RULE, Field.FINGERPRINT})
"""What is known from a body alone, and goes with it; an agent may be."""


class SearchOrder(StrEnum):
    """Which end of time comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class AuditEvent(Value, frozen=True):
    """One event of the log, and what its body named. `kind` is that of its stream.

    `agent_named` is the agent that the body names where no session or workspace does.
    """

    tenant_id: TenantId
    index: int
    at: datetime
    stream_id: UUID
    seq: int
    kind: str
    event_id: UUID
    type: str
    actor_id: UUID
    agent: str | None
    agent_named: str | None
    call_id: UUID | None
    tool: str | None
    verdict: Verdict | None
    rules: list[str]
    arguments_hash: str | None
    effect_key: str | None


class AuditTerm(Value, frozen=True):
    """That an event of the log is found by a value."""

    tenant_id: TenantId
    field: Field
    value: str
    at: datetime
    index: int


class AuditProgress(Value, frozen=True):
    """How many entries of the log the index holds, and in which form."""

    tenant_id: TenantId
    form: int
    indexed_through: int


class LoggedEvent(Value, frozen=True):
    """An entry of the log with its event; `body` is None where it was erased, or is very large."""

    index: int
    stream_id: UUID
    seq: int
    kind: str
    event_id: UUID
    type: str
    actor_id: UUID
    at: datetime
    agent: str | None
    body: bytes | None


class AuditFilter(Value, frozen=True):
    """What a search asks for; what is null is not asked. From `since` on, and before `until`."""

    actor: UUID | None = None
    agent: str | None = None
    tool: str | None = None
    verdict: Verdict | None = None
    rule: str | None = None
    fingerprint: HexDigest | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def terms(self) -> list[tuple[Field, str]]:
        """Return what an event must be found by, all of it."""
        named = [(field, getattr(self, field.value)) for field in Field]
        return [(field, str(value)) for field, value in named if value is not None]


class _Asked(Input, frozen=True, rename={"since": "from", "until": "to"}):
    """The filters as parameters; all that are given must fit."""

    actor: UUID | None = None
    agent: _Word | None = None
    tool: _Word | None = None
    verdict: Verdict | None = None
    rule: _Word | None = None
    fingerprint: HexDigest | None = None
    type: _Word | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    order: SearchOrder = SearchOrder.NEWEST

    def filter(self) -> AuditFilter:
        """Return what is asked for. Refuses `malformed_query` for a time beyond the calendar."""
        names = AuditFilter.__struct_fields__
        asked = {name: getattr(self, name) for name in names}
        times = {"since": _in_utc(self.since, "from"), "until": _in_utc(self.until, "to")}
        return AuditFilter(**asked | times)


def _in_utc(at: datetime | None, parameter: str) -> datetime | None:
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError as fault:
        raise MalformedQuery(detail="there is no such time", parameter=parameter) from fault


class SearchQuery(_Asked, frozen=True, rename={"since": "from", "until": "to"}):
    """A search: the filters, which end of time comes first, how much, and from where on."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


class ExportQuery(_Asked, frozen=True, rename={"since": "from", "until": "to"}):
    """A search that is taken away as a whole."""


class Place(Value, frozen=True):
    """Where a search stands: in which order, the last event seen, and what it began on.

    `size` is how many entries the index held when the search began: later ones are not shown.
    """

    order: SearchOrder
    at: datetime
    index: int
    size: int


class Walk(Value, frozen=True):
    """A look at the index: the filters, the one to be walked first, from where on and how far."""

    asked: AuditFilter
    terms: list[tuple[Field, str]]
    order: SearchOrder
    size: int
    place: Place | None
    limit: int


class Walked(Value, frozen=True):
    """An entry of the index that a search came by, and whether every filter fits it."""

    at: datetime
    index: int
    fits: bool


class EventFound(Value, frozen=True):
    """One event that was found. `index` is its place in the tenant's log; hashes are hex."""

    index: int
    at: datetime
    stream_id: UUID
    seq: int
    kind: str
    event_id: UUID
    type: str
    actor_id: UUID
    agent: str | None
    call_id: UUID | None
    tool: str | None
    verdict: Verdict | None
    rules: list[str]
    arguments_hash: str | None
    effect_key: str | None


class EventsFound(Value, frozen=True):
    """A page of a search, over the first `indexed_through` of the `log_size` entries of the log.

    With a `next_cursor` there may be more, even where this page holds few or none.
    """

    items: list[EventFound]
    next_cursor: str | None
    indexed_through: int
    log_size: int


class AuditExported(Value, frozen=True):
    """Event: somebody took what a search finds away, over so many entries of the log."""

    export_id: UUID
    filter: AuditFilter
    indexed_through: int


class ExportHead(Value, frozen=True, tag_field="kind", tag="placet.search.v1"):
    """The first line of an export: what was asked for, and of how much of the log."""

    export_id: UUID
    tenant_id: UUID
    filter: AuditFilter
    order: SearchOrder
    exported_at: datetime
    indexed_through: int
    log_size: int


class ExportLine(Value, frozen=True, tag_field="kind", tag="event"):
    """One event of an export, as a search shows it."""

    event: EventFound


class ExportEnd(Value, frozen=True, tag_field="kind", tag="manifest"):
    """The last line: how many events, and plain SHA-256 of every byte before this line."""

    events: int
    sha256: HexDigest
