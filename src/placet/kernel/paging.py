"""A page of a list, and the opaque cursor to the next."""

import base64
import binascii
from typing import Final, Generic, TypeVar
from uuid import UUID

import msgspec

from placet.kernel.refusals import MalformedQuery
from placet.kernel.value import Value

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

T = TypeVar("T")


class Page(Value, Generic[T], frozen=True):
    """Up to `limit` items; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(position: list[str | int]) -> str:
    """Return an opaque cursor that stands for the sort key of the last item shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> list[str | int]:
    """Return the position behind a cursor. Refuses `malformed_query` for anything else."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str | int]
        )
    except (ValueError, binascii.Error, msgspec.MsgspecError) as fault:
        raise _not_ours() from fault


def decode_ids(cursor: str, count: int = 1) -> list[UUID]:
    """Return so many ids, which a cursor is made of. Refuses `malformed_query` for others."""
    position = decode_cursor(cursor)
    try:
        ids = [UUID(str(part)) for part in position]
    except ValueError as fault:
        raise _not_ours() from fault
    if len(ids) != count:
        raise _not_ours()
    return ids


def _not_ours() -> MalformedQuery:
    return MalformedQuery(detail="the cursor is not one that this service gave", parameter="cursor")
