"""What a route may learn of the request at hand: who asks, with which body, on which database.

The one file outside `routes`, `server` and `web` that knows the web framework, so that every
`routes` file of the product reads a request in the same way. The server puts the objects that it
keeps into the application's state under their types' names; the door (`server.auth`) puts the
principal and the parsed key into the request.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, NoReturn, TypeAlias, TypedDict, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.enums import MediaType
from litestar.exceptions import HTTPException

from placet.kernel import bodies
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX
from placet.kernel.principal import Principal, Scope
from placet.kernel.refusals import (
    BodyTooLarge,
    GovernanceUnavailable,
    IdempotencyKeyRequired,
    MalformedHeader,
    MalformedQuery,
    Refusal,
    Unauthenticated,
    UnsupportedMediaType,
)
from placet.kernel.value import Input, Value
from placet.storage.database import Database, Writing
from placet.storage.idempotency import (
    PREPARING_FOR,
    Claim,
    claim_apart,
    first_answer,
    hold_claim,
    keep_answer,
    release_claim,
)
from placet.tenancy.model import ParsedKey

AppRequest: TypeAlias = Request[Principal, ParsedKey, State]
"""A request of this product: what every handler takes."""

T = TypeVar("T")

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_JSON: Final = re.compile(r"application/json\s*(;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
_TOO_LARGE: Final = 413
_REPLAYED: Final = MappingProxyType({"Idempotency-Replayed": "true"})
_LOG: Final = logging.getLogger("placet.door")


class _Asked(TypedDict):
    """What the first answer to a request is kept under."""

    route: str
    key: str
    fingerprint: bytes


class RouteOpt(TypedDict, total=False):
    """What a route says of itself to the door and to its reference page.

    `scope`: what a key needs, any one of them where there are several. `hot`: the database function
    authenticates, the door only reads the key. `public`: no key at all. A route that says none of
    the three is refused to everybody. `grants`: it gives authority or signs, so that it is refused
    while the database is not what was witnessed of it. The rest is for the reference page: `body`,
    `query` and `answer` as types, `status` of a good answer, `keyed` where `Idempotency-Key` is
    needed, `media` where the answer is no JSON, `refusals` that are its own.
    """

    scope: Scope | tuple[Scope, ...]
    hot: bool
    public: bool
    grants: bool
    body: Any
    query: type[msgspec.Struct]
    answer: Any
    status: int
    keyed: bool
    media: str


class Answer(Value, frozen=True):
    """What a mutating route answers; a repeat shows `kept` instead where `value` has secrets."""

    value: msgspec.Struct
    status: int = 200
    kept: msgspec.Struct | None = None
    headers: Mapping[str, str] = MappingProxyType({})


class PageQuery(Input, frozen=True):
    """How much of a list, and from where."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


def database_of(request: AppRequest) -> Database:
    """Return the database."""
    return kept_of(request, Database)


def ids_of(request: AppRequest) -> Ids:
    """Return where identifiers come from."""
    ids: Ids = request.app.state["Ids"]
    return ids


def clock_of(request: AppRequest) -> Clock:
    """Return this process's clock, which only guesses."""
    clock: Clock = request.app.state["Clock"]
    return clock


def kept_of(request: AppRequest, kind: type[T]) -> T:
    """Return the object of this type that the server keeps."""
    found = request.app.state[kind.__name__]
    assert isinstance(found, kind), kind.__name__  # noqa: S101 -- narrows the type; the server put it there
    return found


def principal_of(request: AppRequest) -> Principal:
    """Return who asks. Not on hot routes, where only the database function knows."""
    return request.user


def key_of(request: AppRequest) -> ParsedKey:
    """Return the id and the secret's hash of the key that came with the request."""
    return request.auth


def refuse_key(code: str, key: ParsedKey) -> NoReturn:
    """Refuse a key that speaks for nobody. Why is logged, and not told: every 401 looks the same.

    `code` is what the database function said: `unknown`, `revoked`, `expired` or `disabled`.
    """
    _LOG.info("key refused", extra={"key_id": key.key_id, "reason": code})
    raise unauthenticated()


def unauthenticated() -> Unauthenticated:
    """Return the one answer to every request without a live key."""
    return Unauthenticated(detail="no live API key came with the request")


async def body_of(request: AppRequest) -> bytes:
    """Return the bytes of a JSON body.

    Refuses `unsupported_media_type` for another type or for compressed bytes, `body_too_large`.
    """
    if not _JSON.fullmatch(request.headers.get("content-type", "")):
        raise UnsupportedMediaType(detail="the body is not declared as `application/json`")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType(detail="the body is compressed")
    try:
        return await request.body()
    except HTTPException as fault:
        if fault.status_code == _TOO_LARGE:
            raise BodyTooLarge(detail="the body is larger than this route takes") from fault
        raise


def query_of(request: AppRequest, shape: type[T]) -> T:
    """Return the query parameters as a Struct.

    Refuses `malformed_query` for one that is unknown, given twice, or of a wrong form.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise MalformedQuery(detail="a parameter stands twice", parameter=name[:100])
        if "\x00" in value:
            raise MalformedQuery(detail="a parameter holds the character U+0000", parameter=name)
        found[name] = value
    try:
        return msgspec.convert(found, shape, strict=False)
    except msgspec.ValidationError as fault:
        text = str(fault).partition(" - at `")[0][: bodies.DETAIL_MAX]
        parameter = bodies.pointer_of(str(fault)).strip("/") or "*"
        raise MalformedQuery(detail=text[:1].lower() + text[1:], parameter=parameter) from fault


def idempotency_key_of(request: AppRequest) -> str:
    """Return the request's idempotency key.

    Refuses `idempotency_key_required` without one and `malformed_header` for one that is not 1 to
    128 visible ASCII characters.
    """
    key: str | None = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        raise IdempotencyKeyRequired(detail="the request has no `Idempotency-Key`")
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise MalformedHeader(
            detail="an idempotency key is 1 to 128 visible ASCII characters",
            header=IDEMPOTENCY_KEY,
        )
    return key


def answer(
    value: msgspec.Struct | msgspec.Raw, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return the answer that says this value, as JSON."""
    return _json(msgspec.json.encode(value), status, headers or {})


async def answered(
    request: AppRequest, raw: bytes, work: Callable[[Writing], Awaitable[Answer]]
) -> Response[bytes]:
    """Do the work of a mutating route once per idempotency key, and return its answer.

    The answer is kept in the transaction of the effect. A repeat of the same request gets the same
    answer and `Idempotency-Replayed: true`, and has no effect. Refuses `idempotency_conflict` when
    the key stands for another request, `answer_erased` when an erasure took the answer since, and
    `request_in_progress` while the first still runs.
    """
    asked = _asked(request, raw)
    async with database_of(request).writing(principal_of(request)) as tx:
        kept = await first_answer(tx, **asked)
        if kept is not None:
            return _json(kept.body, kept.status, _REPLAYED)
        made = await work(tx)
        body = await _kept(tx, asked["route"], asked["key"], made)
    return _json(body, made.status, made.headers)


async def answered_apart(
    request: AppRequest,
    raw: bytes,
    prepare: Callable[[], Awaitable[T]],
    work: Callable[[Writing, T], Awaitable[Answer]],
) -> Response[bytes]:
    """Do as `answered` does for work that takes its time: `prepare` runs with no transaction open.

    A repeat prepares nothing. Of two that ask for the same at once, one prepares, and the other is
    refused with `request_in_progress`, on whichever node. What is refused may be asked for again
    with the same key. Refuses `governance_unavailable` where preparing takes too long.
    """
    asked = _asked(request, raw)
    db, principal = database_of(request), principal_of(request)
    async with db.writing(principal) as tx:
        claim = await claim_apart(tx, **asked)
    if not isinstance(claim, Claim):
        return _json(claim.body, claim.status, _REPLAYED)
    try:
        prepared = await in_time(prepare)
        async with db.writing(principal) as tx:
            await hold_claim(tx, claim)
            made = await work(tx, prepared)
            body = await _kept(tx, claim.route, claim.key, made)
    except BaseException:
        await asyncio.shield(_release(db, principal, claim))
        raise
    return _json(body, made.status, made.headers)


def etag_matches(request: AppRequest, etag: str) -> bool:
    """Tell whether `If-None-Match` names this entity tag, quotes included, or `*`."""
    header: str = request.headers.get("if-none-match", "")
    named = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return etag in named or "*" in named


def _asked(request: AppRequest, raw: bytes) -> _Asked:
    return _Asked(
        route=f"{request.method} {request.scope['path_template']}",
        key=idempotency_key_of(request),
        fingerprint=bodies.fingerprint(f"{request.method} {request.scope['path']}", raw),
    )


async def _kept(tx: Writing, route: str, key: str, made: Answer) -> bytes:
    """Keep an answer for those who repeat the request, and return what is answered now."""
    body = msgspec.json.encode(made.value)
    repeat = body if made.kept is None else msgspec.json.encode(made.kept)
    await keep_answer(tx, route=route, key=key, status=made.status, body=repeat)
    return body


async def in_time(prepare: Callable[[], Awaitable[T]]) -> T:
    """Do what takes its time and changes nothing, while a claim taken before is surely held.

    What ended later would be done twice. Refuses `governance_unavailable` where it takes too long.
    """
    try:
        async with asyncio.timeout(PREPARING_FOR.total_seconds()) as limit:
            return await prepare()
    except TimeoutError as fault:
        if not limit.expired():
            raise
        raise GovernanceUnavailable(
            detail="this took longer than it may; nothing was done", retry_after_seconds=5
        ) from fault


async def _release(db: Database, principal: Principal, claim: Claim) -> None:
    """Give a claim back; where that cannot be, it lapses."""
    try:
        async with db.writing(principal) as tx:
            await release_claim(tx, claim)
    except Refusal:
        _LOG.warning("an idempotency key could not be given back and lapses", exc_info=True)


def _json(body: bytes, status: int, headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        content=body, status_code=status, media_type=MediaType.JSON, headers=dict(headers)
    )
