"""Setting policies, recording exports, and erasing what is due."""

from placet.audit.retention import store
from placet.audit.retention.model import (
    AuditExport,
    AuditExportStream,
    ExportManifest,
    ExportRecorded,
)
from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing


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
