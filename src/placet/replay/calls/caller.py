"""From a request's key and binding to who calls a hot function."""

from typing import Final
from uuid import UUID

from placet.evidence.fields import Fence
from placet.kernel.refusals import MalformedHeader
from placet.replay.calls.writes import Caller
from placet.replay.sessions.binding import HEADER, Binding, decode_binding
from placet.tenancy.model import ParsedKey

_NO_BINDING: Final = Binding(holder="", epoch=0, fence=0)


def caller_from(key: ParsedKey, session_id: UUID, header: str | None, *, must: bool) -> Caller:
    """Return who calls, as the header `Placet-Binding` names holder and fence.

    Without one it is nobody's lease. Refuses `malformed_header` for a header that is none of ours,
    and, where one `must` be there, for its absence.
    """
    if header is None and must:
        raise MalformedHeader(
            detail=f"this route needs the header `{HEADER}` of your lease", header=HEADER
        )
    binding = _NO_BINDING if header is None else decode_binding(header)
    return Caller(
        key=key,
        session_id=session_id,
        holder=binding.holder,
        fence=Fence(epoch=binding.epoch, n=binding.fence),
    )
