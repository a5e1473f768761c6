"""Writing a bundle, and what is written about it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC
from typing import Final
from uuid import UUID

import msgspec

from placet.audit.bundles import store
from placet.audit.bundles.covered import check_covered, not_entered
from placet.audit.bundles.dossiers import dossier_of, known_keys, once_each
from placet.audit.bundles.model import (
    BundleExported,
    CheckpointAhead,
    ErasedMeanwhile,
    ScopeTooWide,
    Wish,
)
from placet.audit.bundles.proofs import list_proofs
from placet.audit.bundles.readme import readme_of
from placet.audit.bundles.streams import heads_behind, heads_in_log, heads_of
from placet.audit.erasures.model import BodiesErased
from placet.audit.retention import service as retention
from placet.audit.retention.model import ExportManifest, StreamTaken
from placet.authority import store as authority
from placet.authority.checkpoints import service as checkpoints
from placet.authority.checkpoints.model import Checkpoint
from placet.authority.key_changes import store as key_changes
from placet.authority.server_keys import ServerKeys
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.bundle import (
    BundleHeaderV2,
    ScopeKind,
    StreamHead,
)
from placet.evidence.dsse import parse_envelope
from placet.evidence.export import BundleWriterV2
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.replay.export import service as export
from placet.replay.export.pages import read_lines
from placet.storage.database import Database, Writing
from placet.studio.approvals import store as approvals

PAGE: Final = 500
"""Events read at a time."""

TRIES: Final = 4
"""How often more is put into the log until it holds what its calls rest on."""

STREAMS_MAX: Final = 50_000
"""Streams of one bundle: their heads stand in its first line, and a line has 16 MiB."""


class Begun(Value, frozen=True):
    """A bundle that can be written: what it holds, and the checkpoint that covers it.

    All of it, but for what the stream of checkpoints tells last: of this very checkpoint, maybe.
    """

    export_id: UUID
    wish: Wish
    heads: list[StreamHead]
    checkpoint: Checkpoint


async def begin_export(
    db: Database, principal: Principal, keys: ServerKeys, ids: Ids, wish: Wish
) -> Begun:
    """See how far the streams of a bundle go, bring the log up to there, and tell of the export.

    Refuses `not_found`, `scope_too_wide` and `checkpoint_ahead`, and `governance_unavailable` while
    the log does not come up to there; what is refused is told of nowhere.
    """
    # Once before, so that the seals of what has ended stand in their stream when it is looked at.
    await checkpoints.make_checkpoint(db, principal, keys, ids)
    heads = await heads_of(db, principal, wish.scope)
    heads += await heads_behind(db, principal, heads)
    _check_width(heads)
    checkpoint = await checkpoints.make_checkpoint(db, principal, keys, ids)
    await check_covered(db, principal, heads, checkpoint.size)
    if wish.scope.kind is ScopeKind.TENANT:
        logged = await heads_in_log(db, principal, checkpoint.size)
        for _ in range(TRIES):
            if logged is not None:
                break
            checkpoint = await checkpoints.make_checkpoint(db, principal, keys, ids)
            logged = await heads_in_log(db, principal, checkpoint.size)
        if logged is None:
            raise not_entered()
        heads = logged
        _check_width(heads)
    if wish.held_size is not None and wish.held_size > checkpoint.size:
        raise CheckpointAhead(
            detail=f"the log has {checkpoint.size} entries, the checkpoint is of {wish.held_size}",
            size=checkpoint.size,
        )
    export_id = ids.new()
    async with db.writing(principal) as tx:
        await _tell(tx, BundleExported(export_id=export_id, scope=wish.scope), ids)
    return Begun(export_id=export_id, wish=wish, heads=heads, checkpoint=checkpoint)


def _check_width(heads: Sequence[StreamHead]) -> None:
    if len(heads) > STREAMS_MAX:
        raise ScopeTooWide(
            detail=f"that is {len(heads)} streams, and a bundle has {STREAMS_MAX} at most"
        )


async def write_bundle(
    db: Database, principal: Principal, begun: Begun, ids: Ids
) -> AsyncGenerator[bytes]:
    """Yield the lines of a bundle, and record it when the last one has been taken."""
    writer = BundleWriterV2()
    async with aclosing(_lines(writer, db, principal, begun)) as parts:
        async for part in parts:
            yield part
    manifest = ExportManifest(
        export_id=begun.export_id,
        sha256=writer.sha256,
        size_bytes=writer.size,
        events=writer.events,
        log_size=begun.checkpoint.size,
        log_root=begun.checkpoint.root.hex(),
        streams=tuple(
            StreamTaken(stream_id=head.stream_id, to_seq=head.head_seq) for head in begun.heads
        ),
    )
    async with db.writing(principal) as tx:
        await retention.record_export(tx, manifest, ids)


async def _lines(
    writer: BundleWriterV2, db: Database, principal: Principal, begun: Begun
) -> AsyncGenerator[bytes]:
    held = begun.wish.held_size
    yield await _header(writer, db, principal, begun)
    yield writer.readme(readme_of(begun.wish.scope))
    for seal in await export.list_seal_lines(db, principal, begun.heads):
        yield writer.seal(seal)
    async with aclosing(read_lines(db, principal, begun.heads)) as pages:
        async for lines in pages:
            yield writer.add_events(lines.data, lines.number)
    async for line in _rotations(writer, db, principal):
        yield line
    async for line in _dossiers(writer, db, principal, begun):
        yield line
    yield writer.checkpoint(parse_envelope(begun.checkpoint.envelope))
    async for proof in list_proofs(db, principal, begun.heads, begun.checkpoint.size, held):
        yield writer.proof(proof)
    await _refuse_erased(db, principal, begun.heads)
    yield writer.manifest()


async def _refuse_erased(db: Database, principal: Principal, heads: Sequence[StreamHead]) -> None:
    """Refuse `erased_meanwhile` if bodies were erased since the heads were read.

    They would be missing in a bundle whose stream of erasures ends before it tells of them.
    """
    async with db.reading(principal) as tx:
        stream = tenant_stream(tx.tenant_id, StreamKind.ERASURES)
        after = next((head.head_seq for head in heads if head.stream_id == stream), 0)
        taken = {head.stream_id for head in heads}
        while page := await events.list_events(tx, stream, after=after, limit=PAGE):
            for event in page:
                if event.type == BodiesErased.__name__ and event.body is not None:
                    erased = msgspec.json.decode(event.body, type=BodiesErased)
                    if erased.stream_id in taken:
                        raise ErasedMeanwhile(
                            detail=f"bodies of stream {erased.stream_id} were erased meanwhile"
                        )
            after = page[-1].seq


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.TENANCY)
    await events.append(tx, stream, StreamKind.TENANCY, [new_event(ids, said)])


async def _header(
    writer: BundleWriterV2, db: Database, principal: Principal, begun: Begun
) -> bytes:
    async with db.reading(principal) as tx:
        header = BundleHeaderV2(
            tenant_id=tx.tenant_id,
            exported_at=(await tx.now()).astimezone(UTC),
            scope=begun.wish.scope,
            streams=tuple(begun.heads),
            keys=tuple(await export.named_keys(tx)),
        )
    # On a thread: of many streams it takes most of a second.
    return await asyncio.to_thread(writer.header, header)


async def _dossiers(
    writer: BundleWriterV2, db: Database, principal: Principal, begun: Begun
) -> AsyncGenerator[bytes]:
    sessions = [head.stream_id for head in begun.heads if head.kind == StreamKind.SESSION]
    artifacts: list[UUID] = []
    async with db.reading(principal) as tx:
        known = await known_keys(tx)
        if begun.wish.scope.kind is ScopeKind.APPROVAL:
            assert begun.wish.scope.approval_id is not None  # noqa: S101 -- narrows the type
            approval = await approvals.get_head(tx, begun.wish.scope.approval_id)
            artifacts = [approval.artifact_id]
    for at in range(0, len(sessions), store.AT_ONCE):
        async with db.reading(principal) as tx:
            artifacts += await store.list_artifacts(tx, sessions[at : at + store.AT_ONCE])
        artifacts = once_each(artifacts)
    for artifact in artifacts:
        async with db.reading(principal) as tx:
            dossier = await dossier_of(tx, artifact, known)
        yield writer.dossier(dossier)


async def _rotations(
    writer: BundleWriterV2, db: Database, principal: Principal
) -> AsyncGenerator[bytes]:
    """Yield which key of ours took over from which, signed by the old one and by the new one."""
    async with db.reading(principal) as tx:
        listed = {key.key_id for key in await authority.list_server_keys(tx)}
        rotations = [
            rotation
            for rotation in await key_changes.list_rotations(tx)
            if {rotation.old_key_id, rotation.new_key_id} <= listed
        ]
    for rotation in rotations:
        yield writer.envelope(parse_envelope(rotation.by_old))
        yield writer.envelope(parse_envelope(rotation.by_new))
