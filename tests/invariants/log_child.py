"""A sequencer that dies where it is told: `python -m tests.invariants.log_child URL`.

Each line of its input is a tenant and the number of a statement. A child of it does rounds of that
tenant's log and signs a checkpoint, and is killed just before that statement is sent, a COMMIT
among them. It answers each line with how many statements its child was let do, or -1.
"""

import asyncio
import os
import signal
import sys
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from placet.authority.checkpoints import service
from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import SystemIds, TenantId
from placet.storage.database import Database, HotPool

ROOM = 15


class Fuse:
    """Counts statements, and kills this process before the one that it was set to."""

    def __init__(self, at: int) -> None:
        """Be set to a statement, from 1; 0 is for none."""
        self.at = at
        self.seen = 0

    def burn(self, *_: object) -> None:
        """Count one statement."""
        self.seen += 1
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


async def work(url: str, tenant: TenantId, fuse: Fuse) -> None:
    """Bring a tenant's log up to date, in small rounds, and sign it."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), pool_size=1
    )
    sa.event.listen(engine.sync_engine, "before_cursor_execute", fuse.burn)
    sa.event.listen(engine.sync_engine, "commit", fuse.burn)
    idle = await asyncpg.create_pool(url, min_size=0, max_size=1)
    db = Database(engine, HotPool(idle, idle), [idle])
    ids = SystemIds()
    while await service.sequence(db, tenant, ids, entries_max=ROOM):
        pass
    await service.sign(db, tenant, ServerKeys.generate(), ids)
    await db.close()


def run(url: str, tenant: TenantId, at: int) -> int:
    """Let a child work until it is done or dead. Returns what it answered."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        fuse = Fuse(at)
        asyncio.run(work(url, tenant, fuse))
        os.write(writing, str(fuse.seen).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    told = os.read(reading, 100)
    os.close(reading)
    if os.WIFSIGNALED(status):
        return -1
    return int(told)


if __name__ == "__main__":
    for line in sys.stdin:
        tenant_id, number = line.split()
        told = run(sys.argv[1], TenantId(UUID(tenant_id)), int(number))
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
