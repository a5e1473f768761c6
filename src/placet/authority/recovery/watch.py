"""Whether this process may grant, by what was kept outside: looked at every few seconds.

The server itself is looked at in each statement that grants (`storage_epoch_v1`). What no statement
can see is that the whole database is an older copy of itself; only a checkpoint that was kept
elsewhere tells. Between a look and the next one such a copy may grant: it takes a restart of the
server to put it there, and a service looks before it takes its first request.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.authority.checkpoints import store as checkpoints
from placet.authority.checkpoints.model import Newest
from placet.authority.model import KeyPurpose
from placet.authority.recovery import rules, store
from placet.authority.recovery.beside import in_thread
from placet.authority.recovery.model import Recovering, WitnessUnusable
from placet.authority.recovery.service import acting_for
from placet.authority.recovery.witness import NewestLines, Witnessed
from placet.evidence.ed25519 import PublicKey
from placet.evidence.log import store as log
from placet.evidence.merkle import EMPTY_ROOT, fold, nodes_of
from placet.kernel.ids import TenantId
from placet.storage.database import Database, Reading

_LOG: Final = logging.getLogger("placet.recovery")
_NOBODY: Final = TenantId(UUID(int=0))
PATIENCE_SECONDS: Final = 3.0
"""How long a look waits for the folder, which may be on a volume that does not answer."""
LOOK_AGE_SECONDS: Final = 30.0
"""How old the last look may be; what it found says nothing for longer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What a look found: what is refused for it, and in which words.

    It is of `WitnessUnusable` where the witness's folder or file is out of order, and of
    `Recovering` where the database is older or other than what was witnessed.
    """

    kind: type[Recovering]
    told: str

    def refusal(self) -> Recovering:
        """Return the refusal of whoever would be granted something."""
        return self.kind(detail=self.told)


class RecoveryWatch:
    """What the last look found. Without a folder there is nothing to look at.

    A line that nobody can read stops the tenant whose file it ends. Anything else says that the
    database is not what was witnessed, and stops all tenants: it is one database.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Look at this folder of checkpoints, if any; without a `clock`, by the event loop's."""
        self._lines = None if folder is None else NewestLines(folder)
        self._patience_seconds = patience_seconds
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._faults: dict[TenantId | None, Fault] = {}
        self._looked_at: float | None = None
        self._reading: asyncio.Future[list[Witnessed]] | None = None

    def check(self) -> None:
        """Refuse `recovering` while the database is not what was witnessed.

        Refuses `witness_unusable` where the witness cannot be used, or nobody has looked. A look
        that ends in an error or hangs leaves what the last one found, and that grows old.
        """
        if self._lines is None:
            return
        if (fault := self._faults.get(None)) is not None:
            raise fault.refusal()
        if self._looked_at is None or self._clock() - self._looked_at > LOOK_AGE_SECONDS:
            detail = "the witness's folder or the database has not answered a look for too long"
            raise WitnessUnusable(detail=detail)

    @property
    def faults(self) -> Sequence[Fault]:
        """Return everything that the last look found."""
        return list(self._faults.values())

    @property
    def stopped(self) -> frozenset[TenantId]:
        """Return the tenants for whom nothing is granted while others go on."""
        return frozenset(whose for whose in self._faults if whose is not None)

    def check_tenant(self, tenant_id: TenantId) -> None:
        """Refuse `witness_unusable` for a tenant whose witness cannot be read."""
        if (fault := self._faults.get(tenant_id)) is not None:
            raise fault.refusal()

    async def look(self, db: Database) -> None:
        """Hold every tenant's log against its newest checkpoint that was kept outside."""
        if self._lines is None:
            return
        faults = await self._find_faults(db, self._lines)
        for whose in faults.keys() | self._faults.keys():
            if (fault := faults.get(whose)) != self._faults.get(whose):
                level = logging.ERROR if fault else logging.WARNING
                again = f"{_named(whose)}: the database is what was witnessed again"
                _LOG.log(level, "%s", fault.told if fault else again)
        self._faults = faults
        self._looked_at = self._clock()

    async def _find_faults(self, db: Database, lines: NewestLines) -> dict[TenantId | None, Fault]:
        """Return how the database is not what was witnessed; of nobody where all stop for it."""
        async with db.reading(acting_for(_NOBODY)) as tx:
            listed = await authority.list_server_keys(tx)
        keys = [
            PublicKey(raw=one.public_key) for one in listed if one.purpose is KeyPurpose.CHECKPOINT
        ]
        epoch = (await store.read_epoch(db)).epoch
        try:
            held = await self._read(lines, keys)
        except OSError as fault:
            why = f"the witness's folder cannot be read: {fault.strerror or fault}"
            return {None: Fault(WitnessUnusable, why)}
        # The logs only grow meanwhile: what was the newest is in them.
        newest = {one.tenant_id: one for one in await checkpoints.list_newest(db)}
        faults: dict[TenantId | None, Fault] = {}
        strange: Fault | None = None
        for one in held:
            if one.is_strange:
                strange = Fault(WitnessUnusable, one.fault or "")
            elif one.fault is not None:
                faults[one.tenant_id] = Fault(WitnessUnusable, one.fault)
            elif None not in faults and not _is_newest(one, newest.get(one.tenant_id)):
                async with db.reading(acting_for(one.tenant_id)) as tx:
                    found = await _compare(tx, one, epoch)
                if found is not None:
                    faults[None] = Fault(Recovering, f"{_named(one.tenant_id)}: {found}")
        if strange is not None:
            faults.setdefault(None, strange)
        return faults

    async def _read(self, lines: NewestLines, keys: Sequence[PublicKey]) -> list[Witnessed]:
        """Read the folder beside the event loop. Raises `OSError`, also where it does not answer.

        A volume that hangs keeps its thread: no second one is sent after it. One that goes on
        answers, however many files there are.
        """
        # What a look that gave up was waiting for is old by now, whatever it came to.
        if self._reading is None or self._reading.done():
            self._reading = in_thread(lambda: lines.read(keys))
        seen = -1
        while not self._reading.done():
            if lines.files_seen == seen:
                message = "it does not answer"
                raise TimeoutError(message)
            seen = lines.files_seen
            await asyncio.wait({self._reading}, timeout=self._patience_seconds)
        return self._reading.result()


def _named(whose: TenantId | None) -> str:
    return "all tenants" if whose is None else f"tenant {whose}"


def _is_newest(held: Witnessed, here: Newest | None) -> bool:
    """Tell whether what was kept outside is the very checkpoint that the database has last."""
    kept = held.newest
    if kept is None or here is None:
        return False
    return (kept.epoch, kept.size, kept.root) == (here.epoch, here.size, here.root.hex())


async def _compare(tx: Reading, held: Witnessed, epoch: int) -> str | None:
    newest = held.newest
    if newest is None or newest.epoch < epoch:
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
