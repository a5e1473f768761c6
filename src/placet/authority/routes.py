"""The keys whose signatures count, their end, and artifacts by their hash."""

import re
from typing import Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority import service, store
from placet.authority.key_changes import store as key_changes
from placet.authority.model import (
    ArtifactNotFound,
    ArtifactQuery,
    KeyList,
    KeyRevocation,
    RevokeKey,
)
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.kernel.refusals import NotFound
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    etag_matches,
    ids_of,
    principal_of,
    query_of,
)

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_REVOKE: Final = msgspec.json.Decoder(RevokeKey)
_ASK_AGAIN: Final = "private, no-cache"
_TO_AGENTS: Final = 8
_TO_PEOPLE: Final = 400
"""How many changes of keys are shown for each purpose; that of the grant key changes every day."""
_FOR_EVER: Final = "private, max-age=31536000, immutable"


@get(
    "/api/v1/authority/keys",
    opt=RouteOpt(scope=tuple(Scope), answer=KeyList),
)
async def list_keys(request: AppRequest) -> Response[bytes]:
    """List every key of this tenant, ours and people's, and which of them ended.

    A key that has no scope but `runtime` gets ours alone: an agent checks grants and artifacts, and
    who approves is none of its business. Of the changes of our keys it gets the newest few, which
    are enough for whoever follows every day; others get those of a year.
    """
    principal = principal_of(request)
    is_agent = principal.scopes == {Scope.RUNTIME}
    async with database_of(request).reading(principal) as tx:
        return answer(
            KeyList(
                server_keys=await store.list_server_keys(tx),
                person_keys=[] if is_agent else await store.list_person_keys(tx),
                revocations=[] if is_agent else await store.list_revocations(tx),
                server_rotations=await key_changes.list_newest_rotations(
                    tx, _TO_AGENTS if is_agent else _TO_PEOPLE
                ),
                server_ends=await key_changes.list_ends(tx),
            )
        )


@post(
    "/api/v1/authority/person-keys/{key_id:str}/revoke",
    opt=RouteOpt(
        scope=(Scope.READ, Scope.APPROVE, Scope.ADMIN),
        body=RevokeKey,
        answer=KeyRevocation,
        keyed=True,
    ),
)
async def revoke_person_key(request: AppRequest, key_id: FromPath[str]) -> Response[bytes]:
    """End a person's key, as its holder or as an admin; no vote by it is counted after this."""
    raw = await body_of(request)
    asked = bodies.decode(_REVOKE, raw)
    if not _HASH.fullmatch(key_id):
        raise NotFound(detail="there is no person's key with this id")
    is_admin = Scope.ADMIN in principal_of(request).scopes

    async def work(tx: Writing) -> Answer:
        revoked = await service.revoke_key(tx, key_id, asked, ids_of(request), is_admin=is_admin)
        return Answer(value=revoked)

    return await answered(request, raw, work)


@get(
    "/api/v1/authority/artifacts/{compiled_hash:str}",
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT),
        query=ArtifactQuery,
        answer=dict[str, object],
    ),
)
async def get_artifact(request: AppRequest, compiled_hash: FromPath[str]) -> Response[bytes]:
    """Return a compiled artifact in its signed envelope, which names the approval.

    That of an approval never changes. Without one it is the newest that is not revoked.
    """
    asked = query_of(request, ArtifactQuery)
    if not _HASH.fullmatch(compiled_hash):
        raise ArtifactNotFound(detail="there is no artifact with this hash")
    async with database_of(request).reading(principal_of(request)) as tx:
        artifact = await service.get_artifact_by_hash(tx, compiled_hash, asked.approval_id)
    kept = _ASK_AGAIN if asked.approval_id is None else _FOR_EVER
    headers = {"ETag": f'"{artifact.artifact_id}"', "Cache-Control": kept}
    if etag_matches(request, headers["ETag"]):
        return Response(content=b"", status_code=304, headers=headers)
    return answer(msgspec.Raw(artifact.envelope), headers=headers)


HANDLERS = [list_keys, revoke_person_key, get_artifact]
