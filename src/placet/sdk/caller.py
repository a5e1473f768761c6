"""One request: sent, sent again while that may help, and read. Raises the service's refusals."""

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.refusals import (
    Action,
    GovernanceUnavailable,
    Refusal,
    RequestInProgress,
    Unavailable,
    refusal_for,
)
from placet.kernel.value import Value
from placet.sdk.retry import Patience, Tried, Trouble, chance, decide_pause, trouble_of
from placet.sdk.transport import HttpRequest, HttpResponse, Transport, TransportError

API: Final = "/api/v1"
_MISTAKES_FROM: Final = 500
_ERRORS_FROM: Final = 400
_PROBLEM: Final = "application/problem+json"

T = TypeVar("T")


class Ask(Value, frozen=True):
    """What is asked of the service. `path` stands below `/api/v1`; `body` is encoded as JSON.

    `headers` hold what belongs to this request alone; the key is added when it is sent.
    """

    method: str
    path: str
    body: msgspec.Raw | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Heard(Value, frozen=True):
    """A response, and when by the monotone clock it came and what it answers was first sent."""

    response: HttpResponse
    sent: float
    received: float


class _Attempt(Value, frozen=True):
    """How one attempt ended: with a response, or with trouble and what to raise for it."""

    trouble: Trouble
    fault: Refusal | None = None
    response: HttpResponse | None = None

    @property
    def is_doubtful(self) -> bool:
        """Tell whether the request may have been carried out, or may be yet."""
        return self.trouble is Trouble.NO_ANSWER or isinstance(
            self.fault, Unavailable | RequestInProgress
        )


class Caller:
    """Sends requests with one key over one transport. For one event loop."""

    def __init__(self, transport: Transport, api_key: str, clock: Clock, ids: Ids) -> None:
        """Take the transport, the key, and where time and randomness come from."""
        self._transport = transport
        self._api_key = api_key
        self.clock = clock
        self.ids = ids

    def __repr__(self) -> str:
        """Show the transport, never the key."""
        return f"Caller({self._transport!r})"

    def another(self) -> "Caller":
        """Return one like this for another thread's event loop."""
        return Caller(self._transport.another(), self._api_key, self.clock, self.ids)

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.close()

    async def ask(self, ask: Ask, into: type[T], patience: Patience) -> T:
        """Return the answer as `into`. Raises as `hear` does."""
        return read(await self.hear(ask, patience), into)

    async def hear(self, ask: Ask, patience: Patience) -> Heard:
        """Send until there is an answer, nothing more can be hoped for, or the patience ends.

        Raises the refusal that the service answered, in its own class, and `GovernanceUnavailable`
        where there was no answer: then it is unknown whether the request was carried out.
        """
        began = sent = self.clock.monotonic()
        attempts, in_doubt = 0, False
        while True:
            # An attempt that was refused did nothing; one without an answer may have done it all.
            sent = sent if in_doubt else self.clock.monotonic()
            attempt = await self._attempt(ask, patience)
            attempts += 1
            in_doubt = in_doubt or attempt.is_doubtful
            now = self.clock.monotonic()
            if attempt.response is not None:
                return Heard(response=attempt.response, sent=sent, received=now)
            fault = attempt.fault or GovernanceUnavailable(detail="the service did not answer")
            tried = Tried(
                attempts=attempts, elapsed=now - began, retry_after=fault.retry_after_seconds
            )
            pause = decide_pause(attempt.trouble, patience, tried, chance(self.ids.token(4)))
            if pause is None:
                raise fault
            await asyncio.sleep(pause)

    async def _attempt(self, ask: Ask, patience: Patience) -> _Attempt:
        headers = {"Authorization": f"Bearer {self._api_key}", "Accept": "application/json"}
        body = None if ask.body is None else bytes(ask.body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = HttpRequest(
            method=ask.method,
            path=API + ask.path,
            headers=headers | ask.headers,
            body=body,
            timeout_seconds=patience.attempt,
        )
        try:
            response = await self._transport.send(request)
        except TransportError as fault:
            gone = GovernanceUnavailable(detail=str(fault))
            gone.__cause__ = fault
            return _Attempt(trouble=Trouble.NO_ANSWER, fault=gone)
        if response.status < _ERRORS_FROM:
            return _Attempt(trouble=Trouble.REFUSED, response=response)
        return _judged(response)


def _judged(response: HttpResponse) -> _Attempt:
    is_problem = response.headers.get("content-type", "").startswith(_PROBLEM)
    refusal = refusal_in(response) if is_problem else None
    if refusal is not None and type(refusal) is not Refusal:
        return _Attempt(trouble=trouble_of(refusal.action), fault=refusal)
    detail = f"{response.status} was answered" if refusal is None else refusal.detail
    if response.status >= _MISTAKES_FROM:
        fault = GovernanceUnavailable(detail=f"the service could not answer: {detail}")
        return _Attempt(trouble=Trouble.NO_ANSWER, fault=fault)
    return _Attempt(
        trouble=trouble_of(action_in(response)), fault=refusal or Refusal(detail=detail)
    )


def refusal_in(response: HttpResponse) -> Refusal:
    """Return the refusal of a problem document; `Retry-After` counts where the body is silent."""
    import placet.sdk.known_refusals  # noqa: F401, PLC0415 -- it says itself why so late

    problem = _document(response)
    after = response.headers.get("retry-after", "")
    if problem.get("retry_after_seconds") is None and after.isascii() and after.isdigit():
        problem["retry_after_seconds"] = int(after)
    return refusal_for(problem)


def action_in(response: HttpResponse) -> Action:
    """Return what a problem document says to do next; a code of a newer service has one too."""
    try:
        return Action(str(_document(response).get("action")))
    except ValueError:
        return Action.STOP


def _document(response: HttpResponse) -> dict[str, object]:
    try:
        return msgspec.json.decode(response.body, type=dict[str, object])
    except msgspec.MsgspecError:
        return {}


def read(heard: Heard, into: type[T]) -> T:
    """Return the body as `into`.

    Raises `GovernanceUnavailable` where the body is nothing of the kind: an answer that cannot be
    understood permits nothing.
    """
    try:
        return msgspec.json.decode(heard.response.body, type=into)
    except msgspec.MsgspecError as fault:
        detail = f"the service's answer could not be read: {fault}"
        raise GovernanceUnavailable(detail=detail) from fault


def json_body(**members: object) -> msgspec.Raw:
    """Return a JSON object of the members that are not none."""
    given = {name: value for name, value in members.items() if value is not None}
    return msgspec.Raw(msgspec.json.encode(given))


def path_of(template: str, **ids: UUID | str) -> str:
    """Return a path with ids set in; an id that is no plain segment is refused."""
    for name, value in ids.items():
        if not str(value).replace("-", "").replace("_", "").isalnum():
            message = f"`{name}` is no id: {value!r}"
            raise ValueError(message)
    return template.format(**ids)


def query_of(parameters: Mapping[str, str | int | None]) -> str:
    """Return the query with its `?`, or nothing where every parameter is none."""
    from urllib.parse import urlencode  # noqa: PLC0415 -- only some requests have a query

    given = {name: value for name, value in parameters.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
