"""What an event is found by, and how a search goes on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from placet.audit.search.model import (
    RULES_MAX,
    VALUE_MAX,
    AuditEvent,
    AuditTerm,
    EventFound,
    Field,
    LoggedEvent,
    Place,
    SearchOrder,
    Walked,
)
from placet.events.model import StreamKind
from placet.kernel.ids import TenantId
from placet.kernel.paging import decode_cursor, encode_cursor
from placet.kernel.refusals import MalformedQuery
from placet.kernel.value import Value
from placet.replay.calls.model import Verdict

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEX: Final = frozenset("0123456789abcdef")
_DIGITS: Final = 64
_CONTROLS: Final = frozenset({"ControlSet", "ControlLifted", "ControlLiftAsked"})
_ERASED: Final = "BodiesErased"


class Erased(Value, frozen=True):
    """Which bodies an event says were erased."""

    stream_id: UUID
    from_seq: int
    to_seq: int


def row_of(tenant_id: TenantId, logged: LoggedEvent) -> AuditEvent:
    """Return an event as the index keeps it: what its header says, and what its body names."""
    said = _said(logged)
    agent = said.get(Field.AGENT)
    return AuditEvent(
        tenant_id=tenant_id,
        index=logged.index,
        at=logged.at,
        stream_id=logged.stream_id,
        seq=logged.seq,
        kind=logged.kind,
        event_id=logged.event_id,
        type=logged.type,
        actor_id=logged.actor_id,
        agent=logged.agent,
        agent_named=named(agent) if logged.agent is None else None,
        call_id=_uuid(said.get("call_id")),
        tool=named(said.get(Field.TOOL)),
        verdict=_verdict(said.get(Field.VERDICT)),
        rules=_rules(said.get("reasons")),
        arguments_hash=_hash(said.get("arguments_hash")),
        effect_key=_hash(said.get("effect_key")),
    )


def terms_of(event: AuditEvent) -> list[AuditTerm]:
    """Return everything that an event is found by, each once."""
    return [
        AuditTerm(
            tenant_id=event.tenant_id, field=field, value=value, at=event.at, index=event.index
        )
        for field, value in sorted(set(_terms(event)))
    ]


def erased_by(logged: LoggedEvent) -> Erased | None:
    """Return which bodies an event tells the erasure of, if it is one that does."""
    if (logged.kind, logged.type) != (StreamKind.ERASURES, _ERASED) or logged.body is None:
        return None
    return msgspec.json.decode(logged.body, type=Erased)


def encode_place(place: Place) -> str:
    """Return the cursor that stands for a place."""
    at = (place.at - _EPOCH) // _MICROSECOND
    return encode_cursor([place.order.value, at, place.index, place.size])


def decode_place(cursor: str, order: SearchOrder) -> Place:
    """Return the place behind a cursor. Refuses `malformed_query` for one of another order."""
    match decode_cursor(cursor):
        case [str(word), int(at), int(index), int(size)] if word == order.value:
            try:
                moment = _EPOCH + at * _MICROSECOND
            except OverflowError as fault:
                raise _not_ours() from fault
            if 0 <= index < 2**63 and 0 <= size < 2**63:
                return Place(order=order, at=moment, index=index, size=size)
    raise _not_ours()


def view_of(event: AuditEvent) -> EventFound:
    """Return an event as it is shown."""
    names = EventFound.__struct_fields__
    shown = {name: getattr(event, name) for name in names}
    return EventFound(**shown | {"agent": event.agent or event.agent_named})


def taken(walked: Sequence[Walked], limit: int) -> tuple[list[int], Walked | None]:
    """Return the events that fit, up to `limit`, and the last entry that was looked at for them."""
    found: list[int] = []
    last: Walked | None = None
    for one in walked:
        if len(found) == limit:
            break
        last = one
        if one.fits:
            found.append(one.index)
    return found, last


def named(value: object) -> str | None:
    """Return a name that an event may be found by, or None for anything else."""
    if isinstance(value, str) and 0 < len(value) <= VALUE_MAX and "\x00" not in value:
        return value
    return None


def _terms(event: AuditEvent) -> Iterator[tuple[Field, str]]:
    yield Field.ACTOR, str(event.actor_id)
    yield Field.TYPE, event.type
    agent = event.agent or event.agent_named
    if agent is not None:
        yield Field.AGENT, agent
    if event.tool is not None:
        yield Field.TOOL, event.tool
    if event.verdict is not None:
        yield Field.VERDICT, event.verdict.value
    for rule in event.rules:
        yield Field.RULE, rule
    for fingerprint in (event.arguments_hash, event.effect_key):
        if fingerprint is not None:
            yield Field.FINGERPRINT, fingerprint


def _said(logged: LoggedEvent) -> dict[str, object]:
    """Return the members of a body, or none where it is no document of ours."""
    try:
        said = msgspec.json.decode(logged.body or b"{}", type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    if logged.type in _CONTROLS and logged.kind == StreamKind.CONTROL:
        # A control names whom it reaches by kind and name.
        said = {str(said.get("kind")): said.get("target")} | said
    return said


def _hash(value: object) -> str | None:
    is_hash = isinstance(value, str) and len(value) == _DIGITS and _HEX.issuperset(value)
    return str(value) if is_hash else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _verdict(value: object) -> Verdict | None:
    return Verdict(value) if isinstance(value, str) and value in set(Verdict) else None


def _rules(reasons: object) -> list[str]:
    if not isinstance(reasons, list):
        return []
    rules = [named(one.get("rule")) for one in reasons if isinstance(one, dict)]
    return list(dict.fromkeys(rule for rule in rules if rule is not None))[:RULES_MAX]


def _not_ours() -> MalformedQuery:
    return MalformedQuery(
        detail="the cursor is not one that this service gave for such a search", parameter="cursor"
    )
