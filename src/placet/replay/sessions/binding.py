"""The binding: who holds the lease, as one opaque text that a client carries and never reads."""

import base64
import binascii

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.canonical import canonical
from placet.kernel.refusals import MalformedHeader
from placet.kernel.value import Input

HEADER = "Placet-Binding"


class Binding(Input, frozen=True):
    """A holder and the fence that it writes under."""

    holder: str
    epoch: int
    fence: int

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
