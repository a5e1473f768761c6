"""Controls that were kept outside of what was restored: read from lines of an export."""

import base64
import binascii
from typing import Final
from uuid import UUID

import msgspec

from placet.authority.controls.model import ControlSet
from placet.authority.lifts.model import ControlLifted
from placet.kernel.ids import TenantId
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Value


class _Line(Value, frozen=True):
    """A line of an export; whatever else it holds is passed over."""

    kind: str = ""
    tenant_id: TenantId | None = None
    type: str = ""
    body: msgspec.Raw = msgspec.Raw()


_LINE: Final = msgspec.json.Decoder(_Line)
_SET: Final = msgspec.json.Decoder(ControlSet)
_LIFTED: Final = msgspec.json.Decoder(ControlLifted)


def read_controls(text: bytes) -> dict[TenantId, list[ControlSet]]:
    """Return the controls that the lines leave in force, by tenant, in their order.

    A line of an export tells a `ControlSet` or a `ControlLifted` with its body; the tenant stands
    in the line, or in the head of the export before it. Refuses `malformed_body` with the line.
    """
    tenant: TenantId | None = None
    found: dict[TenantId, dict[UUID, ControlSet]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            read = _LINE.decode(line)
            tenant = read.tenant_id or tenant
            if read.type not in {ControlSet.__name__, ControlLifted.__name__}:
                continue
            body = _body(read.body)
            if tenant is None or body is None:
                raise _malformed(number, "tells of a control of no tenant, or its body was erased")
            held = found.setdefault(tenant, {})
            if read.type == ControlSet.__name__:
                said = _SET.decode(body)
                held[said.control_id] = said
            else:
                held.pop(_LIFTED.decode(body).control_id, None)
        except (msgspec.MsgspecError, binascii.Error) as fault:
            raise _malformed(number, f"cannot be read: {fault}") from fault
    return {tenant: list(held.values()) for tenant, held in found.items()}


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
