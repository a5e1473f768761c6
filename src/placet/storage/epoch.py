"""The restore epoch: for which server all authority was given, and whether this is that server.

One row, of no tenant. It names the cluster and the timeline for which the epoch was raised. A
restore to a point in time and a failover begin another timeline, a copy by `pg_dump` stands in
another cluster: then nothing is granted until `placet restore --verify` has raised the epoch. Every
statement that grants asks (`storage_epoch_v1`), so that a service need not have noticed.
"""

from datetime import datetime
from typing import Final

import asyncpg

from placet.kernel.value import Value

READ: Final = "SELECT * FROM placet.storage_epoch_read_v1()"


class StorageEpoch(Value, frozen=True):
    """The epoch, and the server that it was raised for. `is_only` keeps it one row."""

    is_only: bool
    epoch: int
    system_identifier: str
    timeline: int
    raised_at: datetime


class EpochSeen(Value, frozen=True):
    """The epoch and its server, and which server this is; `here_timeline` is null on a standby."""

    epoch: int
    system_identifier: str
    timeline: int
    raised_at: datetime
    here_system_identifier: str
    here_timeline: int | None

    @property
    def is_current(self) -> bool:
        """Tell whether the epoch was raised for this server as it stands."""
        here = (self.here_system_identifier, self.here_timeline)
        return (self.system_identifier, self.timeline) == here


def seen(row: asyncpg.Record) -> EpochSeen:
    """Return what `READ` answered."""
    return EpochSeen(**dict(row))
