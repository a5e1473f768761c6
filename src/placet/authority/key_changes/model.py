"""What is due with a key of ours, and what a tenant is told when one ends."""

import dataclasses
from datetime import datetime
from enum import StrEnum

from placet.authority.model import KeyPurpose
from placet.evidence.fields import HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value


class ServerKeyEndTold(Value, frozen=True):
    """That a tenant's stream tells of a key's end; its log had `log_size` entries then."""

    tenant_id: TenantId
    key_id: HexDigest
    log_size: int
    told_at: datetime


class ServerKeyRevoked(Value, frozen=True):
    """Event: a key of ours signs no more; what it signed counts below that place in the log."""

    key_id: HexDigest
    purpose: KeyPurpose
    reason: str
    log_size: int


class KeyInFile(Value, frozen=True):
    """A key whose secret half is in a file: since when it is listed, and whether it has ended."""

    key_id: str
    listed_at: datetime | None
    is_ended: bool


class Turn(StrEnum):
    """What is to be done about the keys of one purpose."""

    NOTHING = "nothing"
    MAKE = "make"
    LIST = "list"
    TAKE_OVER = "take_over"
    DISCARD = "discard"


@dataclasses.dataclass(kw_only=True, eq=False)
class ServerKeyUnknown(NotFound):
    """There is no such key of ours."""

    hint = "`placet server-key list` shows every key of ours with its id"
