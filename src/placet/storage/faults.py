"""From a driver's fault to a refusal. Nobody above storage knows what asyncpg raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from placet.kernel.refusals import (
    Conflict,
    GovernanceUnavailable,
    MalformedBody,
    Refusal,
    RequestInProgress,
)

_AWAY: Final = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    PoolTimeoutError,
)
LOST: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
    TimeoutError,
)
_UNSTORABLE: Final = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.DatetimeFieldOverflowError,
    asyncpg.InvalidTextRepresentationError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.UntranslatableCharacterError,
)
_FULL: Final = (asyncpg.DiskFullError, asyncpg.OutOfMemoryError, asyncpg.PostgresIOError)


class StateMovedOn(Conflict):
    """Somebody else changed the same thing at the same moment."""

    hint = "read it again and decide again"


def refusal_of(fault: BaseException) -> Refusal | None:
    """Return the refusal that a driver's fault means, or None when it is a mistake of ours."""
    if isinstance(fault, DBAPIError):
        cause = fault.orig.__cause__ if fault.orig is not None else None
        return refusal_of(cause) if cause is not None else _unavailable("the database failed")
    if isinstance(fault, _FULL):
        return _unavailable("the database cannot write: its disk or memory is full")
    if isinstance(fault, asyncpg.LockNotAvailableError):
        return RequestInProgress(
            detail="another request holds what this one needs", retry_after_seconds=1
        )
    if isinstance(fault, asyncpg.QueryCanceledError):
        return _unavailable("the database took longer than a request may")
    if isinstance(fault, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return StateMovedOn(detail="two requests stood in each other's way; none was done")
    if type(fault) is asyncpg.DataError or isinstance(fault, _UNSTORABLE):
        return MalformedBody(detail="the request holds a value that cannot be stored")
    if isinstance(fault, asyncpg.ReadOnlySQLTransactionError):
        return _unavailable("the database is read-only at the moment")
    if isinstance(fault, _AWAY):
        return _unavailable("the database cannot be reached")
    if isinstance(fault, LOST):
        # It may have been written all the same: only the answer is known to be lost.
        return GovernanceUnavailable(
            detail="the database did not answer; whether this was written is not known",
            retry_after_seconds=2,
        )
    return None


def took_too_long(refusal: Refusal) -> bool:
    """Say whether a refusal means that a statement took longer than it may."""
    fault = refusal.__cause__
    if isinstance(fault, DBAPIError) and fault.orig is not None:
        fault = fault.orig.__cause__
    return isinstance(fault, asyncpg.QueryCanceledError)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the refusal that a driver's fault means; let mistakes of ours through as they are."""
    try:
        yield
    except Refusal:
        raise
    except Exception as fault:
        refusal = refusal_of(fault)
        if refusal is None:
            raise
        raise refusal from fault


def _unavailable(what: str) -> GovernanceUnavailable:
    return GovernanceUnavailable(detail=f"{what}; nothing was decided", retry_after_seconds=2)
