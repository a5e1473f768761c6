"""Which streams a bundle takes, and how far."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from msgspec.structs import replace

from placet.audit.bundles import store
from placet.audit.bundles.model import StreamEnd
from placet.authority import store as authority
from placet.authority.key_changes import store as key_changes
from placet.events import store as events
from placet.events.model import StreamKind
from placet.evidence.bundle import BundleScope, ScopeKind, StreamHead
from placet.evidence.dsse import parse_envelope
from placet.kernel.principal import Principal
from placet.replay.export import service as export
from placet.storage.database import Database, Reading
from placet.studio.approvals import store as approvals

TENANT_WIDE: Final = frozenset(
    {StreamKind.AUTHORITY, StreamKind.CONTROL, StreamKind.SEALS, StreamKind.ERASURES}
)
"""The kinds of streams that go with every bundle."""

ENDS: Final = frozenset({StreamKind.SEALS})
"""Those that tell where others end."""

RESTED_ON: Final = frozenset({StreamKind.AUTHORITY, StreamKind.CONTROL, StreamKind.WORKSPACE})
"""Those that tell what the calls of sessions rest on."""


async def heads_of(db: Database, principal: Principal, scope: BundleScope) -> list[StreamHead]:
    """Return the streams of a bundle and where each ends. Refuses `not_found`.

    The tenant's own streams come first. What a scope names is looked for in short transactions, so
    that a window of any width holds nothing open.
    """
    match scope.kind:
        case ScopeKind.TENANT:
            async with db.reading(principal) as tx:
                return await export.tenant_heads(tx)
        case ScopeKind.SESSION:
            async with db.reading(principal) as tx:
                assert scope.session_id is not None  # noqa: S101 -- narrows the type
                # Race: it may end between two looks. What tells of ends is looked at before it,
                # what its calls rest on behind it.
                ends = await _tenant_wide(tx, ENDS)
                own = await export.session_heads(tx, scope.session_id)
                return ends + await _tenant_wide(tx, TENANT_WIDE - ENDS) + own
        case ScopeKind.APPROVAL:
            async with db.reading(principal) as tx:
                wide = await _tenant_wide(tx, TENANT_WIDE)
                return wide + await _workspace(tx, scope.approval_id)
        case ScopeKind.INCIDENT:
            async with db.reading(principal) as tx:
                ends = await _tenant_wide(tx, ENDS)
            touched = await _incident(db, principal, scope)
            if scope.agent is None and scope.tool is None:
                touched += await _others(db, principal, scope)
            async with db.reading(principal) as tx:
                return ends + await _tenant_wide(tx, TENANT_WIDE - ENDS) + touched
        case other:
            assert_never(other)


async def heads_in_log(db: Database, principal: Principal, size: int) -> list[StreamHead] | None:
    """Return every stream of a tenant up to its last event among the first entries of its log.

    So a bundle of a whole tenant has an event for each entry, and whoever verifies it sees that
    none was left out. None where a call may stand in the log before what it rests on: between
    streams the order of entries says nothing.
    """
    async with db.reading(principal) as tx:
        heads = await export.tenant_heads(tx)
    found: list[StreamHead] = []
    waiting: dict[UUID, int] = {}
    last: datetime | None = None
    for at in range(0, len(heads), store.AT_ONCE):
        page = heads[at : at + store.AT_ONCE]
        async with db.reading(principal) as tx:
            ends = await store.list_entered(tx, [head.stream_id for head in page], size)
        for head in page:
            end = ends.get(head.stream_id)
            if head.kind in RESTED_ON and head.head_seq > (0 if end is None else end.seq):
                waiting[head.stream_id] = 1 if end is None else end.seq + 1
            elif head.kind == StreamKind.SESSION and end is not None:
                last = end.at if last is None else max(last, end.at)
        found += [
            replace(head, head_seq=end.seq, head_leaf=end.leaf.hex())
            for head in page
            if (end := ends.get(head.stream_id)) is not None
        ]
    async with db.reading(principal) as tx:
        for stream, seq in waiting.items():
            # What a call rests on was written before it, by the same clock.
            if last is not None and await store.time_of(tx, stream, seq) <= last:
                return None
    return found


async def heads_behind(
    db: Database, principal: Principal, heads: Sequence[StreamHead]
) -> list[StreamHead]:
    """Return the workspaces whose approvals prove artifacts that a key of ours signed and ended.

    Such an artifact counts by the place of its approval in the log. Sessions under it may have
    been opened since.
    """
    sessions = [head.stream_id for head in heads if head.kind == StreamKind.SESSION]
    async with db.reading(principal) as tx:
        ended = {end.key_id for end in await key_changes.list_ends(tx)}
    if not ended:
        return []
    artifacts: set[UUID] = set()
    for at in range(0, len(sessions), store.AT_ONCE):
        async with db.reading(principal) as tx:
            artifacts.update(await store.list_artifacts(tx, sessions[at : at + store.AT_ONCE]))
    workspaces: set[UUID] = set()
    async with db.reading(principal) as tx:
        for artifact_id in artifacts:
            artifact = await authority.get_artifact(tx, artifact_id)
            if ended & {one.keyid for one in parse_envelope(artifact.envelope).signatures}:
                approval = await approvals.get_head(tx, artifact.approval_id)
                workspaces.add(approval.workspace_id)
        streams = await events.list_streams(tx) if workspaces else []
    here = {head.stream_id for head in heads}
    return [export.head_of(one) for one in streams if one.stream_id in workspaces - here]


async def _tenant_wide(tx: Reading, kinds: frozenset[StreamKind]) -> list[StreamHead]:
    return [
        export.head_of(stream) for stream in await events.list_streams(tx) if stream.kind in kinds
    ]


async def _workspace(tx: Reading, approval_id: UUID | None) -> list[StreamHead]:
    assert approval_id is not None  # noqa: S101 -- narrows the type; the scope is of an approval
    approval = await approvals.get_head(tx, approval_id)
    streams = await events.list_streams(tx)
    return [export.head_of(one) for one in streams if one.stream_id == approval.workspace_id]


async def _others(db: Database, principal: Principal, scope: BundleScope) -> list[StreamHead]:
    """Return the streams of no session that a window touches, each up to its end."""
    since, until = _window(scope)
    found: list[StreamHead] = []
    after: UUID | None = None
    while True:
        async with db.reading(principal) as tx:
            page = await store.list_others(tx, since, TENANT_WIDE, after=after)
            ends = await store.list_ends(tx, list(page), since, until) if page else []
        found += [_head(end, page[end.stream_id]) for end in ends]
        if len(page) < store.AT_ONCE:
            return found
        after = list(page)[-1]


def _head(end: StreamEnd, kind: StreamKind) -> StreamHead:
    return StreamHead(
        stream_id=end.stream_id, kind=kind.value, head_seq=end.seq, head_leaf=end.leaf.hex()
    )


async def _incident(db: Database, principal: Principal, scope: BundleScope) -> list[StreamHead]:
    """Return the streams of the sessions that a window touches, each up to its end."""
    since, until = _window(scope)
    found: list[StreamHead] = []
    after: UUID | None = None
    while True:
        async with db.reading(principal) as tx:
            page = await store.list_touched(tx, since, until, scope.agent, after=after)
            fitting = await _fitting(tx, page, scope.tool)
            ends = await store.list_ends(tx, fitting, since, until) if fitting else []
        found += [_head(end, StreamKind.SESSION) for end in ends]
        if len(page) < store.AT_ONCE:
            return found
        after = page[-1]


async def _fitting(tx: Reading, page: Sequence[UUID], tool: str | None) -> list[UUID]:
    if tool is None or not page:
        return list(page)
    using = await store.list_using(tx, page, tool)
    return [session for session in page if session in using]


def _window(scope: BundleScope) -> tuple[datetime, datetime]:
    assert scope.since is not None  # noqa: S101 -- narrows the type; an incident has both ends
    assert scope.until is not None  # noqa: S101 -- as above
    return scope.since, scope.until
