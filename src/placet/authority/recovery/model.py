"""What a restore took, what is said of it, and when it is over."""

import dataclasses
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Action, Conflict, NotFound, Unavailable
from placet.kernel.value import Input, Value

RETRY_SECONDS = 5
REASON_MAX = 2_000


@dataclasses.dataclass(kw_only=True, eq=False)
class Recovering(Unavailable):
    """The database was restored or failed over, and nothing is granted until that is looked at."""

    hint = "an operator runs `placet restore --verify`; reads, kills and receipts go on"
    retry_after_seconds: int | None = RETRY_SECONDS


@dataclasses.dataclass(kw_only=True, eq=False)
class WitnessUnusable(Recovering):
    """The database cannot be held against its witness, and nothing is granted until it can."""

    hint = (
        "an operator brings the folder that PLACET_WITNESS_DIR names, or the file in it that is"
        ' named here, in order, as the page "Keep a witness of the log" says; `placet doctor`'
        " makes the same look; reads, kills and receipts go on"
    )


class NotRecovering(NotFound):
    """No lost range of this tenant is open."""

    hint = "it was closed before, or there never was one"


class LostEnd(Value, frozen=True):
    """An end of authority that was kept outside and is lost here, and that people alone repeat.

    `type` is that of the event that told of it, `target` what ended, `event_id` that event.
    """

    type: str
    target: str
    event_id: UUID | None = None


@dataclasses.dataclass(kw_only=True, eq=False)
class RecoveryUnfinished(Conflict):
    """A lost range is not to be closed yet."""

    action = Action.STOP
    hint = (
        "run `placet restore --verify` again where it broke off; repeat every end that is named"
        " here, and say so with `is_repeated`"
    )
    untold_epochs: list[int]
    lost_ends: list[LostEnd]


class AuthorityRecovery(Value, frozen=True):
    """A tenant's lost range: what a restore may have taken, open until an operator closes it.

    The log of the tenant had `log_size` entries when the epoch was raised and `witnessed_size` by
    the newest checkpoint kept outside, null where there was none. What is granted is narrower from
    the beginning until it is closed; the control epoch at which it was closed is `closed_epoch`.

    `system_identifier` and `timeline` are those of the server that the epoch was raised for,
    `from_…` those that it had before; null where it was raised before they were kept. `told_seq` is
    the place of its `Restored` in the tenant's `authority` stream, null until all that a restore
    does for the tenant is done but for its sessions.
    """

    tenant_id: TenantId
    epoch: int
    from_epoch: int
    log_size: int
    witnessed_size: int | None
    began_at: datetime
    closed_at: datetime | None = None
    closed_by: ActorId | None = None
    close_reason: str | None = None
    closed_epoch: int | None = None
    system_identifier: str | None = None
    timeline: int | None = None
    from_system_identifier: str | None = None
    from_timeline: int | None = None
    told_seq: int | None = None
    lost_ends: list[LostEnd] = msgspec.field(default_factory=list)


class Restored(Value, frozen=True):
    """Event: the epoch was raised after a restore or a failover; older authority is void.

    The log had `log_size` entries then, and by the newest checkpoint that was kept outside
    `witnessed_size`, null where there was none: what stood between the two is lost, and what came
    after that checkpoint is not known. `system_identifier` and `timeline` are the server's now,
    `from_…` those of the epoch before.
    """

    epoch: int
    from_epoch: int
    system_identifier: str | None
    timeline: int | None
    from_system_identifier: str | None
    from_timeline: int | None
    log_size: int
    witnessed_size: int | None


class RecoveryClosed(Value, frozen=True):
    """Event: an operator has looked at what a restore took, and grants are as wide as before.

    `epochs` are those whose lost ranges are closed with it, `repeated` the ends of authority that
    were lost and that the operator said were repeated.
    """

    epochs: list[int]
    reason: str
    repeated: list[LostEnd] = msgspec.field(default_factory=list)


class CloseRecovery(Input, frozen=True):
    """Close what a restore left open, and say why that may be done now.

    `epoch` is the latest whose lost range was looked at: what a later restore leaves stays open.
    `is_repeated` says that every end which `lost_ends` of these ranges name was repeated.
    """

    epoch: Annotated[int, msgspec.Meta(ge=2)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]
    is_repeated: bool = False


class RecoveryView(Value, frozen=True):
    """A lost range as people read it; `closed_at` is null while grants are narrower for it.

    It is closed once it `is_told` in the evidence and people have repeated its `lost_ends`.
    """

    epoch: int
    from_epoch: int
    log_size: int
    witnessed_size: int | None
    began_at: datetime
    closed_at: datetime | None
    closed_by: ActorId | None
    close_reason: str | None
    is_told: bool
    lost_ends: list[LostEnd]


class RecoveryList(Value, frozen=True):
    """Every lost range of the tenant, the latest first."""

    items: list[RecoveryView]
