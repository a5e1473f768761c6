"""The keys whose signatures count, and artifacts by their hash."""

import re
from typing import Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from placet.authority import store
from placet.authority.model import ArtifactNotFound, KeyList
from placet.kernel.principal import Scope
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    etag_matches,
    principal_of,
)

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FOR_EVER: Final = "private, max-age=31536000, immutable"


@get(
    "/api/v1/authority/keys",
    opt=RouteOpt(scope=tuple(Scope), answer=KeyList),
)
async def list_keys(request: AppRequest) -> Response[bytes]:
    """List every key whose signature counts in this tenant."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(
            KeyList(
                server_keys=await store.list_server_keys(tx),
                person_keys=await store.list_person_keys(tx),
            )
        )


@get(
    "/api/v1/authority/artifacts/{compiled_hash:str}",
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT),
        answer=dict[str, object],
    ),
)
async def get_artifact(request: AppRequest, compiled_hash: FromPath[str]) -> Response[bytes]:
    """Return a compiled artifact in its signed envelope; it never changes."""
    if not _HASH.fullmatch(compiled_hash):
        raise ArtifactNotFound(detail="there is no artifact with this hash")
    async with database_of(request).reading(principal_of(request)) as tx:
        artifact = await store.get_artifact_by_hash(tx, compiled_hash)
    headers = {"ETag": f'"{compiled_hash}"', "Cache-Control": _FOR_EVER}
    if etag_matches(request, headers["ETag"]):
        return Response(content=b"", status_code=304, headers=headers)
    return answer(msgspec.Raw(artifact.envelope), headers=headers)


HANDLERS = [list_keys, get_artifact]
