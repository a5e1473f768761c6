"""What was kept outside of what was restored and stops something: read from lines of an export."""

import base64
import binascii
import dataclasses
from collections import Counter
from typing import Final
from uuid import UUID

import msgspec

from placet.authority.controls.model import ControlSet
from placet.authority.lifts.model import ControlLifted
from placet.kernel.ids import TenantId
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Value
from placet.replay.sessions.model import SessionStopped

PASSED_OVER: Final = frozenset(
    {"ServerKeyRevoked", "PersonKeyRevoked", "ToolHostRevoked", "StandingRevoked"}
)
"""What takes authority away too, and is put in force again by people alone."""


@dataclasses.dataclass(slots=True)
class Outside:
    """What the lines say of one tenant.

    `controls` are those that are left in force, by id, `stopped` why a session was stopped, by
    session, and `passed_over` how many lines of a type nobody acts upon.
    """

    controls: dict[UUID, ControlSet] = dataclasses.field(default_factory=dict)
    stopped: dict[UUID, str] = dataclasses.field(default_factory=dict)
    passed_over: Counter[str] = dataclasses.field(default_factory=Counter)


class _Line(Value, frozen=True):
    """A line of an export; whatever else it holds is passed over."""

    kind: str = ""
    tenant_id: TenantId | None = None
    stream_id: UUID | None = None
    type: str = ""
    body: msgspec.Raw = msgspec.Raw()


_LINE: Final = msgspec.json.Decoder(_Line)
_SET: Final = msgspec.json.Decoder(ControlSet)
_LIFTED: Final = msgspec.json.Decoder(ControlLifted)
_STOPPED: Final = msgspec.json.Decoder(SessionStopped)
_READ: Final = PASSED_OVER | {one.__name__ for one in (ControlSet, ControlLifted, SessionStopped)}


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
    if line.type in PASSED_OVER:
        held.passed_over[line.type] += 1
        return
    body = _body(line.body)
    if line.type == SessionStopped.__name__:
        if line.stream_id is None:
            raise _malformed(number, "tells of no session")
        # An erased body takes the reason away, and not that it was stopped.
        why = "its reason was erased" if body is None else _STOPPED.decode(body).reason
        held.stopped[line.stream_id] = why
        return
    if body is None:
        raise _malformed(number, "tells of a control whose body was erased")
    if line.type == ControlSet.__name__:
        said = _SET.decode(body)
        held.controls[said.control_id] = said
    else:
        held.controls.pop(_LIFTED.decode(body).control_id, None)


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
