"""What was kept outside of what was restored and stops something: read from lines of an export."""

import base64
import binascii
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from placet.authority.controls.model import ControlSet
from placet.authority.issuers.model import IssuerRevoked
from placet.authority.key_changes.model import ServerKeyRevoked
from placet.authority.lifts.model import ControlLifted
from placet.authority.model import PersonKeyRevoked
from placet.authority.tool_hosts.model import ToolHostRevoked
from placet.events.model import StreamKind, tenant_stream
from placet.kernel.ids import TenantId
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Value
from placet.replay.sessions.model import SessionStopped
from placet.replay.standing.model import StandingRevoked
from placet.tenancy.model import ActorDisabled, ApiKeyRevoked

STOPPED: Final = "stopped"
"""Why an activation of break-glass is over that somebody ended; others end by themselves."""

ENDS: Final = {
    IssuerRevoked.__name__: ("issuer_id",),
    ServerKeyRevoked.__name__: ("key_id",),
    PersonKeyRevoked.__name__: ("key_id",),
    ToolHostRevoked.__name__: ("host_id",),
    StandingRevoked.__name__: ("standing_id",),
    ActorDisabled.__name__: ("actor_id",),
    ApiKeyRevoked.__name__: ("key_id",),
}
"""What ends authority for good and is put in force again, and the fields that say what ended."""

BY_PEOPLE: Final = {
    "ApproverRemoved": ("workspace_id", "actor_id"),
    "BreakGlassEnded": ("activation_id",),
    "WorkspaceArchived": (),
}
"""What ends authority, too, and is repeated by people alone; a workspace is its stream."""

_AUTHORITY: Final = (StreamKind.AUTHORITY,)

TOLD_IN: Final = {
    ControlSet.__name__: (StreamKind.CONTROL,),
    ControlLifted.__name__: (StreamKind.CONTROL,),
    SessionStopped.__name__: (StreamKind.SESSION,),
    IssuerRevoked.__name__: _AUTHORITY,
    ServerKeyRevoked.__name__: _AUTHORITY,
    PersonKeyRevoked.__name__: _AUTHORITY,
    ToolHostRevoked.__name__: _AUTHORITY,
    StandingRevoked.__name__: _AUTHORITY,
    ActorDisabled.__name__: (StreamKind.TENANCY, StreamKind.AUTHORITY),
    ApiKeyRevoked.__name__: (StreamKind.TENANCY,),
    "ApproverRemoved": _AUTHORITY,
    "BreakGlassEnded": (StreamKind.AUTHORITY, StreamKind.WORKSPACE),
    "WorkspaceArchived": (StreamKind.WORKSPACE,),
}
"""Every type that is read, and the kinds of streams that tell of it; in others it says nothing."""

_MANY: Final = frozenset({StreamKind.SESSION, StreamKind.WORKSPACE})
"""Kinds of which a tenant has many streams; of the others it has one, whose id is derived."""


class End(NamedTuple):
    """An end of authority: the type of the event that told of it, and what ended."""

    type: str
    target: str


class Told(NamedTuple):
    """Why something ended, and where the event stood that told of it, as far as the line says."""

    why: str
    event_id: UUID | None
    place: tuple[UUID, int] | None


@dataclasses.dataclass(slots=True)
class Outside:
    """What the lines say of one tenant.

    `controls` are those that are left in force, by id, `stopped` why a session was stopped, by
    session, `ends` what ended otherwise, and `by_people` what people alone can end again.
    """

    controls: dict[UUID, ControlSet] = dataclasses.field(default_factory=dict)
    stopped: dict[UUID, str] = dataclasses.field(default_factory=dict)
    ends: dict[End, Told] = dataclasses.field(default_factory=dict)
    by_people: dict[End, Told] = dataclasses.field(default_factory=dict)


class _Head(Value, frozen=True):
    """A stream of an export, as its first line names it."""

    stream_id: UUID
    kind: str


class _Line(Value, frozen=True):
    """A line of an export; whatever else it holds is passed over."""

    kind: str = ""
    tenant_id: TenantId | None = None
    stream_id: UUID | None = None
    seq: int | None = None
    event_id: UUID | None = None
    type: str = ""
    body: msgspec.Raw = msgspec.Raw()
    streams: list[_Head] | None = None


class _Body(Value, frozen=True):
    """What any of these events may say of what ended, and why."""

    key_id: str = ""
    reason: str | None = None
    issuer_id: UUID | None = None
    host_id: UUID | None = None
    standing_id: UUID | None = None
    actor_id: UUID | None = None
    workspace_id: UUID | None = None
    activation_id: UUID | None = None
    why: str | None = None


_LINE: Final = msgspec.json.Decoder(_Line)
_SET: Final = msgspec.json.Decoder(ControlSet)
_LIFTED: Final = msgspec.json.Decoder(ControlLifted)
_STOPPED: Final = msgspec.json.Decoder(SessionStopped)
_BODY: Final = msgspec.json.Decoder(_Body)
_SESSION: Final = SessionStopped.__name__


def read_outside(lines: Iterable[bytes]) -> dict[TenantId, Outside]:
    """Return what the lines leave in force, by tenant, in their order. Holds one line at a time.

    A line of an export tells its event with the body and its stream; the tenant stands in the line,
    or in the head of the export before it. What stands in a stream that does not tell of such
    events, as in a run, is passed over unread. Refuses `malformed_body` with the line.
    """
    tenant: TenantId | None = None
    kinds: Mapping[UUID, str] = {}
    found: dict[TenantId, Outside] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read = _LINE.decode(line)
            tenant = read.tenant_id or tenant
            if read.streams is not None:
                kinds = {head.stream_id: head.kind for head in read.streams}
            if read.type not in TOLD_IN:
                continue
            if tenant is None or read.stream_id is None:
                raise _malformed(number, "tells of no tenant, or of no stream")
            if _is_told_in(tenant, read.stream_id, kinds.get(read.stream_id), read.type):
                _take(found.setdefault(tenant, Outside()), read.stream_id, read, number)
        except (msgspec.MsgspecError, binascii.Error) as fault:
            raise _malformed(number, f"cannot be read: {fault}") from fault
    return found


def _is_told_in(tenant: TenantId, stream: UUID, listed: str | None, type_: str) -> bool:
    """Tell whether this stream, of this kind where the head lists it, tells of such events."""
    return any(
        listed in {None, kind} and (kind in _MANY or stream == tenant_stream(tenant, kind))
        for kind in TOLD_IN[type_]
    )


def _take(held: Outside, stream: UUID, line: _Line, number: int) -> None:
    body = _body(line.body)
    if line.type == _SESSION:
        # An erased body takes the reason away, and not that it was stopped.
        why = "its reason was erased" if body is None else _STOPPED.decode(body).reason
        held.stopped[stream] = why
    elif line.type in ENDS or line.type in BY_PEOPLE:
        _take_end(held, stream, line, body, number)
    elif body is None:
        raise _malformed(number, "tells of a control whose body was erased")
    elif line.type == ControlSet.__name__:
        said = _SET.decode(body)
        held.controls[said.control_id] = said
    else:
        held.controls.pop(_LIFTED.decode(body).control_id, None)


def _take_end(held: Outside, stream: UUID, line: _Line, body: bytes | None, number: int) -> None:
    fields = ENDS.get(line.type) or BY_PEOPLE[line.type]
    if fields and body is None:
        raise _malformed(number, "tells of an end whose body was erased")
    said = _Body() if body is None else _BODY.decode(body)
    named = [getattr(said, name) for name in fields] or [stream]
    if not all(named):
        raise _malformed(number, "does not say what ended")
    if line.type == "BreakGlassEnded" and said.why != STOPPED:
        return
    end = End(line.type, " ".join(str(one) for one in named))
    place = None if line.seq is None else (stream, line.seq)
    told = Told(said.reason or "it had ended", line.event_id, place)
    # The first end is the one that counts, and its event the one that may stand here.
    (held.ends if line.type in ENDS else held.by_people).setdefault(end, told)


def _body(raw: msgspec.Raw) -> bytes | None:
    """Return a body's JSON, which an export holds in base64."""
    if bytes(raw) in {b"", b"null"}:
        return None
    if bytes(raw)[:1] == b"{":
        return bytes(raw)
    return base64.b64decode(msgspec.json.decode(bytes(raw), type=str), validate=True)


def _malformed(number: int, what: str) -> MalformedBody:
    return MalformedBody(
        detail=f"line {number} of the controls {what}",
        errors=[{"pointer": f"/{number - 1}", "detail": what}],
    )
