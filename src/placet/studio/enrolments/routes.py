"""Enrolments over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.ids import ActorId
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.enrolments import confirming, service, store
from placet.studio.enrolments.model import (
    AskChallenge,
    AskEnrolment,
    ChallengeAnswer,
    ConfirmEnrolment,
    EnrolmentAnswer,
    RemoveApprover,
)
from placet.studio.workspaces.model import ApproverRemoval
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

_CHALLENGE: Final = msgspec.json.Decoder(AskChallenge)
_ASK: Final = msgspec.json.Decoder(AskEnrolment)
_CONFIRM: Final = msgspec.json.Decoder(ConfirmEnrolment)
_REMOVE: Final = msgspec.json.Decoder(RemoveApprover)
_ASKERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/authority/challenges",
    opt=RouteOpt(scope=_ASKERS, body=AskChallenge, answer=ChallengeAnswer, status=201, keyed=True),
)
async def issue_challenge(request: AppRequest) -> Response[bytes]:
    """Give the caller a challenge; a proof of possession over it serves one enrolment."""
    raw = await body_of(request)
    bodies.decode(_CHALLENGE, raw)

    async def work(tx: Writing) -> Answer:
        given = await service.issue_challenge(tx, ids_of(request))
        shown = ChallengeAnswer(
            challenge_id=given.challenge_id,
            tenant_id=given.tenant_id,
            actor_id=given.actor_id,
            challenge=given.challenge.hex(),
            expires_at=given.expires_at,
        )
        return Answer(value=shown, status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/authority/enrolments",
    opt=RouteOpt(scope=_ASKERS, body=AskEnrolment, answer=EnrolmentAnswer, status=201, keyed=True),
)
async def ask_enrolment(request: AppRequest) -> Response[bytes]:
    """Ask to vote in a workspace with a key; an approver of that workspace must confirm it."""
    raw = await body_of(request)
    asked = bodies.decode(_ASK, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.ask_enrolment(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/authority/enrolments",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[EnrolmentAnswer]),
)
async def list_enrolments(request: AppRequest) -> Response[bytes]:
    """List the tenant's enrolments in the order of their asking."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_enrolments(tx, after=after, limit=asked.limit + 1)
        shown = await service.show_enrolments(tx, found[: asked.limit])
    cursor = encode_cursor([str(shown[-1].enrolment_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(
    "/api/v1/authority/enrolments/{enrolment_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=EnrolmentAnswer),
)
async def get_enrolment(request: AppRequest, enrolment_id: FromPath[UUID]) -> Response[bytes]:
    """Return an enrolment as it counts now, with what is to be signed about it."""
    async with database_of(request).reading(principal_of(request)) as tx:
        enrolment = await store.get_enrolment(tx, enrolment_id)
        (shown,) = await service.show_enrolments(tx, [enrolment])
    return answer(shown)


@post(
    "/api/v1/authority/enrolments/{enrolment_id:uuid}/confirmations",
    opt=RouteOpt(
        scope=Scope.APPROVE, body=ConfirmEnrolment, answer=EnrolmentAnswer, status=201, keyed=True
    ),
)
async def confirm_enrolment(request: AppRequest, enrolment_id: FromPath[UUID]) -> Response[bytes]:
    """Hand in an approver's signed word on an enrolment; it decides it."""
    raw = await body_of(request)
    asked = bodies.decode(_CONFIRM, raw)

    async def work(tx: Writing) -> Answer:
        decided = await confirming.confirm_enrolment(tx, enrolment_id, asked, ids_of(request))
        return Answer(value=decided, status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/approvers/{actor_id:uuid}/remove",
    opt=RouteOpt(
        scope=(Scope.APPROVE, Scope.ADMIN), body=RemoveApprover, answer=ApproverRemoval, keyed=True
    ),
)
async def remove_approver(
    request: AppRequest, workspace_id: FromPath[UUID], actor_id: FromPath[UUID]
) -> Response[bytes]:
    """Take the right to vote in a workspace from an approver, as that person or as an admin."""
    raw = await body_of(request)
    asked = bodies.decode(_REMOVE, raw)
    is_admin = Scope.ADMIN in principal_of(request).scopes

    async def work(tx: Writing) -> Answer:
        removed = await service.remove_approver(
            tx, workspace_id, ActorId(actor_id), asked, ids_of(request), is_admin=is_admin
        )
        return Answer(value=removed)

    return await answered(request, raw, work)


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [
    issue_challenge,
    ask_enrolment,
    list_enrolments,
    get_enrolment,
    confirm_enrolment,
    remove_approver,
]
