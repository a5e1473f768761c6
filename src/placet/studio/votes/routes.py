"""Votes over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.server_keys import ServerKeys
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Writing
from placet.studio.approvals.service import SignatureWanted, SignedBefore, sign_before
from placet.studio.votes import service
from placet.studio.votes.model import CastVote, VoteAnswer, VoteList
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
)

_VOTE: Final = msgspec.json.Decoder(CastVote)
_ATTEMPTS: Final = 3
"""How often a vote is tried: where a command signs, once to know what, and once with that."""


@post(
    "/api/v1/studio/approval-requests/{request_id:uuid}/votes",
    opt=RouteOpt(scope=Scope.APPROVE, body=CastVote, answer=VoteAnswer, status=201, keyed=True),
)
async def cast_vote(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """Hand in a signed vote; the one that meets the quorum puts the artifact in force."""
    raw = await body_of(request)
    asked = bodies.decode(_VOTE, raw)
    keys, ids = kept_of(request, ServerKeys), ids_of(request)
    before: SignedBefore | None = None

    async def work(tx: Writing) -> Answer:
        value = await service.cast_vote(tx, request_id, asked, keys, ids, before)
        return Answer(value=value, status=201)

    for _ in range(_ATTEMPTS):
        try:
            return await answered(request, raw, work)
        except SignatureWanted as wanted:
            before = await sign_before(wanted, keys)
    raise GovernanceUnavailable(
        detail="the key that signs artifacts is changed at this moment", retry_after_seconds=1
    )


@get(
    "/api/v1/studio/approval-requests/{request_id:uuid}/votes",
    opt=RouteOpt(
        scope=(Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN),
        answer=VoteList,
    ),
)
async def list_votes(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """List the votes on a request in the order in which they were cast."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_votes(tx, request_id))


HANDLERS = [cast_vote, list_votes]
