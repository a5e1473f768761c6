"""Checks evidence: bundles, dossiers and checkpoints, with nothing but the file itself.

One file, which needs Python 3.11 and the package `cryptography`, no database, no network and no
clock, and nothing of the service's code: copy it, read it, run it.

    python verify.py BUNDLE [--keys KEYS] [--checkpoint CHECKPOINT] [--json]

Every form that is read here is told, byte by byte, in `docs/reference/evidence.md`; the signs § in
the comments are its chapters. A bundle is read once, a line at a time; one small record is kept per
stream, per granted call, per receipt and per control, and of a bundle of the second form the leaf
of each event, which is 32 bytes. The first thing that is wrong ends the reading and is named; else
the report says what was proved, and what such a file can never prove.

In this order: what is reported; JSON (§3, §4); the forms of documents; keys and signatures (§7,
§8); leaves and the log's tree (§6, §12); the signed documents (§9); the lines of a bundle (§10);
what is read of events (§6); reading events quickly; the audit of a bundle; dossiers (§11); several
processes; the command.
"""

import argparse
import base64
import binascii
import functools
import gc
import hashlib
import heapq
import json
import marshal
import math
import multiprocessing
import os
import re
import struct
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import UnionType
from typing import (
    Annotated,
    BinaryIO,
    Final,
    Literal,
    NamedTuple,
    NoReturn,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LINE_MAX: Final = 16 * 1024 * 1024
"""Bytes of one line: one line is held at a time, and no more."""

DEPTH_MAX: Final = 64
DIGITS_MAX: Final = 4_000
NUMBER_MAX: Final = 2**53 - 1
GENESIS: Final = bytes(32)
"""What stands for the leaf before the first event of a stream."""

T = TypeVar("T")

_sha256: Final = hashlib.sha256
_unhex: Final = binascii.unhexlify
_to_hex: Final = binascii.hexlify
_from_base64: Final = binascii.a2b_base64


# What is reported.


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """The first bad item: on which line (from 1), what it is, and why it is bad."""

    line: int
    item: str
    why: str


@dataclass(frozen=True, kw_only=True)
class BundleReport:
    """What was found in a bundle. The counts are of what was checked before the flaw, if any.

    `calls` counts the grants and starts that the events tell of, `grants` the signed grants that
    the bundle brings, `grants_matched` those of them that an event of the bundle tells of too.
    `attestations` counts the reports that a tool's host signed, `orphans` those of calls that were
    not known, each with its grant. `log_size` and `log_root` are those of its last checkpoint,
    `logged` counts the events that are proved to be in that log. `proved` is empty if there is a
    flaw.
    """

    flaw: Flaw | None
    form: str | None
    tenant_id: UUID | None
    scope: str | None
    streams: int
    events: int
    bodies: int
    bodies_erased: int
    calls: int
    grants: int
    grants_matched: int
    envelopes: int
    seals: int
    attestations: int
    orphans: int
    dossiers: int
    log_size: int | None
    log_root: str | None
    logged: int
    keys_pinned: bool
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Tell whether nothing bad was found."""
        return self.flaw is None


@dataclass(frozen=True, kw_only=True)
class DossierReport:
    """What was found in a dossier. `proved` is empty if there is a flaw, and so is what it is of.

    All but the first four of what it is of is null where an artifact is all there is.
    """

    flaw: Flaw | None
    keys_pinned: bool
    subject: str | None = None
    tenant_id: UUID | None = None
    approval_id: UUID | None = None
    compiled_hash: str | None = None
    approvers: tuple[UUID, ...] = ()
    purpose: str | None = None
    workspace_id: UUID | None = None
    request_id: UUID | None = None
    agent: str | None = None
    environment: str | None = None
    proved: tuple[str, ...] = ()
    not_proved: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Tell whether nothing bad was found."""
        return self.flaw is None


class _BadError(Exception):
    """Ends the reading at the first bad item."""

    def __init__(self, item: str, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.item = item
        self.why = why
        self.line = line


def _bad(item: str, why: str, line: int | None = None) -> NoReturn:
    raise _BadError(item, why, line)


# JSON (§3, §4). A text that counts has one form. It is read, written again, and compared byte for
# byte: that refuses another order, spelling or space, a key that stands twice, and what follows.


def _integer(token: str) -> int:
    if len(token.lstrip("-")) > DIGITS_MAX:
        message = f"an integer has more than {DIGITS_MAX:,} digits"
        raise ValueError(message)
    return int(token)


def _small_integer(token: str) -> int:
    number = _integer(token)
    if not -NUMBER_MAX <= number <= NUMBER_MAX:
        message = f"`{token[:40]}` is no integer of 53 bits"
        raise _DoubleError(message)
    return number


def _constant(token: str) -> NoReturn:
    message = f"`{token}` is no JSON number"
    raise ValueError(message)


class _DoubleError(ValueError):
    """There is a number with a fraction or an exponent, or one that a double may not hold."""


def _no_double(token: str) -> NoReturn:
    message = f"`{token[:40]}` is no integer"
    raise _DoubleError(message)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key stands twice in one object"
        raise ValueError(message)
    return found


_WHOLE: Final = json.JSONDecoder(
    parse_int=_small_integer, parse_float=_no_double, parse_constant=_constant
)
_ANY: Final = json.JSONDecoder(parse_int=_integer, parse_constant=_constant)
_FREE: Final = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_no_double,
    parse_constant=_constant,
    object_pairs_hook=_members,
)
"""For texts whose own form is free: none but envelopes, whose payloads are what is signed."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_HIGH_LEADS: Final = bytes(range(0xEE, 0x100))
"""First bytes of characters whose order by code point is not that by UTF-16 unit."""


def read_form(data: bytes, *, doubles: bool = False) -> object:
    """Return what a text says that is in its one form (§3), else raise `ValueError`.

    With `doubles` that form is the foreign one (§4), which may hold any JSON number.
    """
    text = data.decode()
    value: object
    try:
        value = _scan(_WHOLE, text)
    except _DoubleError:
        if not doubles:
            raise
        value = _scan(_ANY, text)
    if write_form(value) != data:
        message = "it is not in canonical form"
        raise ValueError(message)
    if "\\u0000" in text or data.count(b"[") + data.count(b"{") > DEPTH_MAX:
        _check_parts(value, DEPTH_MAX)
    return value


def _scan(decoder: json.JSONDecoder, text: str) -> object:
    """Return the one value of a text, with no space around it."""
    try:
        value, end = decoder.raw_decode(text)
    except json.JSONDecodeError as fault:
        message = f"it is no JSON: {fault.msg[:1].lower()}{fault.msg[1:]} at {fault.pos}"
        raise ValueError(message) from None
    if end != len(text):
        message = "something follows its end"
        raise ValueError(message)
    return value


def _check_parts(value: object, levels: int) -> None:
    if isinstance(value, str) and "\x00" in value:
        message = "a string holds the character U+0000"
        raise ValueError(message)
    if isinstance(value, dict | list):
        if levels == 0:
            message = f"the text is nested more than {DEPTH_MAX} levels deep"
            raise ValueError(message)
        if isinstance(value, dict):
            for key in value:
                _check_parts(key, 1)
        for inner in value.values() if isinstance(value, dict) else value:
            _check_parts(inner, levels - 1)


def write_form(value: object) -> bytes:
    """Return the one form of a value of JSON. Raises `ValueError` for half a surrogate pair."""
    if not _has_double(value):
        data = _ENCODER.encode(value).encode()
        if data.isascii() or data.translate(None, _HIGH_LEADS) == data:
            return data
    out: list[str] = []
    _write(value, out)
    return "".join(out).encode()


def _has_double(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_double(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_has_double(inner) for inner in value)
    return isinstance(value, float)


def _write(value: object, out: list[str]) -> None:
    """Write a value slowly: keys by their UTF-16 units, doubles as the RFC says."""
    if isinstance(value, dict):
        out.append("{")
        for number, key in enumerate(sorted(value, key=lambda one: one.encode("utf-16-be"))):
            out.append(("," if number else "") + _ENCODER.encode(key) + ":")
            _write(value[key], out)
        out.append("}")
    elif isinstance(value, list):
        out.append("[")
        for number, inner in enumerate(value):
            out.append("," if number else "")
            _write(inner, out)
        out.append("]")
    else:
        out.append(_double(value) if isinstance(value, float) else _ENCODER.encode(value))


def _double(number: float) -> str:
    """Print a double as ECMAScript's Number::toString does (RFC 8785, 3.2.2.3)."""
    if not math.isfinite(number):
        message = "a number is beyond the range of a double"
        raise ValueError(message)
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:  # noqa: PLR2004 -- where the RFC begins to write exponents
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:  # noqa: PLR2004 -- the same
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:  # noqa: PLR2004 -- the same for small ones
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


# The forms of documents. A document is a class whose fields say what may stand there; `_into` makes
# one of it. All its fields must be there and no other, but in what is only `_Part` of a document.

Read = Callable[[object], object]


class _Part:
    """What is read of a document; its other fields are passed over, and some may be missing."""


def _text(shortest: int, longest: int) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            message = f"a text of {shortest} to {longest} characters is missing"
            raise ValueError(message)
        return value

    return read


def _number(least: int, most: int = NUMBER_MAX) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            message = f"an integer from {least} to {most} is missing"
            raise ValueError(message)
        return value

    return read


def _shaped(pattern: str, name: str) -> Callable[[object], str]:
    shape = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or not shape.fullmatch(value):
            message = f"{name} is missing"
            raise ValueError(message)
        return value

    return read


_hex: Final = _shaped("[0-9a-f]{64}", "a hash in lower-case hex")
_id: Final = _shaped("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UUID in its usual form")
_clock: Final = _shaped(
    # No hour 24: from 3.14 on Python takes one.
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?Z",
    "a time in UTC",
)


def _raw_id(value: object) -> bytes:
    """Return the 16 bytes of a UUID."""
    return bytes.fromhex(_id(value).replace("-", ""))


def _id_text(value: object) -> bytes:
    """Return the text of a UUID as bytes, as it stands in a file."""
    return _id(value).encode()


def _base64(value: object) -> bytes:
    """Return what base64 says, padded and with zero spare bits."""
    if isinstance(value, str):
        data = base64.b64decode(value.encode("ascii"), validate=True)
        if base64.b64encode(data) == value.encode("ascii"):
            return data
    message = "base64 in its standard form is missing"
    raise ValueError(message)


def _moment(value: object) -> datetime:
    text = _clock(value)
    found = datetime.fromisoformat(text)
    if text.endswith(".000000Z"):
        message = "a time has six decimals or none"
        raise ValueError(message)
    return found


Hex = Annotated[str, _hex]
Id = Annotated[str, _id]
IdText = Annotated[bytes, _id_text]
Name = Annotated[str, _text(1, 200)]
Reason = Annotated[str, _text(1, 1_000)]
Count = Annotated[int, _number(0)]
Ordinal = Annotated[int, _number(1)]
Base64 = Annotated[bytes, _base64]
Moment = Annotated[datetime, _moment]
Environment = Literal["development", "staging", "production"]


def _plain(kind: type, name: str) -> Read:
    def read(value: object) -> object:
        if type(value) is not kind:
            message = f"{name} is missing"
            raise ValueError(message)
        return value

    return read


_PLAIN: Final[dict[object, Read]] = {
    str: _plain(str, "a text"),
    int: _plain(int, "an integer"),
    bool: _plain(bool, "true or false"),
    object: lambda value: value,
}


def _reader(kind: object) -> Read:
    """Return what makes a field of this type out of a value of JSON."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, given = get_origin(kind), get_args(kind)
    if origin is Annotated:
        own: Read = given[1]
        return own
    if origin is Literal:
        return functools.partial(_one_of, frozenset(given))
    if origin is tuple:
        return functools.partial(_each, _reader(given[0]))
    if origin in {Union, UnionType}:
        return functools.partial(_optional, _reader(given[0]))
    if isinstance(kind, type):
        return functools.partial(_into, kind)
    message = f"{kind} is no field of a document"
    raise TypeError(message)


def _one_of(names: frozenset[str], value: object) -> object:
    if not isinstance(value, str) or value not in names:
        message = f"one of {', '.join(sorted(names))} is missing"
        raise ValueError(message)
    return value


def _each(read: Read, value: object) -> object:
    if not isinstance(value, list):
        message = "a list is missing"
        raise ValueError(message)  # noqa: TRY004 -- whatever is wrong with content is a ValueError
    return tuple([read(one) for one in value])


def _optional(read: Read, value: object) -> object:
    return None if value is None else read(value)


class _Field(NamedTuple):
    name: str
    attribute: str
    read: Read
    is_needed: bool


@functools.cache
def _form(kind: object) -> tuple[_Field, ...]:
    """Return the fields of a class of documents. A name that ends in `_` is written without."""
    types = get_type_hints(kind, include_extras=True)
    defaults = getattr(kind, "_field_defaults", {})
    if is_dataclass(kind):
        defaults = {one.name: 0 for one in fields(kind) if one.default is not MISSING}
    return tuple(
        _Field(_NAMES.get(name, name), name, _reader(read), name not in defaults)
        for name, read in types.items()
    )


_NAMES: Final = {"since": "from", "until": "to", "payload_type": "payloadType"}
"""The fields that are written with another name."""


def _into(kind: Callable[..., T], value: object) -> T:
    """Return the document that a value of JSON is. Raises `ValueError` if it is none."""
    if not isinstance(value, dict):
        message = "an object is missing"
        raise ValueError(message)  # noqa: TRY004 -- whatever is wrong with content is a ValueError
    found: dict[str, object] = {}
    known = _form(kind)
    for name, attribute, read, is_needed in known:
        if name in value:
            try:
                found[attribute] = read(value[name])
            except ValueError as fault:
                message = f"{fault} (`{name}`)"
                raise ValueError(message) from None
        elif is_needed:
            message = f"the field `{name}` is missing"
            raise ValueError(message)
    if len(value) != len(found) and not _is_part(kind):
        names = {one.name for one in known}
        message = f"the field `{next(name for name in value if name not in names)[:80]}` is unknown"
        raise ValueError(message)
    return kind(**found)


def _is_part(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, _Part | tuple)


def _read_into(kind: type[T], data: bytes) -> T:
    return _into(kind, read_form(data))


# Keys and signatures (§7, §8).

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_L: Final = 2**252 + 27742317777372353535851937790883648493
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64

GRANT, ARTIFACT, CHECKPOINT, PERSON, TOOL_HOST = (
    "grant",
    "artifact",
    "checkpoint",
    "person",
    "tool_host",
)
_OURS: Final = frozenset({GRANT, ARTIFACT, CHECKPOINT})
"""What the service itself has keys for."""


class PinnedKey(Protocol):
    """A public key, its id, what it is for, and, for a person's key, whose it is."""

    @property
    def key_id(self) -> str:
        """Return SHA-256 of the key, in hex."""

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes."""

    @property
    def purpose(self) -> str:
        """Return what it signs."""

    @property
    def actor_id(self) -> UUID | str | None:
        """Return whose it is."""


class PinnedKeys(Protocol):
    """The keys that an auditor trusts, kept apart from what is audited."""

    @property
    def keys(self) -> Sequence[PinnedKey]:
        """Return them all."""


@dataclass(frozen=True)
class Key:
    """A public key that was checked when it was read."""

    key_id: Hex
    public_key: Base64
    purpose: Literal["grant", "artifact", "checkpoint", "person", "tool_host"]
    actor_id: Id | None

    def __post_init__(self) -> None:
        """Refuse a bad key, and an id that is not the key's own."""
        check_public_key(self.public_key)
        if self.key_id != key_id_of(self.public_key):
            message = "the key id is not that of the key"
            raise ValueError(message)


@dataclass(frozen=True)
class KeyList:
    """A list of keys, as an auditor keeps it."""

    kind: Literal["placet.keys.v1"]
    version: Count
    keys: tuple[Key, ...]


Keys = dict[tuple[str, str], Key]
"""Keys by what they are for and their ids."""


def parse_keys(data: bytes) -> KeyList:
    """Return the keys that a file holds, whatever its own spaces are. Raises `ValueError`."""
    return _into(KeyList, _FREE.decode(data.decode()))


def _keys_of(pinned: PinnedKeys) -> Keys:
    keys: Keys = {}
    for key in pinned.keys:
        actor = None if key.actor_id is None else str(key.actor_id)
        purpose = str(key.purpose)
        own = Key(key.key_id, key.public_key, purpose, actor)  # type: ignore[arg-type]  # -- an unknown purpose is never looked for
        keys.setdefault((purpose, key.key_id), own)
    return keys


def key_id_of(raw: bytes) -> str:
    """Return SHA-256 of a key as a SubjectPublicKeyInfo, in hex."""
    return hashlib.sha256(_SPKI_PREFIX + raw).hexdigest()


@functools.lru_cache(maxsize=4_096)
def check_public_key(raw: bytes) -> None:
    """Raise `ValueError` unless `raw` is the one encoding of a point of large order."""
    if len(raw) != _KEY_BYTES:
        message = f"a public key has {_KEY_BYTES} bytes"
        raise ValueError(message)
    encoded = int.from_bytes(raw, "little")
    y, x_is_odd = encoded % 2**255, encoded >> 255
    # x² = (y² - 1) / (d y² + 1); the divisor is never zero, as -1/d is no square.
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if y >= _P or (x_squared == 0 and x_is_odd):
        message = "the public key is not the shortest encoding of its point"
        raise ValueError(message)
    if pow(x_squared, (_P - 1) // 2, _P) not in {0, 1}:
        message = "the public key is no point of the curve"
        raise ValueError(message)
    if y in _SMALL_ORDER_Y:
        message = "the public key is a point of small order"
        raise ValueError(message)


def _square_roots(number: int) -> tuple[int, ...]:
    """Return both square roots modulo p (which is 5 modulo 8), or nothing if there are none."""
    root = pow(number, (_P + 3) // 8, _P)
    for candidate in (root, root * _ROOT_OF_MINUS_ONE % _P):
        if (candidate * candidate - number) % _P == 0:
            return candidate, _P - candidate
    return ()


# Points of order 1 and 2 have x = 0, so y = ±1; order 4 has y = 0. A point of order 8 doubles to
# one with y = 0, which means x² = -y², and on the curve d y⁴ + 2 y² - 1 = 0.
_EIGHTH: Final = [
    y for root in _square_roots(1 + _D) for y in _square_roots((root - 1) * pow(_D, -1, _P))
]
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, *_EIGHTH})


@functools.lru_cache(maxsize=4_096)
def _loaded(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def is_signed(message: bytes, signature: bytes, raw: bytes) -> bool:
    """Tell whether this is a checked key's signature of this message."""
    if len(signature) != _SIGNATURE_BYTES:
        return False
    if int.from_bytes(signature[32:], "little") >= _L:
        return False
    try:
        _loaded(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True)
class _Signature:
    keyid: Annotated[str, _text(0, 200)]
    sig: Base64


@dataclass(frozen=True)
class Envelope:
    """A payload, its type, and one signature over both."""

    payload: Base64
    payload_type: Name
    signatures: tuple[_Signature, ...]

    def __post_init__(self) -> None:
        """Refuse more or fewer signatures than one."""
        if len(self.signatures) != 1:
            message = "an envelope has one signature"
            raise ValueError(message)

    @property
    def key_id(self) -> str:
        """Return the id of the key that the envelope names."""
        return self.signatures[0].keyid


def _parse_envelope(data: bytes, item: str) -> Envelope:
    """Return the envelope that stands as bytes in a document."""
    try:
        return _into(Envelope, _FREE.decode(data.decode()))
    except (ValueError, RecursionError) as fault:
        _bad(item, f"this is no envelope: {fault}")


def _open_payload(envelope: Envelope, expected: str, into: type[T], key: Key) -> T:
    """Return the document that this very key signed. Raises `ValueError`.

    The type is compared, then the signature checked, and only then the same bytes are read.
    """
    kind = envelope.payload_type
    if kind != expected:
        message = f"the envelope holds a `{kind[:80]}`, not a `{expected}`"
        raise ValueError(message)
    name = kind.encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(name), name, len(envelope.payload), envelope.payload)
    if not is_signed(signed, envelope.signatures[0].sig, key.public_key):
        message = "the signature is of none of the keys that count here"
        raise ValueError(message)
    try:
        value = read_form(envelope.payload)
    except (ValueError, RecursionError) as fault:
        message = f"the payload is not in canonical form: {fault}"
        raise ValueError(message) from None
    try:
        return _into(into, value)
    except (ValueError, RecursionError) as fault:
        message = f"the payload is no such document: {fault}"
        raise ValueError(message) from None


# Leaves (§2, §6) and the log's tree (RFC 6962; §12).

_EVENT: Final = b"placet.event.v1\x00"
_BODY: Final = b"placet.event_body.v1\x00"
_FIXED: Final = struct.Struct(">16s16s16s16sqqqqqq32s32sh")
_SALT_BYTES: Final = 16
_TYPE_BYTES_MAX: Final = 200


def digest(kind: str, content: bytes) -> str:
    """Return a hash of ours (§2), in hex."""
    return hashlib.sha256(f"placet.{kind}.v1".encode() + b"\x00" + content).hexdigest()


def entry_hash(leaf: bytes) -> bytes:
    """Return the hash of a log entry, which is the leaf of an event."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf at an index and the hashes beside its way give (RFC 9162, 2.1.3).

    None if the path is too long or too short for a tree of that size.
    """
    if not 0 <= index < size:
        return None
    found, at, last = entry_hash(leaf), index, size - 1
    for beside in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = _node(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, beside)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Tell whether a tree (its size and root) begins with an older one (RFC 9162, 2.1.4)."""
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size == new_size:
        return old_root == new_root and not path
    if old_size == 0:
        return old_root == hashlib.sha256().digest() and not path
    hashes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    if old_size > new_size or not hashes:
        return False
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found_new = _node(beside, found_old), _node(beside, found_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found_new = _node(found_new, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and (found_old, found_new) == (old_root, new_root)


# The signed documents (§9).


@dataclass(frozen=True)
class _Fence:
    epoch: Count
    n: Count


@dataclass(frozen=True)
class _Control:
    epoch: Count
    revision: Count


@dataclass(frozen=True)
class _Seen:
    root: Hex
    size: Count


@dataclass(frozen=True)
class _Grant:
    tenant_id: Id
    environment: Environment
    agent: Name
    session_id: Id
    step: Ordinal
    call_id: Id
    server: Name | None
    tool: Name
    tool_schema_hash: Hex | None
    arguments_hash: Hex
    fence: _Fence
    artifact_hash: Hex
    control: _Control
    key_list_version: Count
    not_before: Moment
    expires_at: Moment
    audience: Name | None


@dataclass(frozen=True)
class ApprovalVote:
    """One person's word on one frozen view (§9.2)."""

    purpose: Literal["ordinary", "break_glass"]
    tenant_id: Id
    workspace_id: Id
    environment: Environment
    request_id: Id
    decision: Literal["approve", "refuse"]
    snapshot_id: Id
    snapshot_hash: Hex
    view_hash: Hex
    source_hash: Hex
    command_history_hash: Hex
    compiler_version: Name
    artifact_hash: Hex
    approval_policy_hash: Hex
    voter_id: Id
    key_id: Hex
    latest_checkpoint: _Seen | None


@dataclass(frozen=True)
class _Possession:
    tenant_id: Id
    actor_id: Id
    key_id: Hex
    public_key: Hex
    challenge: Hex


@dataclass(frozen=True)
class Artifact:
    """What was compiled from an approved snapshot (§9.4)."""

    compiled_hash: Hex
    compiler_version: Name
    snapshot_id: Id
    snapshot_hash: Hex
    approval_id: Id
    review: str
    runtime: str
    compat: str


@dataclass(frozen=True)
class _EnrolmentVote:
    tenant_id: Id
    workspace_id: Id
    environment: Environment
    enrolment_id: Id
    decision: Literal["approve", "refuse"]
    actor_id: Id
    enrolled_key_id: Hex
    public_key: Hex
    challenge: Hex
    groups: tuple[Name, ...]
    voter_id: Id
    key_id: Hex
    latest_checkpoint: _Seen | None


@dataclass(frozen=True)
class _BreakGlassVote:
    tenant_id: Id
    workspace_id: Id
    environment: Environment
    activation_id: Id
    approval_id: Id
    artifact_hash: Hex
    minutes: Annotated[int, _number(1, 60)]
    reason: Reason
    voter_id: Id
    key_id: Hex
    latest_checkpoint: _Seen | None


@dataclass(frozen=True)
class _HostReceipt:
    tenant_id: Id
    environment: Environment
    session_id: Id
    call_id: Id
    server: Name | None
    tool: Name
    arguments_hash: Hex
    outcome: Literal["succeeded", "failed", "never_begun"]
    output_hash: Hex | None
    external_ref: Annotated[str, _text(0, 2_000)] | None
    started_at: Moment
    completed_at: Moment
    key_id: Hex

    def __post_init__(self) -> None:
        """Refuse an end before its beginning, and a failure with output."""
        if self.completed_at < self.started_at:
            message = "a call ends after it began"
            raise ValueError(message)
        if self.outcome != "succeeded" and self.output_hash is not None:
            message = "what did not happen has no output"
            raise ValueError(message)


@dataclass(frozen=True)
class _LiftVote:
    tenant_id: Id
    act: Literal["ask", "confirm"]
    lift_id: Id
    control_id: Id
    kind: Literal["tenant", "agent", "tool"]
    target: Annotated[str, _text(0, 128)]
    set_epoch: Ordinal
    reason: Reason
    voter_id: Id
    key_id: Hex


@dataclass(frozen=True)
class _Standing:
    standing_id: Id
    tenant_id: Id
    workspace_id: Id
    agent: Name
    environment: Environment
    tool: Name
    arguments: tuple[object, ...]
    schema_hash: Hex | None
    checkpoint_hash: Hex
    uses: Annotated[int, _number(1, 1_000)]
    expires_at: Moment
    reason: Reason
    granted_by: Id
    key_id: Hex

    def __post_init__(self) -> None:
        """Refuse too few or too many rules, and one that says nothing."""
        rules = self.arguments
        if not 1 <= len(rules) <= 32:  # noqa: PLR2004 -- the bounds of the form
            message = "a standing grant has 1 to 32 rules"
            raise ValueError(message)
        if not all(
            isinstance(rule, dict) and len(rule) > 1 and isinstance(rule.get("path"), str)
            for rule in rules
        ):
            message = "a rule has a path, which is a text, and an operator"
            raise ValueError(message)
        if any(name.endswith("_ref") for rule in rules if isinstance(rule, dict) for name in rule):
            message = "a rule of a standing grant compares with no slot"
            raise ValueError(message)


@dataclass(frozen=True)
class Checkpoint:
    """The head of a tenant's log, as the service signed it (§12)."""

    tenant_id: Id
    origin: Name
    size: Count
    root: Hex
    epoch: Ordinal
    system_identifier: Name
    timeline: Ordinal
    time: Moment
    previous: _Seen | None
    key_id: Hex

    def __post_init__(self) -> None:
        """Refuse the name of another tenant's log, and a log that is shorter than it was."""
        if self.origin != f"placet/{self.tenant_id}":
            message = "it names another log than that of its tenant"
            raise ValueError(message)
        if self.previous is not None and self.previous.size > self.size:
            message = "a log never grows shorter"
            raise ValueError(message)


@dataclass(frozen=True)
class _Rotation:
    purpose: Literal["grant", "artifact", "checkpoint"]
    old_key_id: Hex
    new_key_id: Hex
    new_public_key: Base64
    time: Moment
    overlap_until: Moment

    def __post_init__(self) -> None:
        """Refuse a key that is bad, not the one named, or its own successor; and bad times."""
        check_public_key(self.new_public_key)
        if key_id_of(self.new_public_key) != self.new_key_id:
            message = "the key id is not that of the key"
            raise ValueError(message)
        if self.old_key_id == self.new_key_id or self.overlap_until < self.time:
            message = "a key takes over from another, and its time begins before the overlap ends"
            raise ValueError(message)


GRANT_TYPE: Final = "placet.grant.v1"
ARTIFACT_TYPE: Final = "placet.artifact.v1"
APPROVAL_VOTE_TYPE: Final = "placet.vote.approval.v1"
ENROLMENT_VOTE_TYPE: Final = "placet.vote.enrolment.v1"
BREAK_GLASS_VOTE_TYPE: Final = "placet.vote.break_glass.v1"
LIFT_VOTE_TYPE: Final = "placet.vote.lift.v1"
PROOF_TYPE: Final = "placet.proof_of_possession.v1"
RECEIPT_TYPE: Final = "placet.receipt.v1"
STANDING_TYPE: Final = "placet.standing.v1"
CHECKPOINT_TYPE: Final = "placet.checkpoint.v1"
ROTATION_TYPE: Final = "placet.key_rotation.v1"


# The lines of a bundle (§10).

FIRST: Final = "placet.bundle.v1"
SECOND: Final = "placet.bundle.v2"


@dataclass(frozen=True)
class _Head:
    stream_id: Id
    kind: Name
    head_seq: Count
    head_leaf: Hex


@dataclass(frozen=True)
class _Header:
    kind: Literal["placet.bundle.v1"]
    tenant_id: Id
    exported_at: Moment
    streams: tuple[_Head, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class _Scope:
    kind: Literal["session", "approval", "incident", "tenant"]
    session_id: Id | None
    approval_id: Id | None
    since: Moment | None
    until: Moment | None
    agent: Name | None
    tool: Name | None

    def __post_init__(self) -> None:
        """Refuse a scope that lacks what it is of, or names what another kind is of."""
        given = [name for name in _SCOPED if getattr(self, name) is not None]
        needed = {"session": ["session_id"], "approval": ["approval_id"]}
        if self.kind == "incident":
            is_right = self.since is not None and self.until is not None
            is_right = is_right and self.session_id is None and self.approval_id is None
        else:
            is_right = given == needed.get(self.kind, [])
        if not is_right:
            message = f"its scope is no {self.kind}, by what it names"
            raise ValueError(message)

    def told(self) -> str:
        """Return in words what the bundle is of."""
        if self.since is None or self.until is None:
            named = self.session_id or self.approval_id
            return self.kind if named is None else f"{self.kind} {named}"
        whose = [
            f"{what} {one}" for what, one in (("agent", self.agent), ("tool", self.tool)) if one
        ]
        window = f"{self.kind} from {self.since.isoformat()} to {self.until.isoformat()}"
        return ", ".join([window, *whose])


_SCOPED: Final = ("session_id", "approval_id", "since", "until", "agent", "tool")


@dataclass(frozen=True)
class _Header2:
    kind: Literal["placet.bundle.v2"]
    tenant_id: Id
    exported_at: Moment
    scope: _Scope
    streams: tuple[_Head, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class _ReadmeLine:
    kind: Literal["readme"]
    text: str


@dataclass(frozen=True)
class _SealLine:
    kind: Literal["seal"]
    stream_id: Id
    status: Name
    last_seq: Ordinal
    last_leaf: Hex


@dataclass(frozen=True)
class _EventLine:
    """Ids and hashes are text here: most are compared with text that is there already."""

    kind: Literal["event"]
    tenant_id: str
    stream_id: str
    event_id: str
    actor_id: str
    epoch: Count
    fence: Count
    control_epoch: Count
    control_revision: Count
    time: Count
    seq: Ordinal
    prev: str
    body_hash: str
    type: Name
    leaf: str
    salt: Base64 | None
    body: Base64 | None


@dataclass(frozen=True)
class _GrantLine:
    kind: Literal["grant"]
    envelope: Envelope


@dataclass(frozen=True)
class _EnvelopeLine:
    kind: Literal["envelope"]
    envelope: Envelope


@dataclass(frozen=True)
class _DossierLine:
    kind: Literal["dossier"]
    text: str


@dataclass(frozen=True)
class _CheckpointLine:
    kind: Literal["checkpoint"]
    envelope: Envelope


@dataclass(frozen=True)
class _InclusionLine:
    kind: Literal["inclusion"]
    stream_id: Id
    seq: Ordinal
    index: Count
    size: Ordinal
    path: tuple[Hex, ...]


@dataclass(frozen=True)
class _ConsistencyLine:
    kind: Literal["consistency"]
    from_size: Count
    to_size: Count
    path: tuple[Hex, ...]


@dataclass(frozen=True)
class _Sections:
    header: Hex
    readme: Hex
    seals: Hex
    envelopes: Hex
    dossiers: Hex
    proofs: Hex


@dataclass(frozen=True)
class _Manifest:
    kind: Literal["manifest"]
    events: Count
    sha256: Hex


@dataclass(frozen=True)
class _Manifest2:
    kind: Literal["manifest"]
    events: Count
    lines: _Sections
    sha256: Hex


_Line = (
    _ReadmeLine
    | _SealLine
    | _EventLine
    | _GrantLine
    | _EnvelopeLine
    | _DossierLine
    | _CheckpointLine
    | _InclusionLine
    | _ConsistencyLine
    | _Manifest
    | _Manifest2
)

_LINES_1: Final[dict[str, Callable[..., _Line]]] = {
    "seal": _SealLine,
    "event": _EventLine,
    "grant": _GrantLine,
    "envelope": _EnvelopeLine,
    "manifest": _Manifest,
}
_LINES_2: Final[dict[str, Callable[..., _Line]]] = {
    **_LINES_1,
    "readme": _ReadmeLine,
    "dossier": _DossierLine,
    "checkpoint": _CheckpointLine,
    "inclusion": _InclusionLine,
    "consistency": _ConsistencyLine,
    "manifest": _Manifest2,
}
_ORDER: Final = {
    "readme": 1,
    "seal": 2,
    "event": 3,
    "grant": 4,
    "envelope": 4,
    "dossier": 5,
    "checkpoint": 6,
    "inclusion": 7,
    "consistency": 8,
    "manifest": 9,
}
"""In which order the lines stand."""

_SECTION: Final = {
    "readme": "readme",
    "seal": "seals",
    "grant": "envelopes",
    "envelope": "envelopes",
    "dossier": "dossiers",
    "checkpoint": "proofs",
    "inclusion": "proofs",
    "consistency": "proofs",
}
_TOLD: Final = {
    "header": "the header",
    "readme": "the readme",
    "seals": "the seals",
    "envelopes": "the grants and other envelopes",
    "dossiers": "the dossiers",
    "proofs": "the checkpoints and their proofs",
}
"""What the sections are called that the second form's manifest has a hash of each."""

UNCOUNTED: Final = "its bytes are not those that the manifest counts"
"""What is said of what was changed where nothing else tells why it is bad."""


def _line_of(line: bytes, known: Mapping[str, Callable[..., _Line]]) -> _Line:
    value = read_form(line[:-1])
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in known:
        message = "it is none of the lines of this form"
        raise ValueError(message)
    return _into(known[kind], value)


# What is read of events (§6), by name and fields; all others are opaque.

SESSION_OPENED: Final = "SessionOpened"
SESSION_STOPPED: Final = "SessionStopped"
SESSION_BYPASSED: Final = "SessionBypassed"
CONTROL_SET: Final = "ControlSet"
CONTROL_LIFTED: Final = "ControlLifted"
CALL_PROPOSED: Final = "CallProposed"
CALL_CLAIMED: Final = "CallClaimed"
CALL_STARTED: Final = "CallStarted"
RECEIPT_RECEIVED: Final = "ReceiptReceived"
CALL_SETTLED: Final = "CallSettled"
CALL_ABANDONED: Final = "CallAbandoned"
HOST_REGISTERED: Final = "ToolHostRegistered"
HOST_REVOKED: Final = "ToolHostRevoked"
ORPHAN_KEPT: Final = "OrphanReceiptKept"
STANDING_GRANTED: Final = "StandingGranted"
STANDING_REVOKED: Final = "StandingRevoked"
KEY_ENROLLED: Final = "PersonKeyEnrolled"
KEY_REVOKED: Final = "PersonKeyRevoked"
LET_IN: Final = "EnrolmentConfirmed"
REMOVED: Final = "ApproverRemoved"
VOTE_CAST: Final = "VoteCast"
APPROVAL_GRANTED: Final = "ApprovalGranted"
STREAM_SEALED: Final = "StreamSealed"
SERVER_KEY_REVOKED: Final = "ServerKeyRevoked"
RESTORED: Final = "Restored"
BODIES_ERASED: Final = "BodiesErased"

SESSION, CONTROL, AUTHORITY, RUN = "session", "control", "authority", "run"
WORKSPACE, SEALS, ERASURES = "workspace", "seals", "erasures"
_DECIDED: Final = frozenset({CALL_PROPOSED, CALL_CLAIMED})
"""The events that may give leave to run a call: when it is proposed, or claimed after a yes."""

_STOPS: Final = frozenset({SESSION_STOPPED, SESSION_BYPASSED})
_PEOPLE: Final = frozenset({KEY_ENROLLED, KEY_REVOKED, LET_IN, REMOVED})
"""The events that tell whose keys count, and since when they do not."""

_GRANTED: Final = "granted"
_KILL: Final = "kill"
_TENANT: Final = "tenant"
_LIFTED: Final = frozenset({_TENANT, "agent", "tool"})
_SCOPES: Final = _LIFTED | {"artifact"}
_OWN_WORD: Final = "client_reported"
_ATTESTED: Final = "executor_attested"
_VERIFIED: Final = "externally_verified"
_OWN_WORDS: Final = frozenset({"", "none", "model_claimed", _OWN_WORD})
"""The levels that a report has without its host's word; an older form of the event names none."""

_LATE: Final = timedelta(minutes=1)
"""What may lie between the look at a standing grant's end and the event of a call."""


@dataclass(frozen=True)
class _SetBody(_Part):
    control_id: Id
    kind: str
    target: str
    effect: str


@dataclass(frozen=True)
class _LiftedBody(_Part):
    """An older form of it holds no votes."""

    control_id: Id
    asked_by: Id
    lift_id: Id | None = None
    kind: str = ""
    target: str = ""
    reason: str = ""
    confirm_reason: str = ""
    ask_vote: str | None = None
    confirm_vote: str | None = None


@dataclass(frozen=True)
class _OpenedBody(_Part):
    agent: str = ""
    artifact_id: str = ""
    environment: str = ""
    compiled_session_hash: str = ""


@dataclass(frozen=True)
class _StoppedBody(_Part):
    """Nothing is read of it but the header."""


class _ProposedBody(NamedTuple):
    call_id: IdText
    tool: str
    arguments_hash: str
    status: str
    standing: Id | None = None


class _StartedBody(NamedTuple):
    call_id: IdText


@dataclass(frozen=True)
class _WordBody(_Part):
    key_id: str
    envelope: Base64
    never_begun: bool = False


class _ReceivedBody(NamedTuple):
    receipt_id: IdText | None = None
    call_id: IdText | None = None
    evidence_level: str = ""
    status: str = ""
    arguments_hash: str = ""
    output_hash: str | None = None
    external_ref: str | None = None
    attested_by: _WordBody | None = None


class _SettledBody(NamedTuple):
    call_id: IdText
    evidence_level: str = ""
    receipt_id: IdText | None = None
    settlement_id: IdText | None = None
    reconciled_by: IdText | None = None


@dataclass(frozen=True)
class _AbandonedBody(_Part):
    call_id: IdText
    receipt_id: IdText | None = None


@dataclass(frozen=True)
class _HostBody(_Part):
    key_id: str
    environment: str
    tools: tuple[str, ...]


@dataclass(frozen=True)
class _HostEndBody(_Part):
    key_id: str


@dataclass(frozen=True)
class _OrphanBody(_Part):
    session_id: Id
    call_id: Id
    agent: str
    tool: str
    status: str
    evidence_level: str
    arguments_hash: str
    output_hash: str | None
    conflicting: bool
    grant: Base64
    attestation: Base64 | None


@dataclass(frozen=True)
class _StandingBody(_Part):
    standing_id: Id
    granted_by: Id
    envelope: Base64


@dataclass(frozen=True)
class _StandingEndBody(_Part):
    standing_id: Id


@dataclass(frozen=True)
class _KeyBody(_Part):
    actor_id: Id
    key_id: str
    confirmed_by: tuple[Id, ...] = ()


@dataclass(frozen=True)
class _KeyEndBody(_Part):
    key_id: str


@dataclass(frozen=True)
class _LetInBody(_Part):
    workspace_id: Id
    actor_id: Id
    key_id: str
    enrolment_id: Id | None = None
    confirmed_by: Id | None = None
    envelope: Base64 | None = None


@dataclass(frozen=True)
class _RemovedBody(_Part):
    workspace_id: Id
    actor_id: Id


@dataclass(frozen=True)
class _VoteBody(_Part):
    envelope: Base64


@dataclass(frozen=True)
class _ApprovedBody(_Part):
    compiled_hash: str


@dataclass(frozen=True)
class _SealedBody(_Part):
    stream_id: Id
    last_seq: Ordinal
    last_leaf: Hex
    status: str


@dataclass(frozen=True)
class _ServerKeyEndBody(_Part):
    key_id: str
    purpose: str
    log_size: Count


@dataclass(frozen=True)
class _RestoredBody(_Part):
    """The epoch was raised from another one, when the log had so many entries."""

    epoch: Ordinal
    from_epoch: Ordinal
    log_size: Count


@dataclass(frozen=True)
class _ErasedBody(_Part):
    stream_id: Id
    from_seq: Ordinal
    to_seq: Ordinal
    count: Ordinal


_Call = _ProposedBody | _StartedBody | _ReceivedBody | _SettledBody
_Other = (
    _SetBody
    | _LiftedBody
    | _OpenedBody
    | _StoppedBody
    | _AbandonedBody
    | _HostBody
    | _HostEndBody
    | _OrphanBody
    | _StandingBody
    | _StandingEndBody
    | _KeyBody
    | _KeyEndBody
    | _LetInBody
    | _RemovedBody
    | _VoteBody
    | _ApprovedBody
    | _SealedBody
    | _ServerKeyEndBody
    | _RestoredBody
    | _ErasedBody
)
_Said = _Call | _Other

_READ: Final[dict[str, tuple[str, Callable[..., _Said]]]] = {
    SESSION_OPENED: (SESSION, _OpenedBody),
    SESSION_STOPPED: (SESSION, _StoppedBody),
    SESSION_BYPASSED: (SESSION, _StoppedBody),
    CONTROL_SET: (CONTROL, _SetBody),
    CONTROL_LIFTED: (CONTROL, _LiftedBody),
    CALL_PROPOSED: (SESSION, _ProposedBody),
    CALL_CLAIMED: (SESSION, _ProposedBody),
    CALL_STARTED: (SESSION, _StartedBody),
    RECEIPT_RECEIVED: (SESSION, _ReceivedBody),
    CALL_SETTLED: (SESSION, _SettledBody),
    CALL_ABANDONED: (SESSION, _AbandonedBody),
    HOST_REGISTERED: (AUTHORITY, _HostBody),
    HOST_REVOKED: (AUTHORITY, _HostEndBody),
    ORPHAN_KEPT: (AUTHORITY, _OrphanBody),
    STANDING_GRANTED: (AUTHORITY, _StandingBody),
    STANDING_REVOKED: (AUTHORITY, _StandingEndBody),
    KEY_ENROLLED: (AUTHORITY, _KeyBody),
    KEY_REVOKED: (AUTHORITY, _KeyEndBody),
    LET_IN: (AUTHORITY, _LetInBody),
    REMOVED: (AUTHORITY, _RemovedBody),
}
"""The event types that are read, the kind of stream that each may stand in, and its form."""

_READ_2: Final = {
    **_READ,
    VOTE_CAST: (AUTHORITY, _VoteBody),
    APPROVAL_GRANTED: (WORKSPACE, _ApprovedBody),
    STREAM_SEALED: (SEALS, _SealedBody),
    SERVER_KEY_REVOKED: (AUTHORITY, _ServerKeyEndBody),
    RESTORED: (AUTHORITY, _RestoredBody),
    BODIES_ERASED: (ERASURES, _ErasedBody),
}
"""Those that are read of a bundle of the second form, which brings what they are held against."""


def _shape(**members: bytes) -> re.Pattern[bytes]:
    """Return the pattern of an object in canonical form with these members."""
    inner = b",".join(b'"%b":%b' % (name.encode(), members[name]) for name in sorted(members))
    return re.compile(rb"\{" + inner + rb"\}")


_T, _I = rb'"[ !#-\[\]-~]*+"', rb"(?:0|-?[1-9][0-9]{0,14})"
_N, _B = rb"(?:null|" + _T + rb")", rb"(?:true|false)"
_UUID: Final = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_U, _NU = rb'"(' + _UUID + rb')"', rb'(?:null|"(' + _UUID + rb')")'
_G = rb'"([ !#-\[\]-~]*+)"'
_WHY: Final = rb'\{"code":%b,"detail":%b,"rule":%b\}' % (_T, _T, _T)
_LEFT: Final = rb"(?:null|\{\"firsts\":\[\],\"is_remembered\":%b,\"slots\":\[\]\})" % _B
_PROPOSED: Final = _shape(
    call_id=_U,
    prepared_request_id=_T,
    ordinal=_I,
    tool_call_id=_T,
    tool=_G,
    arguments_hash=_G,
    verdict=_T,
    status=_G,
    layer=rb"(?:null|%b)" % _I,
    reasons=rb"\[(?:%b(?:,%b)*+)?\]" % (_WHY, _WHY),
    blocked_why=_N,
    effect_key=_N,
    start_required=_B,
    phase_after=_N,
    counts=_B,
    repeat=_N,
    repeats_max=_I,
    left=_LEFT,
    standing=rb"null",
)
_STARTED: Final = _shape(call_id=_U, start_id=_T)
_RECEIVED: Final = _shape(
    receipt_id=_U,
    call_id=_U,
    idempotency_key=_T,
    status=_T,
    evidence_level=_G,
    arguments_hash=_T,
    output_hash=_N,
    external_ref=_N,
    epoch=_I,
    fence=_I,
    attested_by=rb"null",
    cost_micros=rb"(?:null|%b)" % _I,
)
_SETTLED: Final = _shape(
    call_id=_U,
    tool=_T,
    outcome=_T,
    commit_state=_T,
    evidence_level=_G,
    receipt_id=_NU,
    settlement_id=_NU,
    reason=_N,
    phase_after=_N,
    phase_conflict=_B,
    remembered=rb"null",
    left=_LEFT,
    step_ends=_B,
    reconciled_by=_NU,
)
_SHAPES: Final = {
    CALL_PROPOSED: _PROPOSED,
    CALL_STARTED: _STARTED,
    RECEIPT_RECEIVED: _RECEIVED,
    CALL_SETTLED: _SETTLED,
}
"""How the bodies that are met most usually look: what fits is in canonical form, and read at once.

Whatever fits none is read as every other body is, and the same is found in it.
"""


def _shaped_body(kind: str, body: bytes) -> tuple[object, ...] | None:
    """Return the first fields of a body of one of the usual shapes, or None if it has another."""
    shape = _SHAPES.get(kind)
    found = None if shape is None else shape.fullmatch(body)
    return None if found is None else _fields_of(kind, found.groups())


def _fields_of(kind: str, found: tuple[bytes, ...]) -> tuple[object, ...]:
    """Return the first fields of what stands in a body of a usual shape, in the shape's order."""
    if kind == CALL_STARTED:
        return found
    if kind == RECEIPT_RECEIVED:
        call, level, receipt = found
        return receipt, call, level.decode()
    if kind == CALL_PROPOSED:
        arguments, call, status, tool = found
        return call, tool.decode(), arguments.decode(), status.decode()
    call, level, receipt, reconciled, settlement = found
    return call, level.decode(), receipt, settlement, reconciled


_USUAL: Final[dict[str, type[_ProposedBody | _StartedBody | _ReceivedBody | _SettledBody]]] = {
    CALL_PROPOSED: _ProposedBody,
    CALL_STARTED: _StartedBody,
    RECEIPT_RECEIVED: _ReceivedBody,
    CALL_SETTLED: _SettledBody,
}


# Reading events. Each is held against the one before it in its stream.


class _Mark(NamedTuple):
    """Where an event of the `authority` stream stands: in it, among the controls, and when."""

    seq: int
    epoch: int
    time: int


class _Told(NamedTuple):
    """What an event that is read tells: of its header, and its body, None where it was erased."""

    kind: str
    seq: int
    epoch: int
    revision: int
    time: int
    actor: bytes
    body: bytes | None


class _Place(NamedTuple):
    """What may not fall within a stream, and the leaf that the next event must name."""

    seq: int
    leaf: bytes
    time: int
    fence: tuple[int, int]
    control_epoch: int
    control_revision: int


class _Gap(NamedTuple):
    """Events whose bodies are missing, one behind the other in their stream and in the file."""

    seq: int
    line: int
    events: int


class _Chain:
    """How far one stream has been read, and what the line of its next event is made of."""

    __slots__ = (
        "agent",
        "artifact",
        "control_epoch",
        "control_revision",
        "counters",
        "ended",
        "environment",
        "erased_controls",
        "erased_ends",
        "erased_hosts",
        "erased_opening",
        "erased_people",
        "erased_proposals",
        "erased_receipts",
        "erased_standing",
        "erased_votes",
        "fence",
        "fence_text",
        "first_epoch",
        "head",
        "killed_at",
        "leaf",
        "leaf_text",
        "leaves",
        "missing",
        "packed",
        "place",
        "seal",
        "seq",
        "tail",
        "time",
    )

    def __init__(self, head: _Head, tenant: str) -> None:
        self.head = head
        self.place = _EVENT + _raw_id(tenant) + _raw_id(head.stream_id)
        self.tail = f',"stream_id":"{head.stream_id}","tenant_id":"{tenant}","time":'.encode()
        self.seal: tuple[_SealLine, int] | None = None
        self.leaves = bytearray()
        self.missing: list[_Gap] = []
        self.agent = self.artifact = self.environment = ""
        self.killed_at: int | None = None
        self.erased_controls = self.erased_hosts = self.erased_people = self.erased_ends = 0
        self.erased_opening = self.ended = False
        self.erased_proposals = self.erased_receipts = self.erased_standing = 0
        self.erased_votes = self.first_epoch = 0
        self.stand(_Place(0, GENESIS, 0, (0, 0), 0, 0))

    def stand(self, place: _Place) -> None:
        """Go to a place in the stream, whatever came before it."""
        self.seq, self.leaf, self.time, self.fence = place[:4]
        self.control_epoch, self.control_revision = place[4:]
        self.leaf_text = self.leaf.hex().encode()
        self.packed = _FOUR.pack(*self.fence, self.control_epoch, self.control_revision)
        numbers = (self.control_epoch, self.control_revision, self.fence[0])
        self.counters = (
            b'","control_epoch":%d,"control_revision":%d,"epoch":%d,"event_id":"' % numbers
        )
        self.fence_text = b'","fence":%d,"kind":"event","leaf":"' % self.fence[1]

    def miss(self, seq: int, line: int) -> None:
        """Remember an event whose body is missing."""
        if self.missing:
            first, begin, count = self.missing[-1]
            if (first + count, begin + count) == (seq, line):
                self.missing[-1] = _Gap(first, begin, count + 1)
                return
        self.missing.append(_Gap(seq, line, 1))

    def go_on(self, seq: int, leaf: bytes, time: int, leaves: Sequence[bytes]) -> None:
        """Go on behind events that share their counters with the one before them."""
        self.seq, self.leaf, self.leaf_text, self.time = seq, leaf, _to_hex(leaf), time
        self.leaves += b"".join(leaves)

    def stands_at(self) -> _Place:
        """Return the place."""
        return _Place(
            self.seq, self.leaf, self.time, self.fence, self.control_epoch, self.control_revision
        )


_Values = tuple[str, int, int, int, int, bytes, bytes | None]
_Followed = tuple[int, list[_Values]]
"""Behind which byte events end, and what those that are read tell, as a `_Told` each."""

_ID_BYTES: Final = 16
_FOUR: Final = struct.Struct(">qqqq")
_TWO: Final = struct.Struct(">qq")
_REMEMBERED: Final = 10_000


class _Known:
    """What lines of events are made of over and over: actors, and types with their lengths."""

    def __init__(self, tenant: str, read_types: Container[str]) -> None:
        self.tenant = tenant
        self.read_types = read_types
        self.begins: dict[bytes, tuple[bytes, bytes]] = {}
        self.ends: dict[bytes, tuple[str, bytes, bool]] = {}

    def note(self, event: _EventLine) -> None:
        """Remember the actor and the type of an event that was read slowly and is good."""
        if len(self.begins) < _REMEMBERED:
            actor = event.actor_id.encode()
            begin = b'{"actor_id":"%b","body":"' % actor
            self.begins.setdefault(begin, (actor, _raw_id(event.actor_id)))
        kind = event.type.encode()
        # What a line spells with an escape is in no other line as it is.
        is_plain = event.type.isascii() and _ENCODER.encode(event.type) == f'"{event.type}"'
        if len(self.ends) < _REMEMBERED and is_plain:
            told = event.type, len(kind).to_bytes(2, "big") + kind, event.type in self.read_types
            self.ends.setdefault(b',"type":"%b"}' % kind, told)


_PAD: Final = ord("=")
_ONE_LOW: Final = b"AEIMQUYcgkosw048"
_TWO_LOW: Final = b"AQgw"
"""The last digits of base64 before one padding and before two, where the spare bits are zero."""
_SALT_ENDS: Final = frozenset({b"A==", b"Q==", b"g==", b"w=="})
"""How the base64 of 16 bytes ends."""
_BODY_AT: Final = len(b'{"actor_id":"","body":"') + 36
_HASH_DIGITS: Final = 64
_ID_DIGITS: Final = 32


def _follow(data: bytes, at: int, most: int, chain: _Chain, known: _Known) -> _Followed:
    """Take the events of one stream that follow each other from a byte on, `most` at most.

    The next is to be read slowly. Each line is held against what its place, its own few values and
    their hashes make it: then all that `_check_event` checks holds, and the form. It is one loop.
    """
    seq, leaf, leaf_text, before = chain.seq, chain.leaf, chain.leaf_text, chain.time
    place, packed, tail, epoch = chain.place, chain.packed, chain.tail, chain.control_epoch
    counters, fence_text, revision = chain.counters, chain.fence_text, chain.control_revision
    begins, ends, parts = known.begins, known.ends, _parts_of(chain)
    cut, size, pack, join = parts.unpack_from, parts.size, _TWO.pack, b"".join
    told: list[_Values] = []
    leaves: list[bytes] = []
    for _ in range(most if len(data) <= LINE_MAX else 0):
        following, body_end = seq + 1, data.find(b'"', at + _BODY_AT)
        ends_at = body_end + size
        line_end = data.find(b"\n", ends_at)
        begin_text, body_text = data[at : at + _BODY_AT], data[at + _BODY_AT : body_end]
        try:
            hashed, event_text, linked, salt_text, number, rest, time_text = cut(data, body_end)
            actor_text, actor = begins[begin_text]
            kind, kind_bytes, is_read = ends[data[ends_at:line_end]]
            digits = event_text.replace(b"-", b"")
            event_id, time = _unhex(digits), int(time_text)
            salt = _from_base64(salt_text, strict_mode=True)
            body = _from_base64(body_text, strict_mode=True)
            position = pack(time, following)
        except (KeyError, ValueError, struct.error):
            break
        found = _sha256(_BODY + salt + body).digest()
        header = (place, event_id, actor, packed, position, leaf, found, kind_bytes)
        next_leaf = _sha256(join(header)).digest()
        next_text = _to_hex(next_leaf)
        if (
            hashed != b'","body_hash":"' + _to_hex(found) + counters
            or linked != join((fence_text, next_text, b'","prev":"', leaf_text, b'","salt":"'))
            or rest != tail
            or number != b'","seq":%d' % following
            # As many digits as before and no smaller number: nothing but digits, none of them lead.
            or not before <= time <= NUMBER_MAX
            # Of an id in hex and of base64 only one form gives these bytes; `=` may follow four.
            or _to_hex(event_id) != digits
            or len(digits) != _ID_DIGITS
            or event_text[8:24:5] != b"----"
            or salt_text[21:] not in _SALT_ENDS
            or not body
            or len(body_text) % 4
            or (
                data[body_end - 1] == _PAD
                and data[body_end - 2] not in _ONE_LOW
                and (data[body_end - 2] != _PAD or data[body_end - 3] not in _TWO_LOW)
            )
        ):
            break
        seq, leaf, leaf_text, before, at = following, next_leaf, next_text, time, line_end + 1
        leaves.append(leaf)
        if is_read:
            told.append((kind, seq, epoch, revision, time, actor_text, body))
    chain.go_on(seq, leaf, before, leaves)
    return at, told


def _parts_of(chain: _Chain) -> struct.Struct:
    number = len(b'","seq":%d' % (chain.seq + 1))
    tail, time = len(chain.tail), len(str(chain.time))
    return _parts(len(chain.counters), len(chain.fence_text), number, tail, time)


@functools.lru_cache
def _parts(counters: int, fence: int, number: int, tail: int, time: int) -> struct.Struct:
    """Return how the line of an event is cut behind its body, up to its type."""
    body = len(b'","body_hash":"') + _HASH_DIGITS + counters
    leaf = fence + _HASH_DIGITS + len(b'","prev":"') + _HASH_DIGITS + len(b'","salt":"')
    return struct.Struct(f"{body}s36s{leaf}s24s{number}s{tail}s{time}s")


def _check_event(event: _EventLine, chain: _Chain, known: _Known) -> None:
    """Hold an event against its place in the stream, and go on to it."""
    name = _event_name(chain, chain.seq + 1)
    if event.tenant_id != known.tenant:
        _bad(name, "it belongs to another tenant")
    if event.seq != chain.seq + 1:
        _bad(name, f"an event with sequence {event.seq} stands in its place")
    if event.prev.encode() != chain.leaf_text:
        _bad(name, "it does not name the leaf of the event before it")
    if event.time < chain.time:
        _bad(name, "its time lies before that of the event before it")
    if (event.epoch, event.fence) < chain.fence:
        _bad(name, "its fence is older than that of the event before it")
    if event.control_epoch < chain.control_epoch:
        _bad(name, "its control epoch is older than that of the event before it")
    if event.control_revision < chain.control_revision:
        _bad(name, "its control revision is older than that of the event before it")
    _check_body(event, name)
    leaf = _leaf(event, chain, name)
    if leaf.hex() != event.leaf:
        _bad(name, "its leaf is not the hash of its header")
    chain.stand(
        _Place(
            event.seq,
            leaf,
            event.time,
            (event.epoch, event.fence),
            event.control_epoch,
            event.control_revision,
        )
    )
    chain.leaves += leaf
    if event.seq == 1:
        chain.first_epoch = event.epoch
    known.note(event)


def _check_body(event: _EventLine, name: str) -> None:
    if (event.salt is None) != (event.body is None):
        _bad(name, "of salt and body one is there and one is not")
    if event.salt is not None and event.body is not None:
        if len(event.salt) != _SALT_BYTES:
            _bad(name, f"a salt has {_SALT_BYTES} bytes")
        if hashlib.sha256(_BODY + event.salt + event.body).hexdigest() != event.body_hash:
            _bad(name, "its body does not have the hash that its header names")


def _leaf(event: _EventLine, chain: _Chain, name: str) -> bytes:
    kind = event.type.encode()
    if len(kind) > _TYPE_BYTES_MAX:
        _bad(name, f"an event's type has 1 to {_TYPE_BYTES_MAX} bytes")
    try:
        body = bytes.fromhex(_hex(event.body_hash))
        ids = _raw_id(event.event_id) + _raw_id(event.actor_id)
    except ValueError as fault:
        _bad(name, f"of its hash and its ids, {fault}")
    numbers = (event.epoch, event.fence, event.control_epoch, event.control_revision)
    return hashlib.sha256(
        chain.place
        + ids
        + _FOUR.pack(*numbers)
        + _TWO.pack(event.time, event.seq)
        + chain.leaf
        + body
        + len(kind).to_bytes(2, "big")
        + kind
    ).digest()


def _told_by(event: _EventLine) -> _Values:
    return (
        event.type,
        event.seq,
        event.control_epoch,
        event.control_revision,
        event.time,
        event.actor_id.encode(),
        event.body,
    )


def _event_name(chain: _Chain, seq: int) -> str:
    return f"event {seq} of stream {chain.head.stream_id}"


def _stream_of(data: bytes, begin: int, end: int) -> bytes:
    """Return the id of the stream that a line of an event names, if it is one in canonical form."""
    at = data.rfind(b'"stream_id":"', begin, end) + 13
    return data[at : at + 36]


# The audit of a bundle. First what is remembered of its events.


class _PersonKey(NamedTuple):
    """A person's key that an event enrolled: whose, since when, and whether a colleague agreed."""

    actor_id: str
    is_confirmed: bool
    at: _Mark


class _Beforehand(NamedTuple):
    """A standing grant, and where it was given."""

    standing: _Standing
    at: _Mark


class _Use(NamedTuple):
    """A call that was granted by a standing grant: of what, when, and where that is told."""

    standing_id: str
    tool: str
    agent: str
    environment: str
    epoch: int
    time: int
    item: str
    line: int


class _Reported(NamedTuple):
    """A receipt that its host signed: of which call, and whether that was never begun."""

    call: bytes | None
    never_begun: bool


class _Attested(NamedTuple):
    """A host's word that counted: by which key, and of which tool it was, where."""

    key_id: str
    tool: str
    environment: str


class _Kill(NamedTuple):
    """A control that an event of the bundle set: what it reaches if it kills, and since when."""

    scope: tuple[str, str] | None
    epoch: int


class _Lift(NamedTuple):
    """A lifting that an event told of: of which control, unless its body was erased, and by whom.

    `votes` are the envelopes of who asked and of who agreed, null where nobody signed.
    """

    said: _LiftedBody
    votes: tuple[bytes | None, bytes | None]
    control: _Kill | None
    confirmed_by: str
    epoch: int
    item: str
    line: int


class _Given(NamedTuple):
    """What a grant or a start is held against kills by."""

    epoch: int
    tool: str | None
    agent: str
    artifact: str


class _Leave(NamedTuple):
    """A call that an event of this session granted, and which event that was."""

    session: _Chain
    tool: str
    arguments_hash: str | bytes
    seq: int


class _Signed(NamedTuple):
    """Something that a key signed which was revoked later, and the events that tell of it.

    Each is the stream and the sequence of one.
    """

    position: int
    told_in: Sequence[tuple[str, int]]
    item: str
    line: int


class _Entry(NamedTuple):
    """An event that is proved to be in the log: its sequence, and its index."""

    seq: int
    at: int


def verify_bundle(
    stream: BinaryIO,
    pinned: PinnedKeys | None = None,
    *,
    held: Collection[Envelope] = (),
    processes: int = 1,
) -> BundleReport:
    """Read a bundle to its end or to its first flaw, and report.

    With `pinned`, only those keys count, and those that took over from them; without, the keys
    that the bundle brings, and the report says so. `held` are checkpoints that the auditor kept,
    from which its log must follow. More `processes` than one read a large file faster, and find
    the same; they take a stream that is a file. Never raises for the content of the bundle.
    """
    return _verify(stream, pinned, held, processes)


def _verify(
    stream: BinaryIO,
    pinned: PinnedKeys | None,
    held: Collection[Envelope],
    processes: int,
    first: bytes = b"",
) -> BundleReport:
    """Read to the end or to the first flaw, after a first line that was read before.

    What is found bad in parts is read again line by line, which names it.
    """
    begin = _shared_from(stream)
    if begin is not None:
        audit = _Audit(pinned, held)
        try:
            _read(stream, audit, first, max(processes, 1))
            return audit.report(None)
        except _BadError:
            stream.seek(begin)
    audit, flaw = _Audit(pinned, held), None
    try:
        _read(stream, audit, first)
    except _BadError as bad:
        named = audit.blamed(bad, stream)
        flaw = Flaw(line=named.line or audit.line, item=named.item, why=named.why)
    return audit.report(flaw)


def _read(stream: BinaryIO, audit: "_Audit", first: bytes, processes: int = 0) -> None:
    """Read line by line, or in parts by so many processes."""
    if first:
        audit.take(first)
    if processes:
        _read_ahead(stream, audit, processes)
    while line := stream.readline(LINE_MAX + 1):
        audit.take(line)
    audit.finish()


class _Audit:
    """The state of one reading."""

    def __init__(self, pinned: PinnedKeys | None, held: Collection[Envelope]) -> None:  # noqa: PLR0915 -- all that is remembered, in one place
        self._pinned = pinned
        self._held = held
        self._hash = hashlib.sha256()
        self._unhashed: list[bytes] = []
        self._unhashed_bytes = 0
        self._sections = {name: hashlib.sha256() for name in _TOLD}
        self._begins: dict[str, int] = {}
        self._header: _Header | _Header2 | None = None
        self._lines: Mapping[str, Callable[..., _Line]] = _LINES_1
        self.read_types = _READ
        self._stage = 0
        self._line_before = self._line_now = b""
        self._keys: Keys = {}
        self._hoped: Keys = {}
        self._hoped_uses: dict[tuple[str, str], tuple[str, str, int]] = {}
        self._rotations: dict[bytes, tuple[_Rotation, set[str], int]] = {}
        self._ended_server_keys: dict[str, int] = {}
        self._server_ends_at: dict[str, tuple[str, int]] = {}
        self._orphan_keys: list[tuple[str, _Signed]] = []
        self._late_signed: list[_Signed] = []
        self._artifact_events: dict[str, list[tuple[str, int]]] = {}
        self.chains: dict[bytes, _Chain] = {}
        self._controls: dict[str, _Kill] = {}
        self._control_epochs: set[int] = set()
        self._people_epoch = 0
        self._lifted: dict[str, int] = {}
        self._kills: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        self._granted: dict[bytes, _Leave] = {}
        self._tools: dict[str, str] = {}
        self._of_unknown: set[int] = set()
        self._given: dict[tuple[int, str | None, str, str], tuple[str, int]] = {}
        self._reported: dict[bytes, bytes | _Reported | None] = {}
        self._settled: dict[bytes, bool] = {}
        self._hosts: dict[str, _HostBody] = {}
        self._ended_hosts: dict[str, int] = {}
        self._words: dict[_Attested, tuple[int, str, int]] = {}
        self._standing: dict[str, _Beforehand] = {}
        self._ended_standing: dict[str, _Mark] = {}
        self._uses: list[_Use] = []
        self._person_keys: dict[str, _PersonKey] = {}
        self._first_key: int | None = None
        self._ended_keys: dict[str, _Mark] = {}
        self._let_in: dict[tuple[str, str, str], int] = {}
        self._removed: dict[tuple[str, str], list[_Mark]] = {}
        self._lifts: list[_Lift] = []
        self._votes: dict[bytes, int] = {}
        self._sealed: dict[str, tuple[_SealedBody, str, int, int]] = {}
        self._omitted: tuple[str, str, int] | None = None
        self._approvals: set[str] = set()
        self._unsigned: dict[str, None] = {}
        self._erasures: dict[str, list[tuple[int, int, int]]] = {}
        self._checkpoints: list[Checkpoint] = []
        self._entries: dict[str, list[_Entry]] = {}
        self._consistencies: list[tuple[_ConsistencyLine, int]] = []
        self._held_proved: list[Checkpoint] = []
        self._events_ended = self._is_complete = False
        self.known = _Known("", ())
        self.line = 0
        self._begin_counts()

    def _begin_counts(self) -> None:
        self._held_joined: dict[int, int] = {}
        self._held_earlier: dict[tuple[str, int], list[int]] = {}
        self._restores: list[_Raise] = []
        self._held_newer = self._held_late = self._held_alone = 0
        self._unproved_votes = self._unsigned_lifts = self._unproved_lifts = 0
        self._unproved_uses = self._unended_uses = self._timed_uses = self._unended_words = 0
        self._hidden_uses = self._hidden_lifts = 0
        self._unregistered = self._unproved_levels = self._unsigned_let_in = 0
        self._unread = self._unproved_starts = self._going_on = 0
        self.events = self.bodies = self.calls = self.envelopes = self.seals = 0
        self.grants = self.grants_matched = self.dossiers = 0
        self.attestations = self.orphans = 0

    # The lines.

    def take(self, line: bytes) -> None:
        """Check the next line."""
        self.line += 1
        self._line_now = line
        if self._is_complete:
            _bad("the end", "there are bytes after the manifest")
        if not line.endswith(b"\n"):
            why = f"more than {LINE_MAX} bytes" if len(line) > LINE_MAX else "the line is cut off"
            _bad("the line", why)
        if self._header is None:
            self._take_header(line)
        elif not self._take_next(line):
            self._take_line(line)
        self._count(line)

    def finish(self) -> None:
        """Check that the end was reached."""
        self.line += 1
        if not self._is_complete:
            _bad("the end", "there is no manifest: the file was cut off")

    def _count(self, line: bytes) -> None:
        """Put the line to what the manifest counts, many at a time."""
        self._unhashed.append(line)
        self._unhashed_bytes += len(line)
        if self._unhashed_bytes > 1 << 20:
            self._sum_up()

    def _sum_up(self) -> None:
        self._hash.update(b"".join(self._unhashed))
        self._unhashed.clear()
        self._unhashed_bytes = 0

    @property
    def is_at_events(self) -> bool:
        """Tell whether an event may stand on the next line."""
        is_begun = self._header is not None and (bool(self._stage) or not self.is_second)
        return is_begun and not self._events_ended and not self._is_complete

    def stage_events(self) -> None:
        """Note that the events have begun."""
        self._stage = _ORDER["event"]

    def skip(self, data: bytes) -> None:
        """Put lines that other processes read to what the manifest counts."""
        self._sum_up()
        self._hash.update(data)

    def _count_section(self, name: str, line: bytes) -> None:
        self._begins.setdefault(name, self.line)
        self._sections[name].update(line)

    def _take_header(self, line: bytes) -> None:
        try:
            value = read_form(line[:-1])
        except (ValueError, RecursionError) as fault:
            _bad("the header", str(fault))
        is_second = isinstance(value, dict) and value.get("kind") == SECOND
        header: _Header | _Header2
        try:
            header = _into(_Header2, value) if is_second else _into(_Header, value)
        except (ValueError, RecursionError) as fault:
            _bad("the header", f"it is no header of a bundle: {fault}")
        tenant = header.tenant_id
        self.chains = {head.stream_id.encode(): _Chain(head, tenant) for head in header.streams}
        if len(self.chains) != len(header.streams):
            _bad("the header", "it names a stream twice")
        own: Keys = {}
        for key in header.keys:
            own.setdefault((key.purpose, key.key_id), key)
        self._keys = own if self._pinned is None else _keys_of(self._pinned)
        self._hoped = {place: key for place, key in own.items() if place[0] in _OURS}
        self._header = header
        if is_second:
            self._lines, self.read_types = _LINES_2, _READ_2
            self._count_section("header", line)
        self.known = _Known(tenant, self.read_types)

    @property
    def is_second(self) -> bool:
        """Tell whether this is a bundle of the second form."""
        return isinstance(self._header, _Header2)

    def _take_next(self, line: bytes) -> bool:
        """Take the line of an event that follows, if that is what it is."""
        chain = self.chains.get(_stream_of(line, 0, len(line)))
        if chain is None or self._events_ended or (self.is_second and not self._stage):
            return False
        before = chain.seq
        _, told = _follow(line, 0, 1, chain, self.known)
        if chain.seq == before:
            return False
        self._stage = _ORDER["event"]
        self.events += 1
        self.bodies += 1
        if chain.seal is not None:
            self._check_seal(chain)
        for one in told:
            self.note(_Told(*one), chain)
        return True

    def _take_line(self, line: bytes) -> None:  # noqa: C901 -- one case for each kind of line
        expected = f"the line after {self.events} events"
        try:
            document = _line_of(line, self._lines)
        except (ValueError, RecursionError) as fault:
            _bad(expected, f"the line cannot be read: {fault}")
        if isinstance(document, _EventLine):
            self._take_event(document)
            return
        if self.is_second:
            self._take_in_order(document, line)
        match document:
            case _ReadmeLine():
                pass
            case _SealLine():
                self._take_seal(document)
            case _GrantLine():
                self._end_events()
                self._take_grant(document.envelope)
            case _EnvelopeLine():
                self._end_events()
                self._take_envelope(document.envelope)
            case _DossierLine():
                self._end_events()
                self._take_dossier(document.text.encode())
            case _CheckpointLine():
                self._end_events()
                self._take_checkpoint(document.envelope)
            case _InclusionLine():
                self._take_inclusion(document)
            case _ConsistencyLine():
                self._take_consistency(document)
            case _Manifest() | _Manifest2():
                self._end_events()
                self._take_manifest(document)

    def _take_in_order(self, document: _Line, line: bytes) -> None:
        """Refuse a line of the second form that stands where it does not belong, or twice."""
        place = _ORDER[document.kind]
        if not self._stage and place != 1:
            _bad("the readme", "it is missing")
        if line == self._line_before:
            _bad(f"the {document.kind}", "it stands twice")
        if place < self._stage or (place == self._stage == 1):
            _bad(f"the {document.kind}", "it stands after what belongs behind it")
        if place > _ORDER["event"]:
            self._end_events()
        self._stage = place
        self._line_before = line
        if document.kind in _SECTION:
            self._count_section(_SECTION[document.kind], line)

    def _take_seal(self, seal: _SealLine) -> None:
        """Note what a stream must be at the end of its session, before any event is read."""
        item = f"the seal of stream {seal.stream_id}"
        chain = self.chains.get(seal.stream_id.encode())
        if chain is None or chain.head.kind != SESSION:
            _bad(item, "the header names no such session")
        if self.events or self._events_ended:
            _bad(item, "it stands after the events")
        if chain.seal is not None:
            _bad(item, "its session is sealed twice")
        if seal.last_seq > chain.head.head_seq:
            why = f"it tells of {seal.last_seq} events, and the stream has {chain.head.head_seq}"
            _bad(item, why)
        chain.seal = seal, self.line
        self.seals += 1

    def _take_event(self, event: _EventLine) -> None:
        chain = self.chains.get(event.stream_id.encode())
        if chain is None:
            _bad(f"an event of stream {event.stream_id[:80]}", "the header names no such one")
        if self._events_ended:
            _bad(_event_name(chain, chain.seq + 1), "it stands after the envelopes")
        if self.is_second and not self._stage:
            _bad("the readme", "it is missing")
        _check_event(event, chain, self.known)
        self._stage = _ORDER["event"]
        self.events += 1
        if event.body is None:
            chain.miss(event.seq, self.line)
        else:
            self.bodies += 1
        self._check_seal(chain)
        if event.type in self.read_types:
            self.note(_Told(*_told_by(event)), chain)

    def _check_seal(self, chain: _Chain) -> None:
        if chain.seal is None or chain.seal[0].last_seq != chain.seq:
            return
        seal, line = chain.seal
        if seal.last_leaf.encode() != chain.leaf_text:
            if self.is_second:
                why = "another event stands in the place of the one that it names"
                _bad(f"the seal of stream {seal.stream_id}", why, line)
            why = "its session was sealed with another event in its place"
            _bad(_event_name(chain, chain.seq), why)

    # What the events tell.

    def note(self, told: _Told, chain: _Chain) -> None:
        """Note an opening, a control, a stop, a call, a key, or whatever else is read."""
        kind, form = self.read_types[told.kind]
        item = _event_name(chain, told.seq)
        if chain.head.kind != kind:
            _bad(item, f"a `{told.kind}` has no place in a stream of kind `{chain.head.kind}`")
        if kind == CONTROL:
            self._control_epochs.add(told.epoch)
        elif kind == AUTHORITY:
            self._people_epoch = max(self._people_epoch, told.epoch)
        if told.kind in _STOPS and chain.killed_at is None:
            chain.killed_at = told.revision
        if told.body is None:
            self._note_erased(told, chain)
            return
        try:
            said = _said_by(told.kind, form, told.body)
        except (ValueError, RecursionError) as fault:
            _bad(item, f"its body is not that of a `{told.kind}`: {fault}")
        if isinstance(said, tuple):
            self.note_call(told, said, chain)
        else:
            self._note_said(told, said, chain, item)

    def note_call(self, told: _Told, said: _Call, chain: _Chain) -> None:
        """Note what became of a call: it was decided, started, reported or settled."""
        match said:
            case _ProposedBody():
                if said.status == _GRANTED:
                    self._note_granted(said, told, chain)
            case _StartedBody():
                self._note_started(said.call_id, told, chain)
            case _ReceivedBody():
                self._note_receipt(said, told, chain)
            case _SettledBody():
                self._note_settled(said, told, chain)

    def note_usual_call(
        self, told: _Told, said: _ProposedBody, receipt: bytes, chain: _Chain
    ) -> None:
        """Note a call that was granted, started, reported in a receipt and settled on it.

        Nothing is held against the three later events that was not held against the first, whose
        epoch the start shares.
        """
        self._note_granted(said, told, chain)
        self.calls += 1
        self._reported[receipt] = said.call_id
        self._settled[said.call_id] = False

    def _note_erased(self, told: _Told, chain: _Chain) -> None:
        kind = told.kind
        self._unread += kind not in _STOPS
        chain.erased_ends += kind in {HOST_REVOKED, STANDING_REVOKED}
        if kind in _DECIDED:
            chain.erased_proposals += 1
        elif kind == CONTROL_SET:
            chain.erased_controls += 1
        elif kind in {HOST_REGISTERED, HOST_REVOKED}:
            chain.erased_hosts += 1
        elif kind in {RECEIPT_RECEIVED, CALL_SETTLED}:
            chain.erased_receipts += 1
        elif kind == STANDING_GRANTED:
            chain.erased_standing += 1
        elif kind == SESSION_OPENED:
            chain.erased_opening = chain.erased_opening or told.seq == 1
        elif kind == VOTE_CAST:
            chain.erased_votes += 1
        elif kind in _PEOPLE:
            chain.erased_people += 1
            self._note_first_key(told)

    def _note_said(self, told: _Told, said: _Other, chain: _Chain, item: str) -> None:  # noqa: PLR0912, C901 -- one case for each form
        match said:
            case _OpenedBody():
                # Only what it was opened with: nothing moves a session to another artifact.
                if told.seq == 1:
                    self._note_artifact_event(said.compiled_session_hash, told, chain)
                    chain.agent, chain.artifact = self._one(said.agent), said.artifact_id
                    chain.environment = self._one(said.environment)
            case _StoppedBody():
                pass
            case _SetBody():
                self._note_control(said, told.epoch, item)
            case _LiftedBody():
                self._note_lifting(said, told, chain, item)
            case _AbandonedBody():
                self._note_abandoned(said, chain, item)
            case _HostBody():
                if said.key_id in self._hosts:
                    _bad(item, "it registers a key that was registered before")
                self._hosts[said.key_id] = said
            case _HostEndBody():
                if said.key_id not in self._hosts and not chain.erased_hosts:
                    _bad(item, "it ends a registration that no event before it made")
                self._ended_hosts.setdefault(said.key_id, told.epoch)
            case _OrphanBody():
                self._note_orphan(said, told, chain, item)
            case _StandingBody() | _StandingEndBody():
                self._note_beforehand(said, told, chain, item)
            case _KeyBody() | _KeyEndBody() | _LetInBody() | _RemovedBody():
                self._note_people(said, told, chain, item)
            case _VoteBody():
                envelope = _parse_envelope(said.envelope, item)
                self._votes.setdefault(_whole_of(envelope), told.seq)
            case _ApprovedBody():
                self._note_artifact_event(said.compiled_hash, told, chain)
            case _SealedBody():
                if said.stream_id in self._sealed:
                    _bad(item, "it tells of a stream that was closed before")
                self._sealed[said.stream_id] = said, item, self.line, told.time
            case _ErasedBody():
                span = said.from_seq, said.to_seq, said.count
                self._erasures.setdefault(said.stream_id, []).append(span)
            case _ServerKeyEndBody():
                self._ended_server_keys.setdefault(said.key_id, said.log_size)
                self._server_ends_at.setdefault(said.key_id, (chain.head.stream_id, told.seq))
            case _RestoredBody():
                self._note_restored(said, told, chain, item)

    def _note_restored(self, said: _RestoredBody, told: _Told, chain: _Chain, item: str) -> None:
        """Remember a restore: each raise of the epoch is told of once, in their order."""
        if self._restores and said.epoch <= self._restores[-1].said.epoch:
            before = self._restores[-1].said.epoch
            why = f"it tells of restore epoch {said.epoch} behind what tells of epoch {before}"
            _bad(item, why)
        self._restores.append(_Raise(chain.head.stream_id, told.seq, said))

    def _note_artifact_event(self, compiled: str, told: _Told, chain: _Chain) -> None:
        """Remember an event that tells of an artifact: its key may have been revoked since."""
        if self.is_second and compiled:
            place = (chain.head.stream_id, told.seq)
            self._artifact_events.setdefault(compiled, []).append(place)

    def _one(self, name: str) -> str:
        """Return the same text for equal ones, so that each is held once."""
        return self._tools.setdefault(name, name)

    def _note_receipt(self, said: _ReceivedBody, told: _Told, chain: _Chain) -> None:
        """Compute how good a report is: its reporter's own word, or what its host signed."""
        word = said.attested_by
        if word is None:
            if said.evidence_level not in _OWN_WORDS:
                item = _event_name(chain, told.seq)
                _bad(item, f"it calls a reporter's own word `{said.evidence_level[:80]}`")
            if said.receipt_id is not None:
                self._reported[said.receipt_id] = said.call_id
            return
        item = _event_name(chain, told.seq)
        if said.evidence_level != _ATTESTED:
            _bad(item, "it holds a host's word, and says that it counts for less")
        receipt = self._open_word(word.envelope)
        signed = (receipt.key_id, receipt.outcome == "never_begun")
        if signed != (word.key_id, word.never_begun):
            _bad(item, "the host's word says otherwise than the event of it")
        named = (receipt.session_id, receipt.call_id.encode(), receipt.external_ref)
        if named != (chain.head.stream_id, said.call_id, said.external_ref):
            _bad(item, "the host's word is on another call")
        self._check_word(receipt, said, item)
        granted = None if said.call_id is None else self._granted.get(said.call_id)
        if granted is not None and granted.tool != receipt.tool:
            _bad(item, "the host's word is on a call of another tool")
        if chain.environment and chain.environment != receipt.environment:
            _bad(item, "the host's word is for another environment")
        self._note_word(receipt, told.epoch, item)
        if said.receipt_id is not None:
            self._reported[said.receipt_id] = _Reported(said.call_id, word.never_begun)

    def _open_word(self, data: bytes) -> _HostReceipt:
        """Return what a host signed, which names the key that it was signed with."""
        opened = _parse_envelope(data, f"a `{RECEIPT_TYPE}`")
        receipt, key = self._open(opened, RECEIPT_TYPE, TOOL_HOST, _HostReceipt)
        if receipt.key_id != key.key_id:
            _bad(f"a `{RECEIPT_TYPE}`", "it names another key than the one that signed it")
        return receipt

    def _check_word(
        self, receipt: _HostReceipt, said: _ReceivedBody | _OrphanBody, item: str
    ) -> None:
        self._check_tenant(receipt.tenant_id, item)
        told = "succeeded" if receipt.outcome == "succeeded" else "failed"
        named = (receipt.arguments_hash, told, receipt.output_hash)
        if named != (said.arguments_hash, said.status, said.output_hash):
            _bad(item, "the host's word says otherwise than the event of it")

    def _note_word(self, receipt: _HostReceipt, epoch: int, item: str) -> None:
        """Remember where a host's word last counted, to be held against its registration."""
        word = _Attested(receipt.key_id, self._one(receipt.tool), receipt.environment)
        last = self._words.get(word)
        if last is None or last[0] < epoch:
            self._words[word] = (epoch, item, self.line)
        self.attestations += 1

    def _note_settled(self, said: _SettledBody, told: _Told, chain: _Chain) -> None:
        """Compute how good the word was that a call was settled on."""
        level = said.evidence_level
        is_cited = said.settlement_id is not None
        cites_attested = isinstance(self._reported.get(said.receipt_id or b""), _Reported)
        self._settled[said.call_id] = cites_attested
        if said.reconciled_by is not None:
            is_known = said.reconciled_by in self._settled
            best = _VERIFIED if self._settled.get(said.reconciled_by) else _OWN_WORD
            fits = is_cited and level in {best, _OWN_WORD}
            why = "it says more of the read that told of it than was signed"
        elif said.receipt_id is not None:
            is_known = said.receipt_id in self._reported
            if is_known and _call_of(self._reported[said.receipt_id]) != said.call_id:
                _bad(_event_name(chain, told.seq), "it cites a receipt of another call")
            best = _ATTESTED if cites_attested else _OWN_WORD
            # Whoever cites it may be an operator, whose own word is as good as any.
            fits = level in {best, _OWN_WORD} or (is_cited and level == _VERIFIED)
            why = "it says more of the receipt that it cites than was signed"
        else:
            is_known = True
            fits = is_cited and level == _VERIFIED
            why = "it names neither a receipt nor whoever settled it"
        if not is_known and chain.erased_receipts:
            self._unproved_levels += 1
        elif not is_known:
            why = "it names a word that no event before it tells of"
            _bad(_event_name(chain, told.seq), why)
        elif not fits and level:
            _bad(_event_name(chain, told.seq), why)

    def _note_abandoned(self, said: _AbandonedBody, chain: _Chain, item: str) -> None:
        """Hold a call that was given up before its time to its host's word that it never began."""
        if said.receipt_id is None:
            return
        if said.receipt_id not in self._reported and chain.erased_receipts:
            self._unproved_levels += 1
            return
        report = self._reported.get(said.receipt_id)
        if not isinstance(report, _Reported) or report != (said.call_id, True):
            _bad(item, "no host signed that this call was never begun")

    def _note_orphan(self, said: _OrphanBody, told: _Told, chain: _Chain, item: str) -> None:
        """Hold the receipt of a call that nobody knew to the grant that proves the call."""
        envelope = _parse_envelope(said.grant, item)
        grant, key = self._open(envelope, GRANT_TYPE, GRANT, _Grant)
        self._check_tenant(grant.tenant_id, item)
        named = (grant.session_id, grant.call_id, grant.agent, grant.tool)
        if named != (said.session_id, said.call_id, said.agent, said.tool):
            _bad(item, "its grant is for another call")
        if said.conflicting is not (grant.arguments_hash != said.arguments_hash):
            _bad(item, "it says otherwise than its grant which arguments ran")
        level = _OWN_WORD if said.attestation is None else _ATTESTED
        if said.evidence_level != level:
            _bad(item, "it says more or less of its report than was signed")
        if said.attestation is not None:
            receipt = self._open_word(said.attestation)
            place = (receipt.session_id, receipt.call_id, receipt.tool, receipt.environment)
            if place != (grant.session_id, grant.call_id, grant.tool, grant.environment):
                _bad(item, "the host's word is on another call")
            self._check_word(receipt, said, item)
            self._note_word(receipt, told.epoch, item)
        signed = _Signed(0, [(chain.head.stream_id, told.seq)], item, self.line)
        self._orphan_keys.append((key.key_id, signed))
        self.orphans += 1

    def _note_first_key(self, told: _Told) -> None:
        """Remember the epoch from which on somebody in the tenant could sign."""
        if told.kind == KEY_ENROLLED and self._first_key is None:
            self._first_key = told.epoch

    def _note_people(
        self,
        said: _KeyBody | _KeyEndBody | _LetInBody | _RemovedBody,
        told: _Told,
        chain: _Chain,
        item: str,
    ) -> None:
        """Note whose key counts from here on, or whose does not."""
        mark = _Mark(told.seq, told.epoch, told.time)
        self._note_first_key(told)
        match said:
            case _KeyBody():
                if said.key_id in self._person_keys:
                    _bad(item, "it enrols a key that was enrolled before")
                kept = _PersonKey(said.actor_id, bool(said.confirmed_by), mark)
                self._person_keys[said.key_id] = kept
            case _KeyEndBody():
                self._ended_keys.setdefault(said.key_id, mark)
            case _LetInBody():
                self._check_let_in(said, chain, item)
                self._let_in[said.workspace_id, said.actor_id, said.key_id] = told.seq
            case _RemovedBody():
                self._removed.setdefault((said.workspace_id, said.actor_id), []).append(mark)

    def _check_let_in(self, said: _LetInBody, chain: _Chain, item: str) -> None:
        """Hold the letting in of an approver to what a colleague signed, whose key counted then."""
        opened = None if said.envelope is None else _parse_envelope(said.envelope, item)
        is_pinned = opened is not None and (PERSON, opened.key_id) in self._keys
        # It proves no grant: whoever pins keys need not know those of all who let others in.
        if opened is None or (self._pinned is not None and not is_pinned):
            self._unsigned_let_in += 1
            return
        vote, key = self._open(opened, ENROLMENT_VOTE_TYPE, PERSON, _EnrolmentVote)
        self._check_voter(vote, key, item)
        named = (vote.enrolment_id, vote.workspace_id, vote.actor_id, vote.enrolled_key_id)
        if named != (said.enrolment_id, said.workspace_id, said.actor_id, said.key_id):
            _bad(item, "what was signed is on another enrolment")
        if vote.decision != "approve" or vote.voter_id != said.confirmed_by:
            _bad(item, "what was signed says otherwise than the event of it")
        if vote.voter_id == vote.actor_id:
            _bad(item, "a person let themselves in")
        known = self._person_keys.get(vote.key_id)
        if known is None and chain.erased_people:
            self._unsigned_let_in += 1
        elif known is None or known.actor_id != vote.voter_id:
            _bad(item, "no event before it enrols the key that signed it")
        if vote.key_id in self._ended_keys:
            _bad(item, "the key that signed it had been revoked before")

    def _note_beforehand(
        self, said: _StandingBody | _StandingEndBody, told: _Told, chain: _Chain, item: str
    ) -> None:
        """Note what somebody said yes to beforehand, or that this is over."""
        mark = _Mark(told.seq, told.epoch, told.time)
        if isinstance(said, _StandingEndBody):
            self._ended_standing.setdefault(said.standing_id, mark)
            return
        standing = self._open_standing(said, item)
        if said.standing_id in self._standing:
            _bad(item, "it tells of a standing grant that was given before")
        self._check_signer(standing, chain, item)
        self._standing[said.standing_id] = _Beforehand(standing, mark)

    def _open_standing(self, said: _StandingBody, item: str) -> _Standing:
        """Return what a person signed beforehand."""
        opened = _parse_envelope(said.envelope, item)
        standing, key = self._open(opened, STANDING_TYPE, PERSON, _Standing)
        self._check_tenant(standing.tenant_id, item)
        if (standing.key_id, standing.granted_by) != (key.key_id, key.actor_id):
            _bad(item, "it is not the word of whoever's key signed it")
        if (standing.standing_id, standing.granted_by) != (said.standing_id, said.granted_by):
            _bad(item, "what was signed says otherwise than the event of it")
        return standing

    def _check_signer(self, standing: _Standing, chain: _Chain, item: str) -> None:
        """Refuse a yes by a key that had ended before it, by the order of its own stream."""
        if standing.key_id in self._ended_keys:
            _bad(item, "the key that signed it had been revoked before")
        signer = standing.workspace_id, standing.granted_by
        gone = self._removed.get(signer)
        let_in = self._let_in.get((*signer, standing.key_id), 0)
        # A key that was let in again counts again; whose body was erased may be the one that was.
        if gone and gone[-1].seq > let_in and not chain.erased_people:
            _bad(item, "whoever signed it had been removed as an approver before")

    def _note_control(self, control: _SetBody, epoch: int, item: str) -> None:
        if control.control_id in self._controls:
            _bad(item, "a control with this id was set before")
        scope = None
        if control.effect == _KILL:
            if control.kind not in _SCOPES:
                _bad(item, f"it kills a `{control.kind[:80]}`, which is not known here")
            scope = (control.kind, "" if control.kind == _TENANT else control.target)
        self._controls[control.control_id] = _Kill(scope, epoch)

    def _note_lifting(self, lifted: _LiftedBody, told: _Told, chain: _Chain, item: str) -> None:
        """Find the control, which an earlier event set, and take it out of force from here on."""
        control = self._controls.get(lifted.control_id)
        given = (lifted.ask_vote, lifted.confirm_vote)
        ask, confirm = (None if one is None else one.encode() for one in given)
        actor, epoch = told.actor.decode(), told.epoch
        self._lifts.append(_Lift(lifted, (ask, confirm), control, actor, epoch, item, self.line))
        if control is None and chain.erased_controls:
            self._unread += 1
            return
        if control is None or control.epoch >= epoch:
            _bad(item, "it lifts a control that no event before it set")
        if lifted.control_id in self._lifted:
            _bad(item, "it lifts a control that was lifted before")
        if control.scope is None or control.scope[0] not in _LIFTED:
            _bad(item, "it lifts what is never lifted")
        named = (lifted.kind, "" if lifted.kind == _TENANT else lifted.target)
        if lifted.kind and named != control.scope:
            _bad(item, "it names another agent or tool than the control that it lifts")
        if lifted.asked_by == actor:
            _bad(item, "one person lifted it alone")
        self._lifted[lifted.control_id] = epoch

    def _note_granted(self, call: _ProposedBody, told: _Told, chain: _Chain) -> None:
        if call.call_id in self._granted:
            _bad(_event_name(chain, told.seq), "it grants a call that was granted before")
        tool, arguments = self._one(call.tool), _short(call.arguments_hash)
        self._granted[call.call_id] = _Leave(chain, tool, arguments, told.seq)
        self._hold_against_kills(tool, told, chain)
        self.calls += 1
        if call.standing is not None:
            item = _event_name(chain, told.seq)
            place = (tool, chain.agent, chain.environment)
            self._uses.append(_Use(call.standing, *place, told.epoch, told.time, item, self.line))

    def _note_started(self, call_id: bytes, told: _Told, chain: _Chain) -> None:
        """Find the call, which an earlier event of the session granted, and through it the tool."""
        granted = self._granted.get(call_id)
        if granted is not None and granted.session is chain:
            self._hold_against_kills(granted.tool, told, chain)
            self.calls += 1
        elif granted is None and chain.erased_proposals:
            self._unproved_starts += 1
            self._hold_against_kills(None, told, chain)
        else:
            why = "it starts a call that no event of its session before it granted"
            _bad(_event_name(chain, told.seq), why)

    def _hold_against_kills(self, tool: str | None, told: _Told, chain: _Chain) -> None:
        """Refuse what follows the session's stop now, and remember it for kills told of later."""
        if chain.killed_at is not None:
            why = "it grants or starts a call although the session had been stopped"
            _bad(_event_name(chain, told.seq), why)
        given = (told.epoch, tool, chain.agent, chain.artifact)
        if given not in self._given:
            self._given[given] = (_event_name(chain, told.seq), self.line)
        if chain.erased_opening:
            self._of_unknown.add(told.epoch)

    # What is held against each other once all events were read.

    def _end_events(self) -> None:
        """Compare every stream with its head, before anything is held against the streams."""
        if self._events_ended:
            return
        self._events_ended = True
        for chain in self.chains.values():
            head = chain.head
            if (chain.seq, chain.leaf.hex()) != (head.head_seq, head.head_leaf):
                why = (
                    f"the header tells of {head.head_seq} events that end in leaf "
                    f"{head.head_leaf}; the bundle has {chain.seq}, ending in {chain.leaf.hex()}"
                )
                _bad(f"stream {head.stream_id}", why)
        self._check_erased()
        self._check_words()
        self._check_uses()
        self._check_lifts()
        self._check_scope()
        self._check_sealed()
        self._find_kills()
        for given, (item, line) in self._given.items():
            if self._is_killed(_Given(*given)):
                why = "it grants or starts a call while a kill of its scope was in force"
                _bad(item, why, line)

    def _check_erased(self) -> None:
        """Hold each body that is missing against what the `erasures` stream tells was erased."""
        untold = [
            (line, _event_name(chain, seq))
            for chain in self.chains.values()
            for seq, line in _untold(chain.missing, self._told_of(chain))
        ]
        if untold and self.is_second:
            line, item = min(untold)
            _bad(item, "its body is missing, and nothing tells that it was erased", line)

    def _told_of(self, chain: _Chain) -> Sequence[tuple[int, int, int]]:
        """Return what was told of a stream's erasures; of other kinds nothing is ever erased."""
        if chain.head.kind not in {SESSION, WORKSPACE, RUN}:
            return []
        return self._erasures.get(chain.head.stream_id, [])

    def _authority(self) -> list[_Chain]:
        """Return the streams of the kind that tells of people and hosts."""
        return [one for one in self.chains.values() if one.head.kind == AUTHORITY]

    def _check_words(self) -> None:
        """Hold each host's word to the registration of its key, once all of them were read."""
        is_told = any(not chain.erased_hosts for chain in self._authority())
        is_end_told = not any(chain.erased_ends for chain in self._authority())
        for word, (epoch, item, line) in self._words.items():
            host = self._hosts.get(word.key_id)
            if host is None and is_told:
                _bad(item, "no event registers the host whose word it holds", line)
            if host is None:
                self._unregistered += 1
                continue
            if word.tool not in host.tools or word.environment != host.environment:
                why = "the host whose word it holds is registered for other tools, or elsewhere"
                _bad(item, why, line)
            self._unended_words += not is_end_told
            end = self._ended_hosts.get(word.key_id)
            if end is not None and epoch >= end:
                why = "the registration of the host whose word it holds had ended"
                _bad(item, why, line)

    def _check_uses(self) -> None:
        """Hold each call that was granted beforehand to what was signed."""
        used: Counter[str] = Counter()
        is_told = any(not chain.erased_standing for chain in self._authority())
        is_end_told = not any(
            chain.erased_people or chain.erased_ends for chain in self._authority()
        )
        for use in self._uses:
            given = self._standing.get(use.standing_id)
            if given is None:
                if is_told:
                    why = "no event gives the yes beforehand that it names"
                    _bad(use.item, why, use.line)
                self._unproved_uses += 1
                continue
            used[use.standing_id] += 1
            self._check_use(use, given.standing)
            self._check_moment(use, given)
            self._unended_uses += not is_end_told
            self._hidden_uses += is_end_told and not self._is_told_of_ends(use.epoch)
            if used[use.standing_id] > given.standing.uses:
                why = "people said yes beforehand to fewer calls"
                _bad(use.item, why, use.line)

    def _check_use(self, use: _Use, standing: _Standing) -> None:
        said = (standing.tool, standing.agent, standing.environment)
        if any(one not in {"", other} for one, other in zip(use[1:4], said, strict=True)):
            why = "people said yes beforehand to calls of another tool, agent or environment"
            _bad(use.item, why, use.line)
        if use.time > _microseconds(standing.expires_at) + _LATE // _MICROSECOND:
            why = "the yes that was given beforehand had run out"
            _bad(use.item, why, use.line)

    def _check_moment(self, use: _Use, given: _Beforehand) -> None:
        """Refuse a use before the yes, or after its end or that of its signer's key."""
        moment = (use.epoch, use.time)
        if moment < given.at[1:]:
            _bad(use.item, "the yes that it names was given later", use.line)
        standing = given.standing
        over = self._ended_standing.get(use.standing_id)
        ended = self._ended_keys.get(standing.key_id)
        removals = self._removed.get((standing.workspace_id, standing.granted_by), [])
        place = bisect_right(removals, given.at)
        gone = removals[place] if place < len(removals) else None
        # Its event follows those of all its uses, whatever the epochs are.
        if over is not None and (moment > over[1:] or use.time > over.time):
            why = "the yes that was given beforehand had been revoked"
            _bad(use.item, why, use.line)
        if ended is not None and moment > ended[1:]:
            why = "the key that signed the yes beforehand had been revoked"
            _bad(use.item, why, use.line)
        if gone is not None and moment > gone[1:]:
            why = "whoever had said yes beforehand had been removed as an approver"
            _bad(use.item, why, use.line)
        near = [mark for mark in (given.at, over, ended, gone) if mark is not None]
        self._timed_uses += any(mark.epoch == use.epoch for mark in near)

    def _check_lifts(self) -> None:
        """Hold each lifting to what two people signed."""
        for lift in self._lifts:
            try:
                self._check_lift(lift)
            except _BadError as bad:
                raise _BadError(lift.item, bad.why, lift.line) from bad

    def _check_lift(self, lift: _Lift) -> None:
        ask, confirm = lift.votes
        if lift.said.asked_by == lift.confirmed_by:
            _bad(lift.item, "one person lifted it alone")
        if ask is None and confirm is None:
            # An enrolment after it names its epoch or a later one: the lifting raises it.
            if self._first_key is not None and self._first_key < lift.epoch:
                _bad(lift.item, "nobody signed it, and somebody had a key to sign with")
            self._unsigned_lifts += 1
            return
        if ask is None or confirm is None:
            _bad(lift.item, "one of the two who lifted it did not sign it")
        asker = self._open_lift_vote(ask, lift, "ask")
        other = self._open_lift_vote(confirm, lift, "confirm")
        if not all([self._is_counted(asker, lift), self._is_counted(other, lift)]):
            self._unproved_lifts += 1
        else:
            self._hidden_lifts += not self._is_told_of_ends(lift.epoch - 1)

    def _open_lift_vote(self, given: bytes, lift: _Lift, act: str) -> _LiftVote:
        """Return what one of the two signed, which must be on this lifting as it is told."""
        opened = _parse_envelope(given, lift.item)
        vote, key = self._open(opened, LIFT_VOTE_TYPE, PERSON, _LiftVote)
        self._check_voter(vote, key, lift.item)
        said, is_ask = lift.said, act == "ask"
        told = (
            (act, said.lift_id, said.control_id, said.kind, said.target),
            vote.set_epoch if lift.control is None else lift.control.epoch,
            said.reason if is_ask else said.confirm_reason,
            said.asked_by if is_ask else lift.confirmed_by,
        )
        signed = (
            (vote.act, vote.lift_id, vote.control_id, vote.kind, vote.target),
            vote.set_epoch,
            vote.reason,
            vote.voter_id,
        )
        if signed != told:
            _bad(lift.item, f"the word to {act} it is signed for something else")
        return vote

    def _is_counted(self, vote: _LiftVote, lift: _Lift) -> bool:
        """Tell whether the bundle proves that the key of one of the two counted at the lifting.

        What ends or enrols a key is told with the epoch of before the lifting, or with a later one.
        """
        key = self._person_keys.get(vote.key_id)
        ended = self._ended_keys.get(vote.key_id)
        is_told = self._is_told_of_people()
        if key is None:
            if is_told:
                _bad(lift.item, "no event enrols the key of one who signed it")
            return False
        if key.actor_id != vote.voter_id:
            _bad(lift.item, "the key of one who signed it is enrolled for somebody else")
        if key.at.epoch >= lift.epoch:
            _bad(lift.item, "the key of one who signed it was enrolled later")
        if ended is not None and ended.epoch < lift.epoch:
            _bad(lift.item, "the key of one who signed it had been revoked")
        is_new = lift.control is not None and key.at.epoch >= lift.control.epoch
        if is_new and not key.is_confirmed:
            _bad(lift.item, "a key that signed it is newer than the kill, and nobody confirmed it")
        return is_told and (lift.control is not None or key.is_confirmed)

    def _is_told_of_people(self) -> bool:
        streams = self._authority()
        return bool(streams) and not any(chain.erased_people for chain in streams)

    def _check_scope(self) -> None:
        """Hold the streams of the bundle against what it says to be of."""
        if not isinstance(self._header, _Header2):
            return
        scope = self._header.scope
        if scope.session_id is not None:
            chain = self.chains.get(scope.session_id.encode())
            if chain is None or chain.head.kind != SESSION:
                _bad("the header", "it is of a session that it does not name among its streams")
        if scope.until is not None:
            until = _microseconds(scope.until)
            for chain in self.chains.values():
                if chain.head.kind == SESSION and chain.time > until:
                    why = "it goes on after the window that the bundle is of"
                    _bad(f"stream {chain.head.stream_id}", why)

    def _check_sealed(self) -> None:
        """Hold each stream that the tenant's `seals` stream counts against what is here."""
        for stream, (said, item, line, time) in self._sealed.items():
            chain = self.chains.get(stream.encode())
            if chain is None:
                if self._is_scope_whole():
                    why = f"it was closed with {said.last_seq} events, and the bundle leaves it out"
                    self._omit(f"stream {stream}", why, line)
                continue
            if chain.seq < said.last_seq:
                why = f"it was closed with {said.last_seq} events, and the bundle has {chain.seq}"
                if self._is_scope_whole():
                    self._omit(f"stream {stream}", why, line)
                elif not self._is_cut_before(time):
                    _bad(f"stream {stream}", why, line)
                self._going_on += 1
                continue
            chain.ended = True
            if self._leaf_at(chain, said.last_seq).hex() != said.last_leaf:
                why = f"stream {stream} was closed with another event in that place"
                _bad(item, why, line)
            if chain.seal is not None:
                seal, seal_line = chain.seal
                if (seal.last_seq, seal.status) != (said.last_seq, said.status):
                    why = "it says otherwise than the event of its closing"
                    _bad(f"the seal of stream {stream}", why, seal_line)

    def _is_cut_before(self, time: int) -> bool:
        """Tell whether the bundle holds its sessions up to the end of a window before this."""
        until = self._header.scope.until if isinstance(self._header, _Header2) else None
        return until is not None and time > _microseconds(until)

    def _omit(self, item: str, why: str, line: int) -> None:
        """Refuse what is left out of a whole tenant, or wait for what the log says to that.

        Where the bundle has as many events as its log has entries, what is missing came later.
        """
        if self._omitted is None:
            self._omitted = item, why, line

    def _check_whole(self) -> None:
        """Hold a bundle of a whole tenant against the number of entries in its log."""
        if not self._is_scope_whole():
            return
        size = self._checkpoints[-1].size if self._checkpoints else None
        if self._omitted is not None and size != self._logged():
            item, why, line = self._omitted
            _bad(item, why, line)
        if size is not None and size != self._logged():
            why = f"the log has {size} entries, and {self._logged()} of them are here"
            _bad("the bundle", f"{why}: streams were left out, or their ends cut off")
        if size is not None and size != self.events:
            why = f"the log has {size} entries, and the bundle {self.events} events"
            _bad("the bundle", f"{why}: nothing tells what else came after its last checkpoint")

    @staticmethod
    def _leaf_at(chain: _Chain, seq: int) -> bytes:
        return bytes(chain.leaves[32 * seq - 32 : 32 * seq])

    def _find_kills(self) -> None:
        """Put together when each scope was killed, once every control has been read."""
        spans: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        for control_id, control in self._controls.items():
            if control.scope is not None:
                span = (control.epoch, self._lifted.get(control_id))
                spans.setdefault(control.scope, []).append(span)
        self._kills = {scope: _joined(found) for scope, found in spans.items()}

    def _is_whole(self) -> bool:
        """Tell whether the bundle has all that its log has, so that no stream goes on."""
        return self._is_scope_whole() and bool(self._checkpoints)

    def _is_told_of_ends(self, epoch: int) -> bool:
        """Tell whether what is not here cannot have ended a key, a yes or a person up to an epoch.

        Each end raises the epoch. What is here of the stream that tells of them goes up to some
        epoch; if each later one was raised by a control that is here, no end was.
        """
        later = [one for one in self._control_epochs if self._people_epoch < one <= epoch]
        return len(later) >= epoch - self._people_epoch

    def _open_uses(self) -> int:
        """Count the uses that may follow the end of a yes or of a key."""
        return self._unended_uses + (0 if self._is_whole() else self._hidden_uses)

    def _open_lifts(self) -> int:
        """Count the signed liftings of which the keys may not have counted."""
        return self._unproved_lifts + (0 if self._is_whole() else self._hidden_lifts)

    def _may_be_killed(self, epoch: int) -> bool:
        """Tell whether a kill of some agent or artifact was in force at a control epoch."""
        return any(
            kind in {"agent", "artifact"} and _holds(spans, epoch)
            for (kind, _), spans in self._kills.items()
        )

    def _is_killed(self, given: _Given) -> bool:
        """Tell whether a kill of the tenant or of one of these was in force at a control epoch."""
        reached = {"agent": given.agent, "tool": given.tool, "artifact": given.artifact}
        scopes = [(_TENANT, ""), *((kind, name) for kind, name in reached.items() if name)]
        return any(_holds(self._kills.get(scope, []), given.epoch) for scope in scopes)

    # Grants and other signed documents.

    def _take_grant(self, envelope: Envelope) -> None:
        grant, key = self._open(envelope, GRANT_TYPE, GRANT, _Grant)
        item = f"the grant for call {grant.call_id}"
        self._check_tenant(grant.tenant_id, item)
        chain = self.chains.get(grant.session_id.encode())
        artifact = "" if chain is None else chain.artifact
        if self._is_killed(_Given(grant.control.epoch, grant.tool, grant.agent, artifact)):
            _bad(item, "it was given while a kill of its scope was in force")
        if chain is not None:
            _check_grant_place(grant, item, chain)
        granted = self._match_grant(grant, item, chain)
        position = self._ended_server_keys.get(key.key_id)
        if position is not None:
            places = [] if granted is None else [(grant.session_id, granted.seq)]
            self._late_signed.append(_Signed(position, places, item, self.line))
        self.grants += 1

    def _match_grant(self, grant: _Grant, item: str, chain: _Chain | None) -> _Leave | None:
        """Hold a grant against the event that granted its call, if the bundle can tell."""
        granted = self._granted.get(grant.call_id.encode())
        if granted is not None:
            told = (granted.session.head.stream_id, granted.tool, granted.arguments_hash)
            if told != (grant.session_id, grant.tool, _short(grant.arguments_hash)):
                _bad(item, "its call was granted for another session, tool or arguments")
            self.grants_matched += 1
        elif chain is not None and not chain.erased_proposals:
            _bad(item, "no event of its session granted its call")
        return granted

    def _take_envelope(self, envelope: Envelope) -> None:
        kind = envelope.payload_type
        if kind == ARTIFACT_TYPE:
            artifact, key = self._open(envelope, kind, ARTIFACT, Artifact)
            self._note_artifact(key, artifact, f"artifact {artifact.compiled_hash}")
        elif kind == APPROVAL_VOTE_TYPE:
            vote, key = self._open(envelope, kind, PERSON, ApprovalVote)
            self._check_voter(vote, key, f"the vote on request {vote.request_id}")
        elif kind == ENROLMENT_VOTE_TYPE:
            word, key = self._open(envelope, kind, PERSON, _EnrolmentVote)
            item = f"the vote on enrolment {word.enrolment_id}"
            self._check_voter(word, key, item)
            if word.voter_id == word.actor_id:
                _bad(item, "a person decided on their own enrolment")
        elif kind == BREAK_GLASS_VOTE_TYPE:
            said, key = self._open(envelope, kind, PERSON, _BreakGlassVote)
            self._check_voter(said, key, f"the vote on activation {said.activation_id}")
        elif kind == PROOF_TYPE:
            proof, key = self._open(envelope, kind, PERSON, _Possession)
            item = f"the proof of possession of actor {proof.actor_id}"
            self._check_tenant(proof.tenant_id, item)
            named = (proof.key_id, proof.public_key, proof.actor_id)
            if named != (key.key_id, key.public_key.hex(), key.actor_id):
                _bad(item, "the key that signed it is not the one it names")
        elif kind == ROTATION_TYPE:
            self._take_rotation(envelope)
        else:
            _bad("an envelope", f"its type `{kind[:80]}` is not known here")
        self.envelopes += 1

    def _take_rotation(self, envelope: Envelope) -> None:
        """Note that one of the two keys of a rotation signed it; the old one's comes first."""
        item = f"a `{ROTATION_TYPE}`"
        place = hashlib.sha256(envelope.payload).digest()
        if place not in self._rotations:
            uses = dict(self._hoped_uses)
            places = [(kind, envelope.key_id) for kind in sorted(_OURS)]
            purpose = next((one[0] for one in places if one in self._keys | self._hoped), GRANT)
            rotation, key = self._open(envelope, ROTATION_TYPE, purpose, _Rotation)
            if (rotation.old_key_id, rotation.purpose) != (key.key_id, key.purpose):
                _bad(item, "the first to sign it is not the key that it replaces")
            self._hoped_uses = uses  # a rotation leads on from its old key, and needs no other
            self._rotations[place] = rotation, {key.key_id}, self.line
            return
        rotation, signers, _ = self._rotations[place]
        new = Key(rotation.new_key_id, rotation.new_public_key, rotation.purpose, None)
        try:
            _open_payload(envelope, ROTATION_TYPE, _Rotation, new)
        except ValueError as fault:
            _bad(item, str(fault))
        signers.add(new.key_id)

    def _note_artifact(self, key: Key, artifact: Artifact, item: str) -> None:
        """Remember an artifact whose key was revoked, and the events that tell of it."""
        position = self._ended_server_keys.get(key.key_id)
        if position is not None:
            places = self._artifact_events.get(artifact.compiled_hash, [])
            self._late_signed.append(_Signed(position, places, item, self.line))

    def _check_voter(
        self, vote: ApprovalVote | _EnrolmentVote | _BreakGlassVote | _LiftVote, key: Key, item: str
    ) -> None:
        self._check_tenant(vote.tenant_id, item)
        if (vote.key_id, vote.voter_id) != (key.key_id, key.actor_id):
            _bad(item, "the key that signed it is not its voter's")

    def _check_tenant(self, tenant: str, item: str) -> None:
        if tenant != self.known.tenant:
            _bad(item, "it belongs to another tenant")

    def _find(self, purpose: str, key_id: str, item: str) -> Key:
        """Return a key that counts, or that may turn out to count: others signed that it does."""
        why = f"its key id names none of the keys that count for a `{purpose}`"
        place = (purpose, key_id)
        key = self._keys.get(place)
        if key is None:
            key = self._hoped.get(place)
            if key is None:
                _bad(item, why)
            self._hoped_uses.setdefault(place, (item, why, self.line))
        return key

    def _open(
        self, envelope: Envelope, expected: str, purpose: str, into: type[T]
    ) -> tuple[T, Key]:
        """Return the document and the key that signed it, which must be the one it hints at."""
        item = f"a `{expected}`"
        key = self._find(purpose, envelope.key_id, item)
        try:
            return _open_payload(envelope, expected, into, key), key
        except ValueError as fault:
            _bad(item, str(fault))

    def _take_dossier(self, data: bytes) -> None:
        """Check a dossier, and that the votes in it are those that the tenant's stream tells of."""
        own: Keys | None = None if self._pinned is None else {**self._hoped, **self._keys}
        try:
            opened = _open_dossier(data, own)
        except DossierError as fault:
            flaw = fault.flaw
            _bad(f"line {flaw.line} of the dossier, {flaw.item}", flaw.why)
        item = f"the dossier of approval {opened.artifact.approval_id}"
        self._check_tenant(opened.tenant_id, item)
        self._approvals.add(opened.artifact.approval_id)
        self._unsigned |= dict.fromkeys(one for one in opened.unsigned if one != _LET_IN_ELSEWHERE)
        if self._pinned is not None:
            self._find(ARTIFACT, opened.artifact_key.key_id, item)
        self._note_artifact(opened.artifact_key, opened.artifact, item)
        for envelope, vote in zip(opened.vote_envelopes, opened.votes, strict=True):
            self._check_vote(envelope, vote, item)
        self.dossiers += 1

    def _check_vote(self, envelope: Envelope, vote: ApprovalVote, item: str) -> None:
        """Hold a vote against its event, and its key against what the stream of it tells."""
        streams = self._authority()
        key = self._person_keys.get(vote.key_id)
        ended = self._ended_keys.get(vote.key_id)
        seq = self._votes.get(_whole_of(envelope))
        if seq is None:
            if streams and not any(chain.erased_votes for chain in streams):
                _bad(item, f"no event tells of the vote of {vote.voter_id}")
            self._unproved_votes += 1
            return
        if ended is not None and ended.seq < seq:
            _bad(item, f"the key of {vote.voter_id} had been revoked before they voted")
        if key is None or key.actor_id != vote.voter_id or key.at.seq > seq:
            if self._is_told_of_people():
                _bad(item, f"no event before the vote of {vote.voter_id} enrols their key")
            self._unproved_votes += 1
            return
        gone = self._removed.get((vote.workspace_id, vote.voter_id), [])
        let_in = self._let_in.get((vote.workspace_id, vote.voter_id, vote.key_id), 0)
        if any(let_in < mark.seq < seq for mark in gone) and self._is_told_of_people():
            _bad(item, f"{vote.voter_id} had been removed as an approver before they voted")

    # The tenant's log.

    def _take_checkpoint(self, envelope: Envelope) -> None:
        checkpoint, key = self._open(envelope, CHECKPOINT_TYPE, CHECKPOINT, Checkpoint)
        item = f"the checkpoint of {checkpoint.size} entries"
        self._check_tenant(checkpoint.tenant_id, item)
        if checkpoint.key_id != key.key_id:
            _bad(item, "it names another key than the one that signed it")
        position = self._ended_server_keys.get(key.key_id)
        if position is not None and checkpoint.size > position:
            _bad(item, f"the key that signed it had been revoked at {position} entries")
        if self._checkpoints:
            last = self._checkpoints[-1]
            if (checkpoint.epoch, checkpoint.size) <= (last.epoch, last.size):
                _bad(item, "it does not come after the one before it")
            seen = checkpoint.previous
            if seen is not None and seen.size == last.size and seen.root != last.root:
                _bad(item, "it names another root for the size of the one before it")
        self._checkpoints.append(checkpoint)

    def _last(self, item: str) -> Checkpoint:
        if not self._checkpoints:
            _bad(item, "there is no checkpoint that it could be held against")
        return self._checkpoints[-1]

    def _take_inclusion(self, line: _InclusionLine) -> None:
        item = f"the inclusion of event {line.seq} of stream {line.stream_id}"
        chain = self.chains.get(line.stream_id.encode())
        last = self._last(item)
        if chain is None or line.seq > chain.seq:
            _bad(item, "the bundle has no such event")
        if line.size != last.size:
            _bad(item, "it is for another size than that of the last checkpoint")
        path = [bytes.fromhex(one) for one in line.path]
        leaf = self._leaf_at(chain, line.seq)
        found = root_of_inclusion(leaf, line.index, line.size, path)
        if found is None or found.hex() != last.root:
            _bad(item, "it does not lead to the root that the checkpoint signs")
        entries = self._entries.setdefault(line.stream_id, [])
        entry = _Entry(line.seq, line.index)
        if entries and entry.seq <= entries[-1].seq:
            _bad(item, "it stands behind that of a later event of its stream, or twice")
        if entries and entry.at <= entries[-1].at:
            _bad(item, "the events of its stream stand in the log in another order")
        entries.append(entry)

    def _take_consistency(self, line: _ConsistencyLine) -> None:
        item = f"the consistency from {line.from_size} to {line.to_size} entries"
        last = self._last(item)
        if line.to_size != last.size:
            _bad(item, "it does not lead to the last checkpoint")
        if self._consistencies and line.from_size <= self._consistencies[-1][0].from_size:
            _bad(item, "it stands behind one that begins later, or twice")
        path = [bytes.fromhex(one) for one in line.path]
        new = (last.size, bytes.fromhex(last.root))
        for one in self._checkpoints[:-1]:
            old = (one.size, bytes.fromhex(one.root))
            if one.size == line.from_size and not is_consistent(old, new, path):
                _bad(item, "it does not lead from the one checkpoint to the other")
        self._consistencies.append((line, self.line))

    def _check_log(self) -> None:
        """Hold what was signed by revoked keys, and what the auditor kept, against the log."""
        for key_id, orphan in self._orphan_keys:
            position = self._ended_server_keys.get(key_id)
            if position is not None:
                self._late_signed.append(orphan._replace(position=position))
        for signed in self._late_signed if self.is_second else ():
            if not any(
                seq <= one.seq and one.at < signed.position
                for stream, seq in signed.told_in
                for one in self._entries.get(stream, ())
            ):
                why = (
                    "the key that signed it was revoked, and nothing proves that its event stood "
                    "in the log before"
                )
                _bad(signed.item, why, signed.line)
        if self._checkpoints and self._is_whole():
            self._check_epoch(self._checkpoints[-1])
        if self._held:
            self._check_held()
        self._check_hoped()

    def _check_hoped(self) -> None:
        """Follow the keys that were pinned to those that took over from them."""
        for _, signers, line in self._rotations.values():
            if len(signers) != 2:  # noqa: PLR2004 -- the old key and the new one
                why = "one of its two keys did not sign it"
                _bad(f"a `{ROTATION_TYPE}`", why, line)
        ended = self._ended_server_keys
        counted: set[tuple[str, str]] = {one for one in self._keys if one[1] not in ended}
        steps = [rotation for rotation, _, _ in self._rotations.values()]
        while True:
            follow = [step for step in steps if (step.purpose, step.old_key_id) in counted]
            reached: set[tuple[str, str]] = {(step.purpose, step.new_key_id) for step in follow}
            reached -= counted
            # What a revoked key signs leads nowhere, and nobody can tell when it was signed.
            passable = {place for place in reached if place[1] not in self._ended_server_keys}
            for place in reached - passable:
                self._hoped_uses.pop(place, None)
            counted |= passable
            if not passable:
                break
        for place, (item, why, line) in self._hoped_uses.items():
            if place not in counted:
                _bad(item, why, line)

    # What the auditor kept.

    def _check_held(self) -> None:
        """Hold the log against the checkpoints that the auditor kept."""
        item = "the checkpoint that you hold"
        last = self._last(item)
        kept = self._newest_held(last)
        if kept.oldest is None and self._held_late:
            why = f"each of the {self._held_late} was signed by a key that had been revoked before"
            _bad(item, why)
        if kept.oldest is None:
            _bad(item, "there is none of this tenant among them")
        if kept.earlier is not None and self._is_told_of_restores() and not self._is_begun(last):
            # It says that the tenant is older than the epoch, if somebody signed it.
            self._open_held(kept.earlier, item)
            _bad(item, self._why_unbegun(last))
        lost = None if kept.lost is None else self._why_lost(kept.lost, last)
        if kept.proved is None:
            size = kept.oldest
            why = lost or f"it is of {size} entries, and the bundle of {last.size}: it is older"
            _bad(item, why)
        newest = self._open_held(kept.proved, item)
        if not self._joins(newest, last, item):
            why = (
                f"the bundle does not tell how it follows from these {newest.size} entries; "
                "export it again with --checkpoint"
            )
            _bad(
                item, why if lost is None else f"{lost}; of those that you hold from before, {why}"
            )
        self._held_proved = [newest]
        self._held_joined[newest.epoch] = newest.size
        self._check_others(kept.proved, last, item)

    def _check_epoch(self, last: Checkpoint) -> None:
        """Refuse a log in an epoch that nothing began, if its tenant is older than the epoch.

        A tenant that was made in an epoch has no `Restored` of it. The first event of the stream
        tells in which one it was made: whoever has the database can add another behind the last.
        """
        older = [one for one in self._checkpoints if one.epoch < last.epoch]
        chains = [one for one in self._authority() if one.seq and one.first_epoch < last.epoch]
        if (older or chains) and not self._is_begun(last):
            _bad(f"the checkpoint of {last.size} entries", self._why_unbegun(last))

    def _is_begun(self, last: Checkpoint) -> bool:
        """Tell whether a `Restored` in the log tells of the epoch of a checkpoint."""
        return any(one.epoch == last.epoch for one in self._logged_restores())

    def _why_unbegun(self, last: Checkpoint) -> str:
        is_unlogged = any(one.said.epoch == last.epoch for one in self._restores)
        what = _NOT_LOGGED if is_unlogged else "no `Restored` tells how that epoch began"
        return (
            f"the bundle is of restore epoch {last.epoch}, its tenant is older, and {what}; where "
            "a restore is under way, export it again when it is done"
        )

    def _logged_restores(self) -> list[_RestoredBody]:
        """Return those that are in the log of the last checkpoint.

        Others prove nothing: who has the database can show each auditor another one.
        """
        return [one.said for one in self._restores if self._is_logged(one.stream_id, one.seq)]

    def _is_logged(self, stream: str, seq: int) -> bool:
        """Tell whether an inclusion of a stream covers one of its events."""
        return any(seq <= one.seq for one in self._entries.get(stream, ()))

    def _is_told_of_restores(self) -> bool:
        """Tell whether the stream is here that tells of restores: none may erase what it says."""
        return bool(self._authority()) or self._is_whole()

    def _later_restores(self, epoch: int, last: Checkpoint) -> list[_RestoredBody]:
        """Return those in the log that lie between an epoch and the last checkpoint."""
        return [one for one in self._logged_restores() if epoch < one.epoch <= last.epoch]

    def _may_be_lost(self, old: Checkpoint, last: Checkpoint) -> bool:
        """Tell whether a `Restored` tells that the log then had less than a checkpoint covers.

        So it does where the database that was put back had never been in the checkpoint's epoch.
        """
        return any(
            one.log_size < old.size or one.from_epoch < old.epoch
            for one in self._later_restores(old.epoch, last)
        )

    def _why_lost(self, old: Checkpoint, last: Checkpoint) -> str:
        """Say what a restore lost of the entries of a checkpoint."""
        return self._lost_of(old.epoch, old.size, last) + " of what this checkpoint tells of"

    def _lost_of(self, epoch: int, most: int, last: Checkpoint) -> str:
        """Say what a restore lost of the first entries, so many, of an earlier epoch."""
        later = self._later_restores(epoch, last)
        skipped = next((one for one in later if one.from_epoch < epoch), None)
        if skipped is not None:
            return (
                f"a restore lost entries (the `Restored` of epoch {skipped.epoch} tells of a "
                f"database that had never come from epoch {skipped.from_epoch} to {epoch})"
            )
        least = min(later, key=lambda one: one.log_size)
        return (
            f"a restore lost entries {least.log_size + 1} to {most} (the `Restored` of epoch "
            f"{least.epoch} tells of a log of {least.log_size})"
        )

    def _newest_held(self, last: Checkpoint) -> "_Kept":
        """Find the newest that is held of those that are no newer than the bundle's last.

        Those that a restore lost are found beside.
        """
        place, kept = (last.epoch, last.size), _Kept()
        oldest = found = lost = earlier = (0, -1)
        for one, envelope in self._told_held():
            at = one.epoch, one.size
            if kept.oldest is None or at < oldest:
                kept.oldest, oldest = one.size, at
            if at > place:
                self._held_newer += 1
                continue
            if one.epoch < last.epoch and at > earlier:
                kept.earlier, earlier = envelope, at
            if at > lost and self._is_lost(one, last):
                kept.lost, lost = one, at
            elif at > found and not self._is_lost(one, last):
                kept.proved, found = envelope, at
        return kept

    def _is_lost(self, old: Checkpoint, last: Checkpoint) -> bool:
        """Tell whether a restore lost some of what a checkpoint tells of."""
        if not self._may_be_lost(old, last) or self._is_forked(old):
            return False
        try:
            return not self._follows(old, last, "")
        except _BadError:
            return True

    def _told_held(self) -> Iterator[tuple[Checkpoint, Envelope]]:
        """Yield what is held of this tenant, with what it says.

        What a revoked key signed above its place is left out, if the log says that it was revoked.
        No signature is checked here: a witness's file has a line for every minute, and few of them
        are compared.
        """
        self._held_late = 0
        for envelope in self._held:
            said = self._said_by_held(envelope)
            if said is None:
                continue
            if self._is_late(said, envelope.key_id):
                self._held_late += 1
                continue
            yield said, envelope

    def _is_late(self, held: Checkpoint, key_id: str) -> bool:
        """Tell whether the log says that a key had been revoked before it signed what is held."""
        position = self._ended_server_keys.get(key_id)
        is_above = position is not None and held.size > position
        return is_above and self._is_logged(*self._server_ends_at[key_id])

    def _said_by_held(self, envelope: Envelope) -> Checkpoint | None:
        """Return what a checkpoint of this tenant says, None for that of another."""
        if self._is_of_another(envelope):
            return None
        item = "the checkpoint that you hold"
        if envelope.payload_type != CHECKPOINT_TYPE:
            _bad(item, f"it is a `{envelope.payload_type[:80]}`")
        try:
            return _read_into(Checkpoint, envelope.payload)
        except (ValueError, RecursionError) as fault:
            _bad(item, f"it is no checkpoint: {fault}")

    def _open_held(self, envelope: Envelope, item: str) -> Checkpoint:
        checkpoint, key = self._open(envelope, CHECKPOINT_TYPE, CHECKPOINT, Checkpoint)
        if checkpoint.key_id != key.key_id:
            _bad(item, "it names another key than the one that signed it")
        return checkpoint

    def _check_others(self, proved: Envelope, last: Checkpoint, item: str) -> None:
        """Compare older ones that are held where the bundle has something to compare them with."""
        sizes = {one.size for one in self._checkpoints}
        sizes |= {line.from_size for line, _ in self._consistencies}
        for held, envelope in self._told_held():
            if (held.epoch, held.size) > (last.epoch, last.size) or envelope == proved:
                continue
            is_alone = held.size not in sizes and held.size <= last.size
            if held.epoch < last.epoch:
                self._check_earlier(held, envelope, last, is_alone=is_alone)
            elif is_alone:
                self._held_alone += 1
            else:
                self._follows(self._open_held(envelope, item), last, item)

    def _check_earlier(
        self, held: Checkpoint, envelope: Envelope, last: Checkpoint, *, is_alone: bool
    ) -> None:
        """Compare one of an earlier epoch: what no restore lost is in the log as it was.

        Who signed one that a restore lost is not looked at: its key may be lost as well.
        """
        item, note = "the checkpoint that you hold", self._held_earlier
        if self._is_lost(held, last):
            note.setdefault((_LOST, held.epoch), []).append(held.size)
            return
        if is_alone:
            note.setdefault((_ALONE, held.epoch), []).append(held.size)
            return
        self._open_held(envelope, item)
        try:
            if self._joins(held, last, item):
                self._held_joined[held.epoch] = max(held.size, self._held_joined.get(held.epoch, 0))
            else:
                note.setdefault((_ALONE, held.epoch), []).append(held.size)
        except _BadError:
            if self._is_told_of_restores() or self._is_forked(held):
                raise
            note.setdefault((_UNTOLD, held.epoch), []).append(held.size)

    def _joins(self, held: Checkpoint, last: Checkpoint, item: str) -> bool:
        """Tell whether the log begins with what is held; of an earlier epoch no restore lost it."""
        try:
            return self._follows(held, last, item)
        except _BadError as bad:
            if held.epoch == last.epoch or self._is_forked(held):
                raise
            why = (
                "no `Restored` tells that a restore lost any of them"
                if self._is_told_of_restores()
                else "whether a restore lost any of them, a stream would tell that is not here"
            )
            _bad(item, f"{bad.why}; {why}", bad.line)

    def _is_of_another(self, envelope: Envelope) -> bool:
        """Tell whether a checkpoint says that it is of another tenant, whoever signed it."""
        try:
            said = read_form(envelope.payload)
        except (ValueError, RecursionError):
            return False
        tenant = said.get("tenant_id") if isinstance(said, dict) else None
        is_checkpoint = envelope.payload_type == CHECKPOINT_TYPE and isinstance(tenant, str)
        return is_checkpoint and tenant != self.known.tenant

    def _is_forked(self, old: Checkpoint) -> bool:
        """Tell whether the bundle has another root of that very epoch and size: no restore does."""
        return any(
            (one.epoch, one.size) == (old.epoch, old.size) and one.root != old.root
            for one in self._checkpoints
        )

    def _follows(self, old: Checkpoint, last: Checkpoint, item: str) -> bool:
        """Tell whether the bundle proves that its log begins with that of a checkpoint.

        Ends the reading where it proves the contrary.
        """
        if self._is_forked(old):
            _bad(item, f"of {old.size} entries it has another root than the bundle's")
        if old.size > last.size:
            _bad(item, f"of its {old.size} entries the log of the bundle has {last.size}")
        if old.size == last.size:
            if old.root != last.root:
                _bad(item, f"of {old.size} entries it has another root than the bundle's")
            return True
        new = (last.size, bytes.fromhex(last.root))
        for line, number in self._consistencies:
            if line.from_size == old.size:
                path = [bytes.fromhex(one) for one in line.path]
                if not is_consistent((old.size, bytes.fromhex(old.root)), new, path):
                    why = f"the log of the bundle does not begin with its {old.size} entries"
                    _bad(item, why, number)
                return True
        return old.size == 0

    # The end.

    def _take_manifest(self, manifest: _Manifest | _Manifest2) -> None:
        if manifest.events != self.events:
            why = f"it counts {manifest.events} events, there are {self.events}"
            _bad("the manifest", why)
        self._sum_up()
        if manifest.sha256 != self._hash.hexdigest():
            self._blame_section(manifest)
            _bad("the manifest", "its SHA-256 is not that of the bytes before it")
        if self._changed_sections(manifest):
            _bad("the manifest", "its SHA-256 of a section is not that of its lines")
        self._is_complete = True
        self._check_whole()
        self._check_log()
        self._check_approval()

    def _check_approval(self) -> None:
        approval = self._header.scope.approval_id if isinstance(self._header, _Header2) else None
        if approval is not None and approval not in self._approvals:
            _bad("the dossiers", "the one of the approval that the bundle is of is missing")

    def _changed_sections(self, manifest: _Manifest | _Manifest2) -> list[str]:
        """Return the sections of which the manifest counts other bytes."""
        if isinstance(manifest, _Manifest):
            return []
        found = {name: section.hexdigest() for name, section in self._sections.items()}
        return [name for name in _TOLD if found[name] != getattr(manifest.lines, name)]

    def _blame_section(self, manifest: _Manifest | _Manifest2) -> None:
        """Name the section that was changed, where the manifest tells."""
        for name in self._changed_sections(manifest):
            _bad(_TOLD[name], UNCOUNTED, self._begins.get(name))

    def blamed(self, bad: _BadError, rest: BinaryIO) -> _BadError:
        """Return the flaw to name: the beginning of the bundle, if that was changed after all.

        A changed header makes whatever is held against it look bad; the manifest tells.
        """
        if not self.is_second or self._is_complete or self.line == 1:
            return bad
        self._sum_up()
        last = self._line_now
        while line := rest.readline(LINE_MAX + 1):
            if not line.endswith(b"\n") or line.startswith(b'{"exported_at":'):
                return bad
            self._hash.update(last)
            last = line
        try:
            manifest = _line_of(last, _LINES_2)
        except (ValueError, RecursionError):
            return bad
        if not isinstance(manifest, _Manifest2) or manifest.sha256 == self._hash.hexdigest():
            return bad
        for name in self._changed_sections(manifest):
            begin = self._begins.get(name)
            if name in {"header", "readme", "seals"} and begin and self.line > begin:
                if name == "seals" and (bad.line or self.line) < begin + self.seals:
                    continue
                return _BadError(_TOLD[name], UNCOUNTED, begin)
        return bad

    # The report.

    def report(self, flaw: Flaw | None) -> BundleReport:
        """Say what was found."""
        header = self._header
        last = self._checkpoints[-1] if self._checkpoints else None
        return BundleReport(
            flaw=flaw,
            form=None if header is None else header.kind,
            tenant_id=None if header is None else UUID(header.tenant_id),
            scope=header.scope.told() if isinstance(header, _Header2) else None,
            streams=len(self.chains),
            events=self.events,
            bodies=self.bodies,
            bodies_erased=self.events - self.bodies,
            calls=self.calls,
            grants=self.grants,
            grants_matched=self.grants_matched,
            envelopes=self.envelopes,
            seals=self.seals,
            attestations=self.attestations,
            orphans=self.orphans,
            dossiers=self.dossiers,
            log_size=None if last is None else last.size,
            log_root=None if last is None else last.root,
            logged=self._logged(),
            keys_pinned=self._pinned is not None,
            proved=() if flaw else tuple(self._proved()),
            not_proved=tuple(self._not_proved()),
        )

    def _logged(self) -> int:
        return sum(max(one.seq for one in entries) for entries in self._entries.values())

    def _proved(self) -> Iterator[str]:
        yield (
            f"{self.events} events in {len(self.chains)} streams: sequences from 1 without a gap, "
            "each chained to the one before, up to the heads in the header"
        )
        yield "time, fences and control revisions never run backwards within a stream"
        yield f"{self.bodies} event bodies are the ones that were hashed when they were written"
        if self.seals:
            yield f"{self.seals} sessions ended at the event that their seal names"
        yield from self._proved_of_log()
        if self.calls:
            yield (
                f"{self.calls} times a call was granted or started, and never while a kill of its "
                "session, its agent, its tool or its tenant that the bundle tells of was in force"
            )
        if starts := self.calls - len(self._granted):
            yield f"{starts} starts are of calls that an event of their session granted before"
        if self.grants:
            yield f"{self.grants} signed grants are whole, and none was given under such a kill"
        if self.grants_matched:
            yield (
                f"{self.grants_matched} of them are for calls that an event of their session "
                "granted, with the same tool and arguments"
            )
        if self.attestations:
            yield (
                f"{self.attestations} reports are what the tool's host signed, and every level of "
                "evidence is the one that the signed words give"
            )
        yield from self._proved_of_people()
        if self.orphans:
            yield f"{self.orphans} reports of calls that were not known come with their grants"
        if self.envelopes:
            yield f"{self.envelopes} other signed documents are whole and signed by the right key"

    def _proved_of_log(self) -> Iterator[str]:
        if self._checkpoints:
            last = self._checkpoints[-1]
            yield (
                f"{self._logged()} of the events are in the tenant's log of {last.size} entries "
                f"with root {last.root}, which the service signed at {last.time:%Y-%m-%d %H:%M:%S} "
                "UTC"
            )
        if self._checkpoints and self._is_scope_whole():
            yield "that is all of the log: no stream was left out, and none was cut before its end"
        if self._sealed:
            here = sum(one.encode() in self.chains for one in self._sealed) - self._going_on
            yield (
                f"{len(self._sealed)} streams had been closed, and the {here} of them that are here"
                " to their end have the events that they were closed with"
            )
        if self._held_proved:
            yield (
                f"the log begins with the {self._held_proved[-1].size} entries of the checkpoint "
                "that you hold: nothing of them was cut or written anew"
            )
            for epoch, size in sorted(self._held_joined.items()):
                if epoch != self._held_proved[-1].epoch:
                    yield (
                        f"it begins with the {size} entries of the checkpoint of restore epoch "
                        f"{epoch} that you hold, too"
                    )
        if self._rotations:
            yield f"{len(self._rotations)} keys took over from others with the word of both"
        if self._late_signed and self.is_second:
            yield (
                f"{len(self._late_signed)} documents by keys that were revoked since were in the "
                "log before that"
            )

    def _proved_of_people(self) -> Iterator[str]:
        if self.dossiers:
            yield f"{self.dossiers} approvals are what people signed, as their dossiers tell"
            if not self._unproved_votes:
                yield "their votes were cast with keys that were enrolled then, and not revoked"
        if proved := len(self._uses) - self._unproved_uses:
            yield (
                f"{proved} calls were granted by a yes that somebody had signed beforehand, for "
                "that tool, within its time and number"
            )
            if not self._open_uses():
                yield (
                    "none of them follows the end of that yes, of the key that signed it or of its "
                    "signer as an approver, by the control epochs or, where one is shared, by the "
                    "database's clock"
                )
        if signed := len(self._lifts) - self._unsigned_lifts:
            yield f"{signed} liftings of a kill are what two different people signed"
        if counted := signed - self._open_lifts():
            yield (
                f"{counted} of them were signed with keys that were enrolled for these people, not "
                "revoked, and either older than the kill or confirmed by a colleague"
            )

    def _not_proved(self) -> Iterator[str]:
        yield from self._not_proved_of_log()
        if self._pinned is None:
            yield "whose the keys are: none were pinned, the bundle brought its own"
        yield from self._not_proved_of_kills()
        if self._unproved_starts:
            yield f"what {self._unproved_starts} starts were of, and that it had been granted"
        if self._unregistered:
            yield (
                f"that {self._unregistered} keys of hosts were registered for those tools then: "
                "the stream that would tell is not in the bundle, or bodies of it were erased"
            )
        if self._unended_words:
            yield (
                f"that the registrations of {self._unended_words} hosts had not ended when their "
                "words counted: bodies that may tell of it were erased"
            )
        if self._unproved_uses:
            yield (
                f"that people had said yes beforehand to {self._unproved_uses} calls: the stream "
                "that would tell is not in the bundle, or bodies of it were erased"
            )
        yield from self._not_proved_of_people()
        if self._unproved_levels:
            yield f"how good the word was that {self._unproved_levels} calls were settled on"
        unmatched = self.grants - self.grants_matched
        if unmatched:
            yield (
                f"that an event granted the calls of {unmatched} signed grants: their sessions "
                "are not in the bundle, or bodies of them were erased"
            )

    def _not_proved_of_kills(self) -> Iterator[str]:
        if erased := self.events - self.bodies:
            yield f"what {erased} events said, whose bodies were erased"
        if self._unread:
            yield f"what {self._unread} of them did about controls, calls or people's keys"
        last = max(self._control_epochs, default=0)
        most = max((epoch for epoch, *_ in self._given), default=0)
        if most > last and not self._is_whole():
            yield (
                f"that no kill follows the last control that is here: the control epoch was raised "
                f"from {last} to {most} before these calls, by what is not here"
            )
        going = [
            one
            for one in self.chains.values()
            if one.head.kind == SESSION and not (one.ended or (one.seal and not self.is_second))
        ]
        if going and not self._is_whole():
            yield (
                f"what {len(going)} sessions did after their last event here: nothing tells that "
                "they were closed"
            )
        if unknown := sum(map(self._may_be_killed, self._of_unknown)):
            yield (
                f"that calls granted or started at {unknown} control epochs were not under a kill "
                "of their agent or artifact: the openings of their sessions were erased"
            )

    def _not_proved_of_log(self) -> Iterator[str]:
        if not self._checkpoints:
            yield (
                "that nothing was cut from the end or written anew as a whole: the bundle holds no "
                "checkpoint that an outsider kept"
            )
        elif not self._held_proved:
            yield (
                "that nothing was written anew as a whole before the export: no checkpoint was "
                "given that an outsider kept"
            )
        if self._checkpoints and (late := self.events - self._logged()):
            yield f"that {late} events are in the log: they came after its last checkpoint"
        if self._going_on:
            yield (
                f"what {self._going_on} streams tell that were closed since: each goes on after "
                "the window that was asked for, or after the last checkpoint"
            )
        yield from self._not_proved_of_held()
        unlinked = {one.size for one in self._checkpoints[:-1]}
        unlinked -= {line.from_size for line, _ in self._consistencies}
        if unlinked:
            yield f"that the log only grew since {len(unlinked)} of its checkpoints"
        if self._is_scope_whole() and self._checkpoints:
            yield "that the bundle holds every grant of the tenant"
        else:
            yield "that the header names every stream, and the bundle every grant, of the tenant"
        if self._late_signed and not self.is_second:
            yield (
                f"that {len(self._late_signed)} documents were signed before their keys were "
                "revoked"
            )

    def _not_proved_of_held(self) -> Iterator[str]:
        for (found, epoch), sizes in sorted(self._held_earlier.items()):
            joined = self._held_joined.get(epoch, 0) if found == _ALONE else 0
            above = [size for size in sizes if size > joined]
            if above:
                yield self._earlier_told(found, epoch, above)
        alone = self._held_alone + sum(
            size <= self._held_joined.get(epoch, 0)
            for (found, epoch), sizes in self._held_earlier.items()
            if found == _ALONE
            for size in sizes
        )
        if self._held_late:
            yield (
                f"what {self._held_late} checkpoints that you hold say: the key that signed them "
                "had been revoked at a smaller size"
            )
        if alone:
            yield (
                f"{alone} checkpoints that you hold: the bundle has nothing to compare "
                "them with, and who signed them was not looked at"
            )
        if self._held_newer:
            yield f"what came later: you hold {self._held_newer} newer checkpoints"

    def _earlier_told(self, found: str, epoch: int, sizes: Sequence[int]) -> str:
        """Say what is not proved of checkpoints of an earlier epoch."""
        least, most = min(sizes), max(sizes)
        span = str(most) if least == most else f"{least} to {most}"
        # Above one that was joined.
        what = "nothing more" if epoch in self._held_joined else "nothing"
        why = {
            _ALONE: f"the bundle has nothing to compare them with, so {what} is proved of that "
            "epoch, and who signed them was not looked at",
            _UNTOLD: "it does not, and the stream is not here that would tell whether a restore "
            "lost any of them",
        }
        if found == _LOST:
            why[_LOST] = self._lost_of(epoch, most, self._checkpoints[-1]) + " of what they tell of"
        return (
            f"that the log goes on from {len(sizes)} checkpoints of restore epoch {epoch} that you "
            f"hold, of {span} entries: {why[found]}"
        )

    def _is_scope_whole(self) -> bool:
        return isinstance(self._header, _Header2) and self._header.scope.kind == "tenant"

    def _not_proved_of_people(self) -> Iterator[str]:
        if self.dossiers:
            yield "that the approvals of the dossiers are in force, other than by their events"
            yield from self._unsigned
        if self._unsigned_let_in:
            yield (
                f"that a colleague let in {self._unsigned_let_in} approvers: nobody signed that, "
                "or with a key that is not pinned"
            )
        if self._unproved_votes:
            yield (
                f"that the keys of {self._unproved_votes} votes counted when they were cast: the "
                "stream that would tell is not in the bundle, or bodies were erased"
            )
        if len(self._lifts) > self._unsigned_lifts:
            yield "that the two who signed a lifting are not one who holds the keys of both"
        if self._unsigned_lifts:
            yield f"that two people agreed to {self._unsigned_lifts} liftings: nobody signed them"
        if opened := self._open_lifts():
            yield (
                f"that the keys which signed {opened} liftings counted then: what "
                "may tell of it is not here, or bodies were erased"
            )
        if len(self._uses) > self._unproved_uses:
            yield (
                "that whoever said yes beforehand was let in to the workspace and not disabled, "
                "and that the workspace was not archived: that is not checked"
            )
        if opened := self._open_uses():
            yield (
                f"that the yes beforehand to {opened} calls, and the keys of whoever "
                "gave it, had not ended: what may tell of it is not here, or bodies were erased"
            )
        if self._timed_uses:
            yield (
                f"that {self._timed_uses} calls came after the yes beforehand and before its end, "
                "other than by the database's clock: no control epoch lies between"
            )


_LOST: Final = "lost"
_ALONE: Final = "alone"
_UNTOLD: Final = "untold"
"""What may be found of a checkpoint of an earlier epoch that was held."""
_NOT_LOGGED: Final = (
    "the `Restored` that tells how that epoch began is not in the log of the last checkpoint"
)


class _Raise(NamedTuple):
    """A `Restored`, and where it stands."""

    stream_id: str
    seq: int
    said: _RestoredBody


@dataclass
class _Kept:
    """What is looked for among the checkpoints that are held.

    The newest to be proved, the newest that a restore lost, the newest of an earlier epoch, and the
    size of the oldest one, if there is any at all.
    """

    proved: Envelope | None = None
    lost: Checkpoint | None = None
    earlier: Envelope | None = None
    oldest: int | None = None


def _untold(
    gaps: Sequence[_Gap], told: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield the first missing event of a stream that no erasure accounts for: where, and its line.

    An erasure accounts for so many events between two sequences. Each event is put to the erasure
    that ends first, of those that have room: if that leaves one over, every other way does too.
    """
    coming = sorted(told, reverse=True)
    room: list[list[int]] = []
    for first, begin, count in gaps:
        for step in range(count):
            seq = first + step
            while coming and coming[-1][0] <= seq:
                heapq.heappush(room, [*coming.pop()[1:]])
            while room and (room[0][0] < seq or not room[0][1]):
                heapq.heappop(room)
            if not room:
                yield seq, begin + step
                return
            room[0][1] -= 1


_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


_HEX: Final = re.compile("[0-9a-f]{64}")


def _short(text: str) -> str | bytes:
    """Return a hash in half the room, and any other text as it is."""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else text


def _call_of(report: bytes | _Reported | None) -> bytes | None:
    return report.call if isinstance(report, _Reported) else report


def _whole_of(envelope: Envelope) -> bytes:
    """Return what an envelope is known by, however it is written."""
    return hashlib.sha256(envelope.payload_type.encode() + b"\x00" + envelope.payload).digest()


def _said_by(kind: str, form: Callable[..., _Said], body: bytes) -> _Said:
    """Return what is read of a body. Raises `ValueError` unless it is in its one form.

    A key that stands twice would be read one way here and another way elsewhere.
    """
    fields_of = _shaped_body(kind, body)
    if fields_of is not None:
        return _USUAL[kind](*fields_of)  # type: ignore[arg-type]  # -- fields that were read by that very form
    return _into(form, read_form(body, doubles=True))


def _joined(spans: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Return the spans in order, those that meet made one; None is an end that never came."""
    joined: list[tuple[int, int | None]] = []
    for begin, end in sorted(spans, key=lambda span: span[0]):
        if joined and (joined[-1][1] is None or begin <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            joined.append((begin, end))
    return joined


def _holds(spans: list[tuple[int, int | None]], epoch: int) -> bool:
    """Tell whether one of these joined spans holds an epoch: from its begin, up to its end."""
    place = bisect_right(spans, epoch, key=lambda span: span[0])
    if place == 0:
        return False
    end = spans[place - 1][1]
    return end is None or epoch < end


def _check_grant_place(grant: _Grant, item: str, chain: _Chain) -> None:
    """Refuse a grant under a fence or controls that its session never had, or had stopped at."""
    if (grant.fence.epoch, grant.fence.n) > chain.fence:
        _bad(item, "its fence is newer than any of its session's events")
    if grant.control.revision > chain.control_revision:
        _bad(item, "its control revision is newer than its session's events")
    if chain.killed_at is not None and grant.control.revision >= chain.killed_at:
        _bad(item, "it was given although its session had been stopped")


# Dossiers (§11).


@dataclass(frozen=True)
class _DossierHeader:
    kind: Literal["placet.dossier.v1"]
    tenant_id: Id
    subject: Literal["approval", "artifact"]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class _ArtifactLine:
    kind: Literal["artifact"]
    envelope: Envelope


@dataclass(frozen=True)
class _SnapshotLine:
    kind: Literal["snapshot"]
    content: str
    contract: str


@dataclass(frozen=True)
class _ViewLine:
    kind: Literal["view"]
    view: str


@dataclass(frozen=True)
class _ApprovalLine:
    kind: Literal["approval"]
    approval_id: Id
    approval_version: Ordinal
    request_id: Id
    workspace_id: Id
    snapshot_id: Id
    artifact_id: Id
    approved_by: tuple[Id, ...]
    approved_at: Moment
    expires_at: Moment | None


@dataclass(frozen=True)
class _ProofLine:
    kind: Literal["proof"]
    proof: str


@dataclass(frozen=True)
class _DossierManifest:
    kind: Literal["manifest"]
    lines: tuple[Hex, ...]
    sha256: Hex


@dataclass(frozen=True)
class _GroupText(_Part):
    name: str
    quorum: int


@dataclass(frozen=True)
class _PolicyText(_Part):
    quorum: int
    validity_days: int | None = None
    four_eyes: bool = False
    groups: tuple[_GroupText, ...] = ()


@dataclass(frozen=True)
class _MemberText(_Part):
    name: str
    confirmed_by: tuple[Id, ...]


@dataclass(frozen=True)
class _FirstText(_Part):
    groups: tuple[str, ...]
    succeeds: Id | None


@dataclass(frozen=True)
class _VoterText(_Part):
    actor_id: Id
    key_id: str
    public_key: Base64
    proof: Base64
    key_confirmed_by: tuple[Id, ...]
    first: _FirstText | None = None
    groups: tuple[_MemberText, ...] = ()


@dataclass(frozen=True)
class _ProofText(_Part):
    tenant_id: Id
    workspace_id: Id
    environment: Environment
    request_id: Id
    snapshot_id: Id
    snapshot_hash: str
    view_hash: str
    artifact_hash: str
    approval_policy: object
    approval_policy_hash: str
    policy_change: object
    votes: tuple[Envelope, ...]
    voters: tuple[_VoterText, ...]


@dataclass(frozen=True)
class _ContentText(_Part):
    tenant_id: Id
    snapshot_id: Id
    workspace_id: Id
    environment: Environment
    memory_hash: str
    source_snapshot_hash: str
    command_history_hash: str
    compiler_version: str


@dataclass(frozen=True)
class _ViewText(_Part):
    workspace_id: Id
    agent: str
    environment: Environment
    snapshot_id: Id
    snapshot_hash: str
    artifact_hash: str
    policy_change: object
    review: object


@dataclass(frozen=True)
class Opened:
    """What a good dossier says, in the bytes that it says it in.

    All but the artifact is null where an artifact is all there is. `contract` and `view` are JSON
    as it was hashed, `policy` the approval policy that was met. `unsigned` is what that policy asks
    for besides and nobody signed that it is so.
    """

    header: bytes
    subject: str
    tenant_id: str
    artifact: Artifact
    artifact_key: Key
    artifact_payload: bytes
    approval: bytes | None = None
    contract: bytes | None = None
    view: bytes | None = None
    policy: bytes | None = None
    votes: tuple[ApprovalVote, ...] = ()
    vote_envelopes: tuple[Envelope, ...] = ()
    agent: str | None = None
    unsigned: tuple[str, ...] = ()


class DossierError(Exception):
    """A dossier is bad. `flaw` names the line, the item and the reason."""

    def __init__(self, flaw: Flaw) -> None:
        """Take what is wrong."""
        super().__init__(f"line {flaw.line}, {flaw.item}: {flaw.why}")
        self.flaw = flaw


_ARTIFACT, _SNAPSHOT, _VIEW, _APPROVAL, _PROOF = range(2, 7)
"""On which line each stands, from 1."""

_LENGTHS: Final = {"approval": 7, "artifact": 3}
_LINE_NAMES: Final = ("the header", "the artifact", "the snapshot", "the view", "the approval")
_DOSSIER_LINES: Final = (
    _DossierHeader,
    _ArtifactLine,
    _SnapshotLine,
    _ViewLine,
    _ApprovalLine,
    _ProofLine,
)


def verify_dossier(data: bytes, pinned: PinnedKeys | None = None) -> DossierReport:
    """Check a dossier, and report. Never raises for what is in it.

    With `pinned`, only those keys count; without, the keys that the dossier brings, and the report
    says so.
    """
    is_pinned = pinned is not None
    try:
        opened = open_dossier(data, pinned)
    except DossierError as fault:
        return DossierReport(flaw=fault.flaw, keys_pinned=is_pinned)
    vote = opened.votes[0] if opened.votes else None
    return DossierReport(
        flaw=None,
        keys_pinned=is_pinned,
        subject=opened.subject,
        tenant_id=UUID(opened.tenant_id),
        approval_id=UUID(opened.artifact.approval_id),
        compiled_hash=opened.artifact.compiled_hash,
        approvers=tuple(UUID(vote.voter_id) for vote in opened.votes),
        purpose=None if vote is None else vote.purpose,
        workspace_id=None if vote is None else UUID(vote.workspace_id),
        request_id=None if vote is None else UUID(vote.request_id),
        agent=opened.agent,
        environment=None if vote is None else vote.environment,
        proved=tuple(_dossier_proved(opened)),
        not_proved=tuple(_dossier_not_proved(opened, is_pinned=is_pinned)),
    )


def open_dossier(data: bytes, pinned: PinnedKeys | None = None) -> Opened:
    """Return what a dossier says, if all of it is good. Raises `DossierError` with the first flaw.

    A line that was changed after the dossier was sealed is named, whatever else is wrong.
    """
    return _open_dossier(data, None if pinned is None else _keys_of(pinned))


def _open_dossier(data: bytes, counting: Keys | None) -> Opened:
    lines = _split_lines(data)
    changed = _uncounted_line(lines)
    try:
        opened = _opened(lines, counting)
    except DossierError as fault:
        if changed in {None, fault.flaw.line}:
            raise
    if changed is not None:
        name = "the manifest" if changed == len(lines) else _line_name(changed)
        _bad_line(changed, name, UNCOUNTED)
    return opened


def _bad_line(line: int, item: str, why: str) -> NoReturn:
    raise DossierError(Flaw(line=line, item=item, why=why))


def _line_name(number: int) -> str:
    return _LINE_NAMES[number - 1] if number <= len(_LINE_NAMES) else "the proof"


def _split_lines(data: bytes) -> list[bytes]:
    """Return the lines with their line feeds; a file that was cut is bad."""
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    if parts[-1] or not lines:
        lines.append(parts[-1])
    if not lines[-1].endswith(b"\n"):
        _bad_line(len(lines), "the end", "the line is cut off")
    if too_long := next((n for n, line in enumerate(lines, 1) if len(line) > LINE_MAX), None):
        _bad_line(too_long, "the line", f"more than {LINE_MAX} bytes")
    return lines


def _uncounted_line(lines: Sequence[bytes]) -> int | None:
    """Return the line (from 1) that is not the one that was sealed, or none.

    It is a line before the manifest if its own hash and that of the whole disagree with it, and
    the manifest if only one of them does.
    """
    last = len(lines)
    manifest = _parsed(lines[-1], _DossierManifest)
    if manifest is None:
        unread = (number for number, line in enumerate(lines, 1) if not _is_readable(line))
        return next(unread, last)
    found = [hashlib.sha256(line).hexdigest() for line in lines[:-1]]
    pairs = zip(found, manifest.lines, strict=False)
    wrong = [number for number, (is_, told) in enumerate(pairs, 1) if is_ != told]
    is_whole = hashlib.sha256(b"".join(lines[:-1])).hexdigest() == manifest.sha256
    if is_whole and not wrong and len(found) == len(manifest.lines):
        return None
    return last if is_whole or not wrong else wrong[0]


def _is_readable(line: bytes) -> bool:
    return any(_parsed(line, kind) is not None for kind in _DOSSIER_LINES)


def _parsed(line: bytes, kind: type[T]) -> T | None:
    try:
        return _read_into(kind, line[:-1])
    except (ValueError, RecursionError):
        return None


def _document(lines: Sequence[bytes], number: int, kind: type[T]) -> T:
    document = _parsed(lines[number - 1], kind)
    if document is None:
        name = "the manifest" if kind is _DossierManifest else _line_name(number)
        _bad_line(number, name, "it is no such line in canonical form")
    return document


def _opened(lines: Sequence[bytes], counting: Keys | None) -> Opened:
    header = _document(lines, 1, _DossierHeader)
    length = _LENGTHS[header.subject]
    if len(lines) != length:
        why = f"there are {len(lines)} lines where {length} belong"
        _bad_line(min(len(lines), length), "the end", why)
    envelope = _document(lines, _ARTIFACT, _ArtifactLine).envelope
    snapshot, view, approval, proof_line = (
        (
            _document(lines, _SNAPSHOT, _SnapshotLine),
            _document(lines, _VIEW, _ViewLine),
            _document(lines, _APPROVAL, _ApprovalLine),
            _document(lines, _PROOF, _ProofLine),
        )
        if header.subject == "approval"
        else (None, None, None, None)
    )
    _document(lines, length, _DossierManifest)
    keys: Keys = counting or {}
    if counting is None:
        keys = {(key.purpose, key.key_id): key for key in header.keys}
    artifact, key = _read_artifact(envelope, keys)
    bare = Opened(lines[0], header.subject, header.tenant_id, artifact, key, envelope.payload)
    if snapshot is None or view is None or approval is None or proof_line is None:
        return bare
    content = _read_content(snapshot, artifact, header.tenant_id)
    proof = _read_text(proof_line.proof, _ProofText, _PROOF)
    _check_proof(proof, content, artifact)
    agent = _check_view(view, proof, artifact)
    votes = _read_votes(proof, content, agent, keys)
    policy_text = write_form(proof.approval_policy)
    policy = _read_text(policy_text.decode(), _PolicyText, _PROOF)
    _check_quorum(policy, proof)
    _check_approval(approval, artifact, proof, policy)
    return Opened(
        *(lines[0], header.subject, header.tenant_id, artifact, key, envelope.payload),
        approval=lines[_APPROVAL - 1],
        contract=snapshot.contract.encode(),
        view=view.view.encode(),
        policy=policy_text,
        votes=votes,
        vote_envelopes=proof.votes,
        agent=agent,
        unsigned=tuple(_unsigned(policy, proof)),
    )


def _read_text(text: str, into: type[T], number: int) -> T:
    """Return what a text says that is kept as it was hashed, of which only parts may be read."""
    try:
        return _into(into, read_form(text.encode(), doubles=True))
    except (ValueError, RecursionError) as fault:
        _bad_line(number, _line_name(number), f"its text cannot be read: {fault}")


def _key_for(envelope: Envelope, purpose: str, keys: Keys, where: tuple[int, str]) -> Key:
    """Return the key that the envelope names, which must be one that counts for this."""
    named = keys.get((purpose, envelope.key_id))
    if named is None:
        _bad_line(*where, f"its key id names none of the keys that count for a `{purpose}`")
    return named


def _read_signed(
    envelope: Envelope, kind: str, into: type[T], key: Key, where: tuple[int, str]
) -> T:
    """Return what this very key signed."""
    try:
        return _open_payload(envelope, kind, into, key)
    except ValueError as fault:
        _bad_line(*where, str(fault))


def _read_artifact(envelope: Envelope, keys: Keys) -> tuple[Artifact, Key]:
    """Return the artifact: signed by an artifact key, and known by the hash of what it holds."""
    where = (_ARTIFACT, "the artifact")
    key = _key_for(envelope, ARTIFACT, keys, where)
    artifact = _read_signed(envelope, ARTIFACT_TYPE, Artifact, key, where)
    whole = {
        "compat": artifact.compat,
        "compiler_version": artifact.compiler_version,
        "review": artifact.review,
        "runtime": artifact.runtime,
    }
    if digest("compiled", write_form(whole)) != artifact.compiled_hash:
        _bad_line(*where, "its compiled hash is not that of its projections")
    return artifact, key


def _read_content(line: _SnapshotLine, artifact: Artifact, tenant: str) -> _ContentText:
    """Return what the snapshot says: the one that the artifact was made from, with its contract."""
    content = _read_text(line.content, _ContentText, _SNAPSHOT)
    where = (_SNAPSHOT, "the snapshot")
    found = digest("draft_snapshot", line.content.encode())
    if found != artifact.snapshot_hash or content.snapshot_id != artifact.snapshot_id:
        _bad_line(*where, "it is not the one that the artifact was made from")
    if digest("draft_document", line.contract.encode()) != content.memory_hash:
        _bad_line(_SNAPSHOT, "the contract", "it is not the one that was frozen in the snapshot")
    if content.compiler_version != artifact.compiler_version:
        _bad_line(*where, "it names another compiler version than the artifact")
    if content.tenant_id != tenant:
        _bad_line(*where, "it belongs to another tenant")
    return content


def _check_proof(proof: _ProofText, content: _ContentText, artifact: Artifact) -> None:
    """Hold the proof against snapshot and artifact, and its policy against the policy's hash."""
    pairs = {
        "tenant": (proof.tenant_id, content.tenant_id),
        "workspace": (proof.workspace_id, content.workspace_id),
        "environment": (proof.environment, content.environment),
        "snapshot": (proof.snapshot_id, content.snapshot_id),
        "snapshot hash": (proof.snapshot_hash, artifact.snapshot_hash),
        "artifact": (proof.artifact_hash, artifact.compiled_hash),
    }
    if wrong := [name for name, (is_, must) in pairs.items() if is_ != must]:
        _bad_line(_PROOF, "the proof", f"it is of another {wrong[0]}")
    if digest("approval_policy", write_form(proof.approval_policy)) != proof.approval_policy_hash:
        why = "it is not the one that the voters signed"
        _bad_line(_PROOF, "the approval policy", why)


def _check_view(line: _ViewLine, proof: _ProofText, artifact: Artifact) -> str:
    """Return the agent that the view names.

    Holds the view against the hash that was signed, and what it shows against what it is of.
    """
    if digest("approval_view", line.view.encode()) != proof.view_hash:
        _bad_line(_VIEW, "the view", "it is not the one that the voters signed")
    view = _read_text(line.view, _ViewText, _VIEW)
    shown = (
        (view.workspace_id, view.environment, view.snapshot_id, view.snapshot_hash),
        (view.artifact_hash, write_form(view.policy_change)),
        write_form(view.review),
    )
    signed = (
        (proof.workspace_id, proof.environment, proof.snapshot_id, proof.snapshot_hash),
        (proof.artifact_hash, write_form(proof.policy_change)),
        artifact.review.encode(),
    )
    if shown != signed:
        _bad_line(_VIEW, "the view", "the voters were shown something else than they signed")
    return view.agent


def _read_votes(
    proof: _ProofText, content: _ContentText, agent: str, keys: Keys
) -> tuple[ApprovalVote, ...]:
    """Return the votes: each by its own voter's key, and over exactly this approval.

    A first approver's proof of possession must be over the workspace of this agent.
    """
    if len(proof.votes) != len(proof.voters):
        _bad_line(_PROOF, "the proof", "it does not have a voter for each vote")
    votes: list[ApprovalVote] = []
    for number, (envelope, voter) in enumerate(zip(proof.votes, proof.voters, strict=True), 1):
        item = f"vote {number}"
        key = _key_for(envelope, PERSON, keys, (_PROOF, item))
        vote = _read_signed(envelope, APPROVAL_VOTE_TYPE, ApprovalVote, key, (_PROOF, item))
        shown = _check_named_voter(voter, vote, key, item)
        expected = _expected(proof, content) | {"purpose": (votes or [vote])[0].purpose}
        if wrong := [name for name, value in expected.items() if getattr(vote, name) != value]:
            _bad_line(_PROOF, item, f"it was cast on another {wrong[0]}")
        _check_first(voter, vote, shown, agent)
        votes.append(vote)
    return tuple(votes)


def _expected(proof: _ProofText, content: _ContentText) -> dict[str, str]:
    return {
        "tenant_id": proof.tenant_id,
        "workspace_id": proof.workspace_id,
        "environment": proof.environment,
        "request_id": proof.request_id,
        "decision": "approve",
        "snapshot_id": proof.snapshot_id,
        "snapshot_hash": proof.snapshot_hash,
        "view_hash": proof.view_hash,
        "source_hash": content.source_snapshot_hash,
        "command_history_hash": content.command_history_hash,
        "compiler_version": content.compiler_version,
        "artifact_hash": proof.artifact_hash,
        "approval_policy_hash": proof.approval_policy_hash,
    }


def _check_named_voter(voter: _VoterText, vote: ApprovalVote, key: Key, item: str) -> _Possession:
    """Hold a vote against the voter who is named for it, and that voter against their key.

    Returns the voter's proof of possession.
    """
    if (vote.voter_id, vote.key_id) != (voter.actor_id, voter.key_id):
        _bad_line(_PROOF, item, "it is not of the voter who is named for it")
    named = (voter.actor_id, voter.key_id, voter.public_key)
    if (key.actor_id, key.key_id, key.public_key) != named:
        _bad_line(_PROOF, item, "the key that signed it is not its voter's")
    where = (_PROOF, f"the proof of possession of voter {voter.actor_id}")
    try:
        envelope = _parse_envelope(voter.proof, where[1])
    except _BadError as bad:
        _bad_line(*where, bad.why)
    shown = _read_signed(envelope, PROOF_TYPE, _Possession, key, where)
    if (shown.key_id, shown.public_key) != (key.key_id, key.public_key.hex()):
        _bad_line(*where, "the proof names another key than the one that signed it")
    if (shown.tenant_id, shown.actor_id) != (vote.tenant_id, voter.actor_id):
        _bad_line(*where, "it is somebody else's")
    return shown


def _check_first(voter: _VoterText, vote: ApprovalVote, shown: _Possession, agent: str) -> None:
    """Hold the proof of somebody whom nobody confirmed against the workspace it was made for."""
    where = (_PROOF, f"the proof of possession of voter {voter.actor_id}")
    first = voter.first
    if (first is None) != bool(voter.key_confirmed_by):
        why = "the key is either a first approver's or let in by somebody, not both or neither"
        _bad_line(*where, why)
    unconfirmed = {group.name for group in voter.groups if not group.confirmed_by}
    if not unconfirmed <= set(first.groups if first else ()):
        _bad_line(*where, "it is not over every group that nobody confirmed")
    if first is None:
        return
    naming = {
        "agent": agent,
        "environment": vote.environment,
        "groups": sorted(set(first.groups)),
        "succeeds": first.succeeds,
        "tenant_id": vote.tenant_id,
    }
    if shown.challenge != digest("first_approver", write_form(naming)):
        _bad_line(*where, "it was not made for this workspace")


def _check_quorum(policy: _PolicyText, proof: _ProofText) -> None:
    """Count distinct people, all of them and those of each group."""
    people = {voter.actor_id for voter in proof.voters}
    if len(people) != len(proof.voters):
        _bad_line(_PROOF, "the proof", "somebody is counted twice")
    if len(people) < max(policy.quorum, 1):
        why = f"{len(people)} people approved, the policy asks for {policy.quorum}"
        _bad_line(_PROOF, "the proof", why)
    for group in policy.groups:
        members = {
            voter.actor_id
            for voter in proof.voters
            if any(one.name == group.name for one in voter.groups)
        }
        if len(members) < group.quorum:
            why = f"{len(members)} of group `{group.name}` approved, not {group.quorum}"
            _bad_line(_PROOF, "the proof", why)


def _check_approval(
    line: _ApprovalLine, artifact: Artifact, proof: _ProofText, policy: _PolicyText
) -> None:
    """Hold the approval against artifact and proof, and its end against its policy."""
    where = (_APPROVAL, "the approval")
    told = (line.approval_id, line.request_id, line.workspace_id, line.snapshot_id)
    proved = (artifact.approval_id, proof.request_id, proof.workspace_id, proof.snapshot_id)
    if told != proved:
        _bad_line(*where, "it is not the one that artifact and proof are of")
    if line.approved_by != tuple(voter.actor_id for voter in proof.voters):
        _bad_line(*where, "it names others than the voters")
    end = None
    if policy.validity_days is not None:
        try:
            end = line.approved_at + timedelta(days=policy.validity_days)
        except OverflowError:
            _bad_line(*where, "it would end after the year 9999")
    if line.expires_at != end:
        _bad_line(*where, "it does not end when its policy says")


_LET_IN_ELSEWHERE: Final = (
    "who let in those voters that are no first approvers: that is for a bundle"
)


def _unsigned(policy: _PolicyText, proof: _ProofText) -> Iterator[str]:
    if any(voter.first is None for voter in proof.voters):
        yield _LET_IN_ELSEWHERE
    if policy.groups:
        names = ", ".join(f"`{group.name}`" for group in policy.groups)
        yield f"that the voters are of {names}: the file says so, and nobody signed it"
    if policy.four_eyes:
        yield "that somebody else approved than wrote the draft: no dossier says who wrote it"


def _dossier_proved(opened: Opened) -> Iterator[str]:
    yield "the artifact is signed by an artifact key, and its hash is that of its projections"
    if opened.approval is None:
        return
    yield "the snapshot, its contract and the view have the hashes that were signed"
    people = len(opened.votes)
    yield (
        f"{people} {'person' if people == 1 else 'people'} signed this view of this contract, each "
        "with a key that they proved to hold: as many as the policy that they signed asks for"
    )
    yield f"the purpose that they signed is `{opened.votes[0].purpose}`"


def _dossier_not_proved(opened: Opened, *, is_pinned: bool) -> Iterator[str]:
    if not is_pinned:
        yield "whose the keys are: none were pinned, the dossier brought its own"
    yield "that it is in force: what was revoked or replaced later stands in no dossier"
    if opened.approval is None:
        yield "that anybody approved it"
        return
    yield "when it was approved, and that the voters' keys counted then: that is for a bundle"
    yield from opened.unsigned
    yield "that the artifact is what the contract compiles to: `placet policy rebuild` tells"


# Large files are read in parts, by several processes or one. What is found in a part takes for
# granted what the first event of each stream says of the one before; whether that was so is seen
# when the parts are put together, in order. A part that does not fit, or holds a line that is not
# good, is read line by line; and so is a whole file in which anything is bad, once more.

_CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""

_WORTH: Final = 16 * _CHUNK
"""Bytes of events from which on several processes are worth their start."""

_EVENT_BEGIN: Final = b'{"actor_id":"'


class _Segment(NamedTuple):
    """What a part holds of one stream: where it must go on from, and where it ends."""

    stream: bytes
    prev: bytes
    first: tuple[int, int, int, int, int, int]
    last: tuple[int, bytes, int, int, int, int, int]
    leaves: bytes


_Fact = tuple[
    int,
    bytes,
    tuple[str, int, int, int, int, bytes],
    bytes | None,
    tuple[object, ...] | None,
    bytes | None,
]
"""Which of a part's lines an event is (from 1), its stream, what its header tells, and its body.

A body of one of the usual shapes is not there, but its first fields. Last comes, of a call that was
granted here, and in this part started, reported and settled as calls usually are, the receipt: what
those three events tell follows from it.
"""


class _Found(NamedTuple):
    """What was found in a part of the file: `lines` good events from byte `begin` up to `end`.

    `missing` names those without a body: which of the lines, of which stream, and its sequence.
    """

    begin: int
    end: int
    lines: int
    missing: Sequence[tuple[int, bytes, int]]
    segments: Sequence[tuple[object, ...]]
    told: list[_Fact]


def _shared_from(stream: BinaryIO) -> int | None:
    """Return where a file stands that is worth being read in parts, or None for any other."""
    try:
        begin = stream.tell()
        return begin if os.fstat(stream.fileno()).st_size - begin >= _WORTH else None
    except (OSError, ValueError):
        return None


def _read_ahead(stream: BinaryIO, audit: _Audit, processes: int) -> None:
    """Take the events of a file in parts, and leave the rest of it."""
    number, at = stream.fileno(), stream.tell()
    size = os.fstat(number).st_size
    while line := stream.readline(LINE_MAX + 1):
        if line.startswith(_EVENT_BEGIN):
            break
        audit.take(line)
        at += len(line)
    if not audit.is_at_events:
        stream.seek(at)
        return
    chunks = [(begin, min(begin + _CHUNK, size)) for begin in range(at, size, _CHUNK)]
    with _found_of(number, audit, chunks, processes) as parts:
        for (_, end), found in zip(chunks, parts, strict=False):
            at = _put_on(stream, audit, at, end, found)
            if not audit.is_at_events:
                break
    stream.seek(at)


@contextmanager
def _found_of(
    number: int, audit: _Audit, chunks: Sequence[tuple[int, int]], processes: int
) -> Iterator[Iterator[_Found | None]]:
    """Yield what is found in each part, read by as many processes as are asked for, or by this."""
    if processes <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield (_look(number, audit, begin, end) for begin, end in chunks)
        return
    context = multiprocessing.get_context("fork")
    workers, receivers = [], []
    for place in range(processes):
        receive, send = context.Pipe(duplex=False)
        given = (number, audit, chunks[place::processes], send)
        workers.append(context.Process(target=_work, args=given, daemon=True))
        workers[-1].start()
        send.close()
        receivers.append(receive)
    try:
        yield (_received(receivers[place % processes]) for place in range(len(chunks)))
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _received(receive: Connection) -> _Found | None:
    """Return what a process found, or None if it came to nothing."""
    try:
        return _Found(*marshal.loads(receive.recv_bytes()))  # noqa: S302 -- of a process of ours
    except (EOFError, OSError):
        return None


def _put_on(stream: BinaryIO, audit: _Audit, at: int, end: int, found: _Found | None) -> int:
    """Take the events of one part, whose lines begin before `end`. Returns where it ends."""
    if found is not None and found.lines and found.begin == at and _fits(audit, found):
        audit.skip(os.pread(stream.fileno(), found.end - at, at))
        _take_found(audit, found)
        at = found.end
    if at < end:
        stream.seek(at)
    while at < end and (line := stream.readline(LINE_MAX + 1)):
        audit.take(line)
        at += len(line)
    return at


def _fits(audit: _Audit, found: _Found) -> bool:
    """Tell whether each stream goes on in a part from where it stands."""
    for segment in found.segments:
        stream, prev, first, _, _ = _Segment(*segment)  # type: ignore[arg-type]  # -- written as one
        chain = audit.chains[stream]
        seq, time, epoch, fence, control_epoch, control_revision = first
        follows = seq == chain.seq + 1 and prev == chain.leaf_text and time >= chain.time
        is_no_older = (
            (epoch, fence) >= chain.fence
            and control_epoch >= chain.control_epoch
            and control_revision >= chain.control_revision
        )
        if not (follows and is_no_older):
            return False
    return True


def _take_found(audit: _Audit, found: _Found) -> None:
    for segment in found.segments:
        stream, _, first, last, leaves = _Segment(*segment)  # type: ignore[arg-type]  # -- written as one
        chain = audit.chains[stream]
        if first[0] == 1:
            chain.first_epoch = first[2]
        seq, leaf, time, epoch, fence, control_epoch, control_revision = last
        place = _Place(seq, leaf, time, (epoch, fence), control_epoch, control_revision)
        chain.stand(place)
        chain.leaves += leaves
    begin = audit.line
    audit.stage_events()
    for number, stream, header, body, fields_of, receipt in found.told:
        audit.line = begin + number
        chain, told = audit.chains[stream], _Told(*header, body)
        if fields_of is not None and receipt is not None:
            audit.note_usual_call(told, _ProposedBody(*fields_of), receipt, chain)  # type: ignore[arg-type]  # -- fields that were read by that very form
        elif fields_of is not None and chain.head.kind == SESSION:
            audit.note_call(told, _USUAL[told.kind](*fields_of), chain)  # type: ignore[arg-type]  # -- as above
        else:
            audit.note(told, chain)
    audit.line = begin + found.lines
    audit.events += found.lines
    audit.bodies += found.lines - len(found.missing)
    for number, stream, seq in found.missing:
        audit.chains[stream].miss(seq, begin + number)


def _work(number: int, audit: _Audit, chunks: Sequence[tuple[int, int]], send: Connection) -> None:
    """Read these parts, one after the other, in a process of its own."""
    gc.disable()  # what is made here lives no longer than its part, and holds no cycles
    for begin, end in chunks:
        found = _look(number, audit, begin, end)
        send.send_bytes(marshal.dumps((*found,)))  # type: ignore[arg-type]  # -- plain values


def _look(number: int, audit: _Audit, begin: int, end: int) -> _Found:
    """Read the events whose lines begin in a part of the file, up to the first that is not good."""
    data = os.pread(number, end - begin + 1, begin - 1)
    skipped = data.find(b"\n") + 1
    if not skipped:
        return _NOTHING
    while not data.endswith(b"\n") and (more := os.pread(number, 1 << 16, begin - 1 + len(data))):
        cut = more.find(b"\n") + 1
        data += more[:cut] if cut else more
        if len(data) > end - begin + LINE_MAX:
            break
    if not data.endswith(b"\n"):
        data = data[: data.rfind(b"\n") + 1]
    begin += skipped - 1
    chains: dict[bytes, tuple[_Chain, bytes, tuple[int, ...]]] = {}
    gathered = _Gathered(audit.read_types)
    missing: list[tuple[int, bytes, int]] = []
    at, count = skipped, 0
    while (end := data.find(b"\n", at)) >= 0:
        stream = _stream_of(data, at, end)
        at, events, told = _next_of(data, (at, end), stream, chains, audit)
        if not events:
            break
        chain = chains[stream][0]
        if not _agrees_with_seal(chain):
            return _NOTHING
        count += events
        if told and told[0][6] is None:
            missing.append((count, stream, chain.seq))
        gathered.take(count - chain.seq, stream, chain, told)
    segments = [
        (stream, prev, first, _flat(chain.stands_at()), bytes(chain.leaves))
        for stream, (chain, prev, first) in chains.items()
    ]
    return _Found(begin, begin + at - skipped, count, missing, segments, gathered.told())


def _next_of(
    data: bytes,
    line: tuple[int, int],
    stream: bytes,
    chains: dict[bytes, tuple[_Chain, bytes, tuple[int, ...]]],
    audit: _Audit,
) -> tuple[int, int, list[_Values]]:
    """Take the next events of a stream, none behind its seal.

    Returns behind which byte they end, how many they are, and what they tell; of one that is read
    slowly always. They are none where the next line is not good.
    """
    at, end = line
    place = chains.get(stream)
    if place is not None:
        chain, most = place[0], len(data)
        if chain.seal is not None and chain.seq < chain.seal[0].last_seq:
            most = chain.seal[0].last_seq - chain.seq
        before = chain.seq
        behind, told = _follow(data, at, most, chain, audit.known)
        if chain.seq > before:
            return behind, chain.seq - before, told
    one = _read_slowly(data[at:end], stream, chains, audit)
    return (at, 0, []) if one is None else (end + 1, 1, [one])


class _Going:
    """A call of this part that goes as calls usually do: on which lines, and with which receipt."""

    __slots__ = ("chain", "epoch", "lines", "receipt")

    def __init__(self, chain: _Chain, epoch: int, line: int) -> None:
        self.chain = chain
        self.epoch = epoch
        self.lines = [line]
        self.receipt: bytes | None = None


class _Gathered:
    """What the events of a part tell, by line.

    A call that was granted, started, reported and settled in the usual way becomes one fact, in the
    place of the first. Whatever does not go that way ends this for all calls that are under way, so
    that no event between these four is read before one that it would have been held against.
    """

    def __init__(self, read_types: Container[str]) -> None:
        self._read_types = read_types
        self._facts: dict[int, tuple[bytes, _Values, tuple[bytes, ...] | None]] = {}
        self._going: dict[bytes, _Going] = {}
        self._receipts: set[bytes] = set()
        self._settled_on: dict[int, bytes | None] = {}

    def told(self) -> list[_Fact]:
        """Return the facts."""
        return [
            (line, stream, one[:6], one[6], None, None)
            if usual is None
            else (
                line,
                stream,
                one[:6],
                None,
                _fields_of(one[0], usual),
                self._settled_on.get(line),
            )
            for line, (stream, one, usual) in self._facts.items()
        ]

    def take(self, before: int, stream: bytes, chain: _Chain, told: Sequence[_Values]) -> None:
        """Take what events tell; so many of the part's lines come before the stream's first."""
        is_session, facts, calls = chain.head.kind == SESSION, self._facts, self._going
        for one in told:
            kind, line = one[0], before + one[1]
            shape = _SHAPES.get(kind)
            found = None if shape is None or one[6] is None else shape.fullmatch(one[6])
            if found is None:
                if kind in self._read_types:
                    calls.clear()
                    facts[line] = stream, one, None
                continue
            usual = found.groups()
            if not is_session:
                calls.clear()
            elif kind == CALL_PROPOSED:
                if usual[2] != _GRANTED_TEXT:
                    continue
                calls[usual[1]] = _Going(chain, one[2], line)
            elif not self._goes_on(line, kind, usual, chain, one[2]):
                calls.clear()
            elif kind == CALL_SETTLED:
                self._fold(calls.pop(usual[0]))
                continue
            facts[line] = stream, one, usual

    def _goes_on(
        self, line: int, kind: str, usual: tuple[bytes, ...], chain: _Chain, epoch: int
    ) -> bool:
        """Take a step of a call. Returns whether it is the next one of those that are usual."""
        going = self._going.get(usual[0])
        if kind == RECEIPT_RECEIVED:
            if usual[2] in self._receipts:
                return False
            self._receipts.add(usual[2])
        if going is None or going.chain is not chain or len(going.lines) != _STEPS[kind]:
            return False
        if kind == CALL_SETTLED:
            _, level, *cited = usual
            return level == _OWN_TEXT and cited == [going.receipt, None, None]
        going.lines.append(line)
        if kind == CALL_STARTED:
            return going.epoch == epoch
        going.receipt = usual[2]
        return usual[1] in _OWN_TEXTS

    def _fold(self, going: _Going) -> None:
        """Let the first fact of a call stand for those behind it."""
        granted, started, reported = going.lines
        self._settled_on[granted] = going.receipt
        del self._facts[started], self._facts[reported]


_GRANTED_TEXT: Final = _GRANTED.encode()
_OWN_TEXT: Final = _OWN_WORD.encode()
_OWN_TEXTS: Final = frozenset(word.encode() for word in _OWN_WORDS)
_STEPS: Final = {CALL_STARTED: 1, RECEIPT_RECEIVED: 2, CALL_SETTLED: 3}
"""How many steps of a usual call come before one."""
_NOTHING: Final = _Found(-1, -1, 0, [], [], [])


def _flat(place: _Place) -> tuple[object, ...]:
    return (*place[:3], *place.fence, *place[4:])


def _read_slowly(
    line: bytes,
    stream: bytes,
    chains: dict[bytes, tuple[_Chain, bytes, tuple[int, ...]]],
    audit: _Audit,
) -> _Values | None:
    """Return what the next event tells, or None if it is none, or not good.

    The first event of a stream in a part is taken for what it says that it follows.
    """
    place, whole = chains.get(stream), audit.chains.get(stream)
    if whole is None or len(line) >= LINE_MAX:
        return None
    try:
        event = _line_of(line + b"\n", {"event": _EventLine})
        if not isinstance(event, _EventLine) or event.stream_id.encode() != stream:
            return None
        if place is None:
            prev = bytes.fromhex(_hex(event.prev))
            numbers = (event.epoch, event.fence, event.control_epoch, event.control_revision)
            chain = _Chain(whole.head, audit.known.tenant)
            chain.seal = whole.seal
            chain.stand(_Place(event.seq - 1, prev, event.time, numbers[:2], *numbers[2:]))
            place = chain, event.prev.encode(), (event.seq, event.time, *numbers)
        _check_event(event, place[0], audit.known)
    except (ValueError, RecursionError, _BadError):
        return None
    chains[stream] = place
    return _told_by(event)


def _agrees_with_seal(chain: _Chain) -> bool:
    if chain.seal is None or chain.seal[0].last_seq != chain.seq:
        return True
    return chain.seal[0].last_leaf.encode() == chain.leaf_text


# The command.


def verify_file(
    stream: BinaryIO,
    pinned: PinnedKeys | None = None,
    *,
    held: Collection[Envelope] = (),
    processes: int = 1,
) -> BundleReport | DossierReport:
    """Check a file, whichever of the two it is: a bundle or a dossier."""
    first = stream.readline(LINE_MAX + 1)
    if b'"kind":"placet.dossier.v1"' in first:
        return verify_dossier(first + stream.read(max(_LENGTHS.values()) * LINE_MAX), pinned)
    return _verify(stream, pinned, held, processes, first)


class HeldLines(Collection[Envelope]):
    """The checkpoints of a witness's file, each read whenever it is looked at.

    Such a file has a line for every minute: held as documents they would be many times its size.
    """

    def __init__(self, data: bytes) -> None:
        """Take the file, but for a last line that was never finished."""
        self._lines = [line for line in data.split(b"\n")[:-1] if line.strip()]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._lines)

    def __iter__(self) -> Iterator[Envelope]:
        """Yield them in the file's order."""
        return map(_held_in, self._lines)

    def __contains__(self, one: object) -> bool:
        """Tell whether one of them stands there."""
        return any(one == other for other in self)


def parse_held(data: bytes) -> Collection[Envelope]:
    """Return the checkpoints that a file holds, as one envelope or as a witness's lines.

    A last line without its line feed was never finished, and is left out. Raises `ValueError` for a
    file that holds anything else.
    """
    try:
        return [_held_in(data)]
    except json.JSONDecodeError:
        held = HeldLines(data)
    for _ in held:
        pass
    if not held:
        message = "it holds no checkpoint"
        raise ValueError(message)
    return held


def _held_in(text: bytes) -> Envelope:
    one = _FREE.decode(text.decode())
    return _into(Envelope, one["envelope"] if isinstance(one, dict) and "envelope" in one else one)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file that the command line names, say what was found, and return 0 or 1."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle or a dossier.")
    parser.add_argument("file", help="the bundle or dossier, or - for standard input")
    parser.add_argument("--keys", help="trust the keys in this file alone")
    parser.add_argument("--checkpoint", help="a checkpoint that was kept, or a witness's file")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    given = parser.parse_args(arguments)
    try:
        named = given.keys
        pinned = None if named is None else parse_keys(Path(named).read_bytes())
        named = given.checkpoint
        held = [] if named is None else parse_held(Path(named).read_bytes())
        named = given.file
        with _input(named) as stream:
            report = verify_file(stream, pinned, held=held, processes=cores())
    except (OSError, ValueError, RecursionError) as fault:
        why = fault.strerror or fault if isinstance(fault, OSError) else fault
        parser.exit(2, _printable(f"{named} cannot be read: {why}\n"))
    sys.stdout.write(_as_json(report) if given.json else _as_text(report))
    return 0 if report.is_good else 1


def cores() -> int:
    """Return how many processes there is room for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _input(file: str) -> BinaryIO:
    return sys.stdin.buffer if file == "-" else Path(file).open("rb")


def _as_json(report: BundleReport | DossierReport) -> str:
    return json.dumps({"good": report.is_good, **asdict(report)}, default=str, indent=2) + "\n"


def _as_text(report: BundleReport | DossierReport) -> str:
    if report.flaw is not None:
        flaw = report.flaw
        return _printable(f"bad: line {flaw.line}, {flaw.item}: {flaw.why}") + "\n"
    what = (
        f"{report.subject} {report.approval_id}, compiled {report.compiled_hash}"
        if isinstance(report, DossierReport)
        else f"bundle of tenant {report.tenant_id}" + (f", {report.scope}" if report.scope else "")
    )
    told = [f"good: {what}", "proved:", *(f"  - {one}" for one in report.proved)]
    told += ["not proved:", *(f"  - {one}" for one in report.not_proved)]
    return "".join(_printable(one) + "\n" for one in told)


def _printable(text: str) -> str:
    """Return a text without what could steer a terminal."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


if __name__ == "__main__":
    sys.exit(main())
