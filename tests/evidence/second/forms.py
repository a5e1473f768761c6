"""The canonical form and the hashes, written from docs/reference/evidence.md §2, §3 and §6."""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from uuid import UUID

LARGEST = 2**53 - 1


class Wrong(Exception):  # noqa: N818 -- what a reader says of a file
    """The file is not what the page says."""


def wrong(why: str) -> NoReturn:
    """Say why the file is not what the page says."""
    raise Wrong(why)


def parsed(line: bytes) -> Any:  # noqa: ANN401 -- any JSON
    """Return what a canonical document says. Raises `Wrong` unless it is in canonical form."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            wrong("a key stands twice")
        return found

    def never(text: str) -> None:
        wrong(f"{text} is no integer")

    def integer(text: str) -> int:
        number = int(text) if len(text) < 20 else LARGEST + 1
        if abs(number) > LARGEST:
            wrong("an integer is too large")
        return number

    try:
        found = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=once,
            parse_float=never,
            parse_constant=never,
            parse_int=integer,
        )
        if canonical(found) != line:
            wrong("it is not in canonical form")
    except (ValueError, RecursionError) as fault:
        wrong(str(fault))
    return found


def canonical(value: object) -> bytes:
    """Return the canonical form: RFC 8785 without floats."""
    match value:
        case dict():
            # UTF-16 units in their order are the bytes of UTF-16, big end first.
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
            inside = (canonical(key) + b":" + canonical(value[key]) for key in keys)
            return b"{" + b",".join(inside) + b"}"
        case list():
            return b"[" + b",".join(map(canonical, value)) + b"]"
        case str():
            if "\0" in value:
                wrong("a text holds U+0000")
            return json.dumps(value, ensure_ascii=False).encode("utf-8")
        case bool() | None:
            return {True: b"true", False: b"false", None: b"null"}[value]
        case int():
            return b"%d" % value
        case _:
            wrong(f"{type(value).__name__} has no canonical form")


def purposed(kind: str, content: bytes) -> bytes:
    """Return the hash of content for a purpose."""
    return hashlib.sha256(b"placet." + kind.encode("ascii") + b".v1\x00" + content).digest()


def leaf_of(event: Mapping[str, Any]) -> bytes:
    """Return the leaf of an event, from the fields of its line."""
    kind = event["type"].encode("utf-8")
    ids = b"".join(
        uuid_bytes(event[name]) for name in ("tenant_id", "stream_id", "event_id", "actor_id")
    )
    names = ("epoch", "fence", "control_epoch", "control_revision", "time", "seq")
    numbers = b"".join(struct.pack(">q", event[name]) for name in names)
    hashes = digest(event["prev"]) + digest(event["body_hash"])
    return purposed("event", ids + numbers + hashes + struct.pack(">h", len(kind)) + kind)


def uuid_bytes(text: str) -> bytes:
    """Return the bytes of a UUID in its one spelling."""
    return exactly(text, lambda: UUID(text).bytes, lambda raw: str(UUID(bytes=raw)))


def digest(text: str) -> bytes:
    """Return the 32 bytes of a hash in its one spelling."""
    raw = exactly(text, lambda: bytes.fromhex(text), lambda raw: raw.hex())
    if len(raw) != 32:
        wrong(f"{text} is no hash")
    return raw


def exactly(text: str, read: Callable[[], bytes], write: Callable[[bytes], str]) -> bytes:
    """Return what a text stands for, if it is the one spelling of it."""
    try:
        raw = read()
    except (ValueError, AttributeError, TypeError):
        wrong(f"{text!r} cannot be read")
    if write(raw) != text:
        wrong(f"{text!r} is another spelling")
    return raw
