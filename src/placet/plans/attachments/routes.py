"""Reports of instances, and who runs what."""

from typing import Final

import msgspec
from litestar import Response, get, post

from placet.kernel import bodies
from placet.kernel.paging import decode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.plans.attachments import service
from placet.plans.attachments.model import (
    AttachmentNoted,
    AttachmentPage,
    AttachmentQuery,
    ReportAttachment,
)
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    database_of,
    principal_of,
    query_of,
)

_REPORT: Final = msgspec.json.Decoder(ReportAttachment)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT)


@post(
    "/api/v1/governance/attachments",
    opt=RouteOpt(scope=Scope.RUNTIME, body=ReportAttachment, answer=AttachmentNoted),
)
async def report_attachment(request: AppRequest) -> Response[bytes]:
    """Keep what an instance says of itself, and answer what is in force for it.

    It needs no idempotency key: a report that is sent again is the same report.
    """
    asked = bodies.decode(_REPORT, await body_of(request))
    principal = principal_of(request)
    async with database_of(request).writing(principal) as tx:
        return answer(await service.note_attachment(tx, principal, asked))


@get(
    "/api/v1/governance/attachments",
    opt=RouteOpt(scope=_READERS, query=AttachmentQuery, answer=AttachmentPage),
)
async def list_attachments(request: AppRequest) -> Response[bytes]:
    """Return who runs what: each instance of an agent, and whether it runs what is in force."""
    asked = query_of(request, AttachmentQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.list_attachments(tx, asked, after))


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(instance_id)] if "\x00" not in instance_id:
            return instance_id
    raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")


HANDLERS = [report_attachment, list_attachments]
