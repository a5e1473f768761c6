"""The binding: who holds the lease, as one opaque text that a client carries and never reads."""

import base64
import binascii
from typing import Annotated, Final

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.canonical import canonical
from placet.kernel.refusals import MalformedHeader
from placet.kernel.value import Input

HEADER = "Placet-Binding"
_COUNTER_MAX: Final = 2**63 - 1


class Binding(Input, frozen=True):
    """A holder and the fence that it writes under."""

    holder: Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*$")]
    epoch: Annotated[int, msgspec.Meta(ge=0, le=_COUNTER_MAX)]
    fence: Annotated[int, msgspec.Meta(ge=0, le=_COUNTER_MAX)]

    @property
    def pair(self) -> Fence:
        """Return the fence as a pair."""
        return Fence(epoch=self.epoch, n=self.fence)


_DECODER = msgspec.json.Decoder(Binding)


def encode_binding(holder: str, epoch: int, fence: int) -> str:
    """Return the text that stands for a holder and its fence."""
    raw = canonical(Binding(holder=holder, epoch=epoch, fence=fence))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_binding(text: str) -> Binding:
    """Return the binding that a header holds. Refuses `malformed_header` for anything else."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return _DECODER.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError) as fault:
        raise MalformedHeader(
            detail="the binding is not one that this service gave", header=HEADER
        ) from fault
