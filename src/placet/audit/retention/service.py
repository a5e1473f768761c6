"""Setting policies, recording exports, and erasing what is due."""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from placet.audit.erasures.model import ErasureWhy, StreamClass, StreamOpen
from placet.audit.erasures.service import Erasing, erase_batch
from placet.audit.retention import rules, store
from placet.audit.retention.model import (
    PRUNE_BODIES,
    AuditExport,
    AuditExportStream,
    AuditRetention,
    ClosedStream,
    ExportManifest,
    ExportRecorded,
    Old,
    PruneAnswer,
    RetentionAnswer,
    RetentionApplied,
    RetentionOff,
    RetentionSet,
    RetentionShown,
    SetRetention,
    Stand,
    Standing,
)
from placet.authority.checkpoints import service as checkpoints
from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database, Reading, Writing
from placet.storage.work import put_due

STREAMS_AT_ONCE: Final = 2_000
"""Closed streams that one transaction looks at."""

BODIES_A_ROUND: Final = 20_000
"""Bodies that one round erases at most, before others have their turn."""

BY_POLICY: Final = "the policy of retention"


async def set_retention(tx: Writing, asked: SetRetention, ids: Ids) -> AuditRetention:
    """Set for how long bodies of closed streams of a class are kept, or for ever."""
    before = (await store.list_policies(tx)).get(asked.stream_class)
    policy = AuditRetention(
        tenant_id=tx.tenant_id,
        stream_class=asked.stream_class,
        days=asked.days,
        set_by=tx.actor_id,
        set_at=await tx.now(),
    )
    await store.keep_policy(tx, policy)
    if asked.days is not None:
        await put_due(tx, PRUNE_BODIES, tx.tenant_id, policy.set_at)
    said = RetentionSet(
        stream_class=asked.stream_class,
        days=asked.days,
        before=None if before is None else before.days,
        reason=asked.reason,
    )
    await tell(tx, said, ids)
    return policy


async def show_retention(db: Database, who: Principal) -> RetentionAnswer:
    """Return the policies, and where the closed streams of each class stand."""
    async with db.reading(who) as tx:
        policies = await store.list_policies(tx)
        exports, last = await store.count_exports(tx)
        is_exporting = await store.is_exporting(tx)
        log_size, now = await _log_size(tx), await tx.now()
    classes = []
    for stream_class in StreamClass:
        policy = policies.get(stream_class)
        days = None if policy is None else policy.days
        counts = await _counted(_Walk(db, who, stream_class, days, now, log_size))
        shown = RetentionShown(
            stream_class=stream_class,
            days=days,
            set_by=None if policy is None else policy.set_by,
            set_at=None if policy is None else policy.set_at,
            streams=Standing(**{stand.value: counts[stand] for stand in Stand}),
            nothing_goes=rules.why_nothing(days, exports, log_size, is_exporting=is_exporting),
        )
        classes.append(shown)
    return RetentionAnswer(classes=classes, exports=exports, last_export_at=last, log_size=log_size)


async def prune(db: Database, who: Principal, ids: Ids) -> PruneAnswer:
    """Erase what is due by the policies, up to `BODIES_A_ROUND` bodies, batch by batch."""
    async with db.reading(who) as tx:
        policies = await store.list_policies(tx)
        exports, _ = await store.count_exports(tx)
        is_exporting = await store.is_exporting(tx)
        log_size, now = await _log_size(tx), await tx.now()
    streams = bodies = 0
    for stream_class, policy in policies.items():
        if rules.why_nothing(policy.days, exports, log_size, is_exporting=is_exporting):
            continue
        walk = _Walk(db, who, stream_class, policy.days, now, log_size)
        async for stream in _due(walk):
            if bodies >= BODIES_A_ROUND:
                return PruneAnswer(streams=streams, bodies=bodies, more=True)
            erased, is_held_up = await _prune_stream(walk, stream, ids)
            streams, bodies = streams + int(erased > 0), bodies + erased
            if is_held_up:
                break
    return PruneAnswer(streams=streams, bodies=bodies, more=False)


async def check_policies(tx: Reading) -> None:
    """Refuse `retention_off` where no policy says that anything is to be erased."""
    policies = await store.list_policies(tx)
    if all(policy.days is None for policy in policies.values()):
        raise RetentionOff(detail="no policy says that anything is to be erased")


async def tell_run(tx: Writing, pruned: PruneAnswer, ids: Ids) -> None:
    """Tell that somebody had erased what was due. Comes last in a transaction."""
    said = RetentionApplied(streams=pruned.streams, bodies=pruned.bodies, more=pruned.more)
    await tell(tx, said, ids)


async def record_export(tx: Writing, manifest: ExportManifest, ids: Ids) -> None:
    """Keep the manifest of an export that was written to its end. Comes last in a transaction.

    What it holds may be erased by a policy from then on. Each stream is named once.
    """
    kept = AuditExport(
        tenant_id=tx.tenant_id,
        export_id=manifest.export_id,
        sha256=bytes.fromhex(manifest.sha256),
        size_bytes=manifest.size_bytes,
        events=manifest.events,
        log_size=manifest.log_size,
        log_root=None if manifest.log_root is None else bytes.fromhex(manifest.log_root),
        exported_by=tx.actor_id,
        recorded_at=await tx.now(),
    )
    streams = [
        AuditExportStream(
            tenant_id=tx.tenant_id,
            stream_id=StreamId(each.stream_id),
            to_seq=each.to_seq,
            export_id=manifest.export_id,
        )
        for each in manifest.streams
    ]
    await store.insert_export(tx, kept, streams)
    said = ExportRecorded(
        export_id=manifest.export_id,
        sha256=manifest.sha256,
        size_bytes=manifest.size_bytes,
        events=manifest.events,
        streams=len(streams),
        log_size=manifest.log_size,
        log_root=manifest.log_root,
    )
    await tell(tx, said, ids)


async def tell(tx: Writing, said: Value, ids: Ids) -> None:
    """Append an event to the tenant's `erasures` stream. Comes last in a transaction."""
    stream = tenant_stream(tx.tenant_id, StreamKind.ERASURES)
    await events.append(tx, stream, StreamKind.ERASURES, [new_event(ids, said)])


@dataclasses.dataclass(frozen=True, slots=True)
class _Walk:
    """A look at the closed streams of a class, as they stand at a moment."""

    db: Database
    who: Principal
    stream_class: StreamClass
    days: int | None
    now: datetime
    log_size: int

    @property
    def until(self) -> datetime | None:
        """Return until when a stream has closed that is old enough, or None where none is."""
        return None if self.days is None else self.now - timedelta(days=self.days)


async def _counted(walk: _Walk) -> Counter[Stand]:
    """Return how many closed streams of a class stand where. Only old ones are looked at."""
    async with walk.db.reading(walk.who) as tx:
        young, erased = await store.count_closed(tx, walk.stream_class, walk.until)
    counts = Counter({Stand.YOUNG: young, Stand.ERASED: erased})
    async for page in _old(walk):
        stands = [rules.stand_of(each, walk.days, walk.now) for each in page]
        counts.update(stand for stand in stands if stand is not Stand.ERASED)
    return counts


async def _prune_stream(walk: _Walk, stream: ClosedStream, ids: Ids) -> tuple[int, bool]:
    """Erase the bodies of a stream that is due, up to the event that was looked at.

    Returns how many went, and whether what came meanwhile holds up all that closed later too: a
    policy that keeps this one, or an export.
    """
    erasing = Erasing(
        stream_id=stream.stream_id,
        why=ErasureWhy.RETENTION,
        reason=BY_POLICY,
        until=stream.last_seq,
    )
    erased, is_last = 0, False
    try:
        while not is_last:
            async with walk.db.writing(walk.who) as tx:
                # Race: whoever sets another policy waits for this batch, and has the next one stop.
                days = await store.hold_days(tx, walk.stream_class)
                if rules.stand_of(stream, days, walk.now) is not Stand.DUE:
                    return erased, True
                # An export breaks off where bodies of its streams go before it has ended.
                if await store.is_exporting(tx):
                    return erased, True
                batch = await erase_batch(tx, erasing, ids)
            erased, is_last = erased + batch.bodies, batch.is_last
    except StreamOpen:
        # Race: a call of it became one of which nobody knows what became.
        pass
    return erased, False


async def _due(walk: _Walk) -> AsyncIterator[ClosedStream]:
    """Yield the closed streams of a class that are due, by the policy that the look began with."""
    async for page in _old(walk):
        for stream in page:
            if rules.stand_of(stream, walk.days, walk.now) is Stand.DUE:
                yield stream


async def _old(walk: _Walk) -> AsyncIterator[list[ClosedStream]]:
    """Yield the closed streams of a class that are old enough, each page in its own transaction."""
    if walk.until is None:
        return
    old = Old(stream_class=walk.stream_class, until=walk.until, log_size=walk.log_size)
    after: ClosedStream | None = None
    while True:
        async with walk.db.reading(walk.who) as tx:
            page = await store.page_closed(tx, old, after, limit=STREAMS_AT_ONCE)
        yield page
        if len(page) < STREAMS_AT_ONCE:
            return
        after = page[-1]


async def _log_size(tx: Reading) -> int:
    """Return how many entries of the log the latest checkpoint covers."""
    latest = await checkpoints.latest(tx)
    return 0 if latest is None else latest.size
