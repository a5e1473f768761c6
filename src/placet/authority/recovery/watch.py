"""Whether this process may grant, by what was kept outside: looked at every few seconds.

The server itself is looked at in each statement that grants (`storage_epoch_v1`). What no statement
can see is that the whole database is an older copy of itself; only a checkpoint that was kept
elsewhere tells. Between a look and the next one such a copy may grant: it takes a restart of the
server to put it there, and a service looks before it takes its first request.
"""

import logging
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.authority.model import KeyPurpose
from placet.authority.recovery import rules, store
from placet.authority.recovery.model import Recovering
from placet.authority.recovery.service import acting_for
from placet.authority.recovery.witness import Witnessed, read_newest
from placet.evidence.ed25519 import PublicKey
from placet.evidence.log import store as log
from placet.evidence.merkle import EMPTY_ROOT, fold, nodes_of
from placet.kernel.ids import TenantId
from placet.storage.database import Database, Reading

_LOG: Final = logging.getLogger("placet.recovery")
_NOBODY: Final = TenantId(UUID(int=0))


class RecoveryWatch:
    """What the last look found. Without a folder there is nothing to look at."""

    def __init__(self, folder: Path | None) -> None:
        """Look at this folder of checkpoints, if any."""
        self._folder = folder
        self._fault: str | None = None

    def check(self) -> None:
        """Refuse `recovering` while the database is not what was witnessed."""
        if self._fault is not None:
            raise Recovering(detail=self._fault)

    async def look(self, db: Database) -> None:
        """Hold every tenant's log against its newest checkpoint that was kept outside."""
        fault = None if self._folder is None else await find_fault(db, self._folder)
        if fault != self._fault:
            level = logging.ERROR if fault else logging.WARNING
            _LOG.log(level, "%s", fault or "the database is what was witnessed again")
        self._fault = fault


async def find_fault(db: Database, folder: Path) -> str | None:
    """Return how the database is not what was witnessed; None where it is, or is newer."""
    async with db.reading(acting_for(_NOBODY)) as tx:
        listed = await authority.list_server_keys(tx)
    keys = [PublicKey(raw=one.public_key) for one in listed if one.purpose is KeyPurpose.CHECKPOINT]
    epoch = (await store.read_epoch(db)).epoch
    try:
        held = read_newest(folder, keys)
    except OSError as fault:
        return f"the witness cannot be read: {fault.strerror}"
    for one in held:
        async with db.reading(acting_for(one.tenant_id)) as tx:
            found = await _compare(tx, one, epoch)
        if found is not None:
            return f"tenant {one.tenant_id}: {found}"
    return None


async def _compare(tx: Reading, held: Witnessed, epoch: int) -> str | None:
    newest = held.newest
    if held.fault is not None or newest is None:
        return held.fault
    if newest.epoch < epoch:
        return None
    head = await log.find_head(tx)
    size = 0 if head is None else head.size
    if (newer := rules.find_newer(epoch, size, newest)) is not None:
        return newer
    wanted = {newest.size: newest.root}
    return rules.find_other(wanted, {newest.size: (await _root(tx, newest.size)).hex()})


async def _root(tx: Reading, size: int) -> bytes:
    """Return the root over the first entries of the log; of nothing where nodes are missing."""
    nodes = nodes_of((0, size))
    found = await log.list_nodes(tx, nodes)
    return fold([found[node] for node in nodes]) if len(found) == len(nodes) else EMPTY_ROOT
