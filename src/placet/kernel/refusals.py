"""The closed family of refusals: what could not be answered, and what to do next.

A denial by policy is an answer and no refusal. A refusal is a class: its name in snake case is
the stable `code`, the first line of its docstring the `title`, its fields the extra members of the
problem document. A part subclasses one of the kinds below; only `server/problems` knows which
status number a kind has, and the SDK raises these same classes.
"""

import dataclasses
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, get_type_hints

import msgspec


class Action(StrEnum):
    """The one thing that the caller should do next."""

    RETRY_SAME = "retry_same"
    RELOAD = "reload"
    NEW_PREFLIGHT = "new_preflight"
    WAIT = "wait"
    STOP = "stop"


_CODES: Final[dict[str, "type[Refusal]"]] = {}


@dataclasses.dataclass(kw_only=True, eq=False)
class Refusal(Exception):  # noqa: N818 -- a refusal is an answer that says no, not an error
    """The request was refused."""

    action: ClassVar[Action] = Action.STOP
    hint: ClassVar[str] = ""

    detail: str
    retry_after_seconds: int | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Register the code, so that the SDK can raise the class that the server raised."""
        super().__init_subclass__(**kwargs)
        _CODES[cls.code()] = cls

    def __post_init__(self) -> None:
        """Give the exception its text."""
        super().__init__(self.detail)

    def __str__(self) -> str:
        """Return the detail and, where there is one, the hint."""
        return f"{self.detail} ({self.hint})" if self.hint else self.detail

    @classmethod
    def code(cls) -> str:
        """Return the stable code: the class's name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def title(cls) -> str:
        """Return the first line of the docstring, without its full stop."""
        return (cls.__doc__ or "").strip().splitlines()[0].rstrip(".")

    def members(self) -> dict[str, Any]:
        """Return the extra members: every field but `detail` and `retry_after_seconds`."""
        skipped = {"detail", "retry_after_seconds"}
        return {
            field.name: msgspec.to_builtins(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in skipped
        }


class Malformed(Refusal):
    """The request could not be read."""


class Unauthenticated(Refusal):
    """No valid credentials came with the request."""

    hint = "send a live API key as `Authorization: Bearer plc_…`"


class Forbidden(Refusal):
    """The credentials do not allow this."""


class NotFound(Refusal):
    """There is no such thing here."""

    hint = "check the id, and that the key belongs to the tenant that owns it"


class MethodNotAllowed(Refusal):
    """This path does not take that method."""


class Conflict(Refusal):
    """The present state does not allow this."""

    action = Action.RELOAD


class Gone(Refusal):
    """This is over and will not come back."""


class Precondition(Refusal):
    """A condition that the request names does not hold."""


class PreconditionMissing(Refusal):
    """The request must name a condition and does not."""


class TooLarge(Refusal):
    """The request is too large."""


class Unsupported(Refusal):
    """The form of the request is not one that is taken here."""


class Invalid(Refusal):
    """The request was understood and cannot be accepted."""


class Exhausted(Refusal):
    """Too many requests."""

    action = Action.WAIT


class Unavailable(Refusal):
    """The service cannot answer now."""

    action = Action.WAIT


@dataclasses.dataclass(kw_only=True, eq=False)
class MalformedBody(Malformed):
    """The body could not be read."""

    hint = "the reference page of the route shows the shape"
    errors: list[dict[str, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(kw_only=True, eq=False)
class MalformedHeader(Malformed):
    """A header could not be read."""

    hint = "see the API's description for the form of this header"

    header: str


@dataclasses.dataclass(kw_only=True, eq=False)
class MalformedQuery(Malformed):
    """A query parameter could not be read."""

    hint = "see the API's description for the form of this parameter"

    parameter: str


@dataclasses.dataclass(kw_only=True, eq=False)
class ScopeMissing(Forbidden):
    """The key lacks the scope that this route needs."""

    hint = "use a key that carries the scope, or ask an admin of the tenant for one"
    scope: str


class BodyTooLarge(TooLarge):
    """The body is larger than this route takes."""

    hint = "a body may have 1 MiB, and one that adds a source 8 MiB"


class UnsupportedMediaType(Unsupported):
    """The body is not of a media type that this route takes."""

    hint = "send `Content-Type: application/json`, not compressed"


class IdempotencyKeyRequired(PreconditionMissing):
    """This route needs an idempotency key."""

    hint = "send a fresh `Idempotency-Key` per intended effect, and the same one on a retry"


class IdempotencyConflict(Conflict):
    """This idempotency key was used for another request."""

    action = Action.STOP
    hint = "send a fresh `Idempotency-Key` for a different request"


class AnswerErased(Gone):
    """This request was answered, and what was answered was erased."""

    hint = "it is not done a second time; read what came of it"


class RequestInProgress(Conflict):
    """The same request is being answered right now."""

    action = Action.RETRY_SAME
    hint = "send the same request again in a second"


class EtagMismatch(Precondition):
    """The thing has changed since that ETag."""

    action = Action.RELOAD
    hint = "read it again and decide again"


class PreconditionRequired(PreconditionMissing):
    """This route needs an `If-Match` header."""

    action = Action.RELOAD
    hint = "send the ETag of what you read"


class RateLimited(Exhausted):
    """Too many requests with this key."""

    hint = "try again after the time in Retry-After"


class GovernanceUnavailable(Unavailable):
    """The service cannot answer now; no grant was given out."""

    hint = "send the same again after the time in Retry-After; what was written is answered again"


def refusal_for(problem: Mapping[str, Any]) -> Refusal:
    """Return the refusal that a problem document describes, in its own class.

    `problem` is the decoded `application/problem+json`. A code that this version does not know, or
    members that do not fit, become a plain `Refusal` with the same detail.
    """
    detail = str(problem.get("detail", "the service refused the request"))
    cls = _CODES.get(str(problem.get("code", "")), Refusal)
    hints = get_type_hints(cls)
    try:
        members = {
            field.name: msgspec.convert(problem[field.name], hints[field.name], strict=False)
            for field in dataclasses.fields(cls)
            if field.name != "detail" and field.name in problem
        }
        return cls(detail=detail, **members)
    except (TypeError, msgspec.ValidationError):
        return Refusal(detail=detail)
