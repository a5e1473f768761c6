"""From a refusal or a fault to the one form of answer: RFC 9457 problem details.

The only file that knows status numbers.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from placet.kernel import refusals
from placet.kernel.refusals import Refusal

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1
"""What a refusal that will pass says when it does not know better."""

STATUS: Final[Mapping[type[Refusal], HTTPStatus]] = {
    refusals.Malformed: HTTPStatus.BAD_REQUEST,
    refusals.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    refusals.Forbidden: HTTPStatus.FORBIDDEN,
    refusals.NotFound: HTTPStatus.NOT_FOUND,
    refusals.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    refusals.Conflict: HTTPStatus.CONFLICT,
    refusals.Gone: HTTPStatus.GONE,
    refusals.Precondition: HTTPStatus.PRECONDITION_FAILED,
    refusals.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    refusals.Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    refusals.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    refusals.PreconditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    refusals.Exhausted: HTTPStatus.TOO_MANY_REQUESTS,
    refusals.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each kind of refusal; a refusal has that of its kind."""

_PASSES: Final = (refusals.Exhausted, refusals.Unavailable, refusals.RequestInProgress)
_LOG: Final = logging.getLogger("placet.server")

AnyRequest = Request[Any, Any, Any]


class InternalError(Refusal):
    """The service made a mistake."""

    hint = "tell the operator the request id; repeating the same request is safe"
    action = refusals.Action.RETRY_SAME


def status_of(kind: type[Refusal]) -> HTTPStatus:
    """Return the status of a class of refusals: that of its kind."""
    for ancestor in kind.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    return HTTPStatus.INTERNAL_SERVER_ERROR


# What Python called otherwise before 3.13.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """Return the words that stand beside a status number, by RFC 9110."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def document(refusal: Refusal, *, instance: str, request_id: str) -> dict[str, Any]:
    """Return the problem document of a refusal. `instance` is the path that was asked for."""
    problem = refusal.members() | {
        "type": f"urn:placet:problem:{refusal.code()}",
        "title": refusal.title(),
        "status": int(status_of(type(refusal))),
        "detail": refusal.detail,
        "code": refusal.code(),
        "hint": refusal.hint,
        "action": refusal.action.value,
        "instance": instance,
        "request_id": request_id,
    }
    seconds = _retry_after(refusal)
    return problem if seconds is None else problem | {"retry_after_seconds": seconds}


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Return the headers that go with a refusal."""
    headers: dict[str, str] = {}
    seconds = _retry_after(refusal)
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(refusal, refusals.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="placet"'
    return headers


def rendered(
    refusal: Refusal, *, instance: str, request_id: str
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer that says a refusal."""
    body = msgspec.json.encode(document(refusal, instance=instance, request_id=request_id))
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))}
    return int(status_of(type(refusal))), headers | headers_of(refusal), body


def on_refusal(request: AnyRequest, fault: Refusal) -> Response[bytes]:
    """Answer a refusal."""
    return _respond(request, fault)


def on_http_exception(request: AnyRequest, fault: HTTPException) -> Response[bytes]:
    """Answer a fault that the framework found, in our words; none of its own text is shown."""
    if fault.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_mistake(request, fault)
    answer = _respond(request, _refusal_for(fault.status_code))
    if fault.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = (fault.headers or {}).get("allow", "")
    return answer


def on_unreadable(request: AnyRequest, fault: Exception) -> Response[bytes]:
    """Answer a request that a parser gave up on."""
    del fault
    return _respond(request, refusals.Malformed(detail="the request cannot be read"))


def on_mistake(request: AnyRequest, fault: Exception) -> Response[bytes]:
    """Answer a mistake of ours: the log gets everything, the caller the request id."""
    _LOG.error("internal error", exc_info=fault, extra={"request_id": request_id_of(request.scope)})
    return _respond(request, InternalError(detail="the service made a mistake; it was logged"))


def request_id_of(scope: Mapping[str, Any]) -> str:
    """Return the id of a request, as `server.edge` has put it there."""
    return str(scope.get("state", {}).get("request_id", ""))


HANDLERS: Final[dict[int | type[Exception], Any]] = {
    Refusal: on_refusal,
    HTTPException: on_http_exception,
    UnicodeDecodeError: on_unreadable,
    RecursionError: on_unreadable,
    Exception: on_mistake,
}
"""Who answers which exception. A stray decoding error is a mistake: bodies are read by `bodies`."""


def _respond(request: AnyRequest, refusal: Refusal) -> Response[bytes]:
    scope = request.scope
    status, headers, body = rendered(
        refusal, instance=scope["path"], request_id=request_id_of(scope)
    )
    return Response(content=body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _retry_after(refusal: Refusal) -> int | None:
    if refusal.retry_after_seconds is not None:
        return refusal.retry_after_seconds
    return RETRY_AFTER_SECONDS if isinstance(refusal, _PASSES) else None


def _refusal_for(status: int) -> Refusal:
    match status:
        case HTTPStatus.NOT_FOUND:
            return refusals.NotFound(detail="there is no such path")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return refusals.MethodNotAllowed(detail="this path does not take that method")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return refusals.BodyTooLarge(detail="the body is larger than this route takes")
        case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return refusals.UnsupportedMediaType(detail="the body is of another media type")
        case _:
            return refusals.Malformed(detail="the request cannot be read")
