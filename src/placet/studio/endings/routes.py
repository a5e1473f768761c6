"""Approvals as they stand over HTTP, and their revocation."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority import store as authority
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.approvals import store as approvals
from placet.studio.endings import service
from placet.studio.endings.model import (
    ApprovalShown,
    ApprovalSummary,
    RevocationAnswer,
    RevokeApproval,
)
from placet.studio.workspaces import store as workspaces
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    principal_of,
    query_of,
)

_REVOKE: Final = msgspec.json.Decoder(RevokeApproval)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)
_VERSION_MAX: Final = 2**63 - 1


@get(
    "/api/v1/studio/approvals/{approval_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=ApprovalShown),
)
async def get_approval(request: AppRequest, approval_id: FromPath[UUID]) -> Response[bytes]:
    """Return one approval with what proves it, and what it counts for now."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_approval(tx, approval_id))


@get(
    "/api/v1/studio/approvals/{approval_id:uuid}/artifact",
    opt=RouteOpt(scope=_READERS, answer=dict[str, object]),
)
async def get_approved_artifact(
    request: AppRequest, approval_id: FromPath[UUID]
) -> Response[bytes]:
    """Return what an approval compiled to, in the envelope that names this approval."""
    async with database_of(request).reading(principal_of(request)) as tx:
        approval = await approvals.get_head(tx, approval_id)
        artifact = await authority.get_artifact(tx, approval.artifact_id)
    return answer(msgspec.Raw(artifact.envelope))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/approvals",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ApprovalSummary]),
)
async def list_approvals(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List the approvals of a workspace, the newest first, each with what it counts for now."""
    asked = query_of(request, PageQuery)
    before = _before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await workspaces.get_workspace(tx, workspace_id)
        found = await approvals.list_heads(
            tx, workspace.workspace_id, before=before, limit=asked.limit + 1
        )
        shown = await service.summarise(tx, found[: asked.limit])
    cursor = encode_cursor([shown[-1].approval_version]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@post(
    "/api/v1/studio/approvals/{approval_id:uuid}/revoke",
    opt=RouteOpt(
        scope=(Scope.APPROVE, Scope.OPERATE),
        body=RevokeApproval,
        answer=RevocationAnswer,
        keyed=True,
    ),
)
async def revoke_approval(request: AppRequest, approval_id: FromPath[UUID]) -> Response[bytes]:
    """Revoke an approval, as an approver of its workspace or as an operator."""
    raw = await body_of(request)
    asked = bodies.decode(_REVOKE, raw)
    is_operator = Scope.OPERATE in principal_of(request).scopes

    async def work(tx: Writing) -> Answer:
        revoked = await service.revoke_approval(
            tx, approval_id, asked, ids_of(request), is_operator=is_operator
        )
        return Answer(value=revoked)

    return await answered(request, raw, work)


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    position = decode_cursor(cursor)
    if len(position) != 1 or not isinstance(position[0], int) or not 0 < position[0] < _VERSION_MAX:
        raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")
    return position[0]


HANDLERS = [get_approval, get_approved_artifact, list_approvals, revoke_approval]
