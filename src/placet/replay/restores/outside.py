"""What was kept outside of what was restored and stops something: read from lines of an export."""

import base64
import binascii
import dataclasses
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from placet.authority.controls.model import ControlSet
from placet.authority.issuers.model import IssuerRevoked
from placet.authority.key_changes.model import ServerKeyRevoked
from placet.authority.lifts.model import ControlLifted
from placet.authority.model import PersonKeyRevoked
from placet.authority.tool_hosts.model import ToolHostRevoked
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


class _Line(Value, frozen=True):
    """A line of an export; whatever else it holds is passed over."""

    kind: str = ""
    tenant_id: TenantId | None = None
    stream_id: UUID | None = None
    seq: int | None = None
    event_id: UUID | None = None
    type: str = ""
    body: msgspec.Raw = msgspec.Raw()


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
_READ: Final = {*ENDS, *BY_PEOPLE, _SESSION, ControlSet.__name__, ControlLifted.__name__}


def read_outside(text: bytes) -> dict[TenantId, Outside]:
    """Return what the lines leave in force, by tenant, in their order.

    A line of an export tells its event with the body; the tenant stands in the line, or in the head
    of the export before it. Refuses `malformed_body` with the line.
    """
    tenant: TenantId | None = None
    found: dict[TenantId, Outside] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            read = _LINE.decode(line)
            tenant = read.tenant_id or tenant
            if read.type not in _READ:
                continue
            if tenant is None:
                raise _malformed(number, "tells of no tenant")
            _take(found.setdefault(tenant, Outside()), read, number)
        except (msgspec.MsgspecError, binascii.Error) as fault:
            raise _malformed(number, f"cannot be read: {fault}") from fault
    return found


def _take(held: Outside, line: _Line, number: int) -> None:
    body = _body(line.body)
    if line.type == _SESSION:
        if line.stream_id is None:
            raise _malformed(number, "tells of no session")
        # An erased body takes the reason away, and not that it was stopped.
        why = "its reason was erased" if body is None else _STOPPED.decode(body).reason
        held.stopped[line.stream_id] = why
    elif line.type in ENDS or line.type in BY_PEOPLE:
        _take_end(held, line, body, number)
    elif body is None:
        raise _malformed(number, "tells of a control whose body was erased")
    elif line.type == ControlSet.__name__:
        said = _SET.decode(body)
        held.controls[said.control_id] = said
    else:
        held.controls.pop(_LIFTED.decode(body).control_id, None)


def _take_end(held: Outside, line: _Line, body: bytes | None, number: int) -> None:
    fields = ENDS.get(line.type) or BY_PEOPLE[line.type]
    if fields and body is None:
        raise _malformed(number, "tells of an end whose body was erased")
    said = _Body() if body is None else _BODY.decode(body)
    named = [getattr(said, name) for name in fields] or [line.stream_id]
    if not all(named):
        raise _malformed(number, "does not say what ended")
    if line.type == "BreakGlassEnded" and said.why != STOPPED:
        return
    end = End(line.type, " ".join(str(one) for one in named))
    place = None if line.stream_id is None or line.seq is None else (line.stream_id, line.seq)
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
