"""Bundles by somebody who can do everything but sign: whatever was changed is made to fit again.

Bodies are hashed anew and events chained anew; heads, seals and what tells of closed streams
follow; proofs are made of the forged tree, or left out, and the manifest counts it all. What cannot
be made is a signature by a key that counts.
"""

import base64
import json
import random  # noqa: TID251 -- chance that the caller gives
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.evidence.bundle_samples import log_of, path, proof, sample_streams, sealed
from tests.evidence.mutants import other_value, places_of, signed_by_a_stranger
from tests.evidence.samples import SESSION
from tests.evidence.second import forms

from placet.kernel.canonical import canonical

Document = dict[str, Any]
LOG: Final = log_of(sample_streams())
HEADER_FIELDS: Final = (
    *("actor_id", "event_id", "time", "epoch", "fence", "control_epoch", "control_revision"),
    "type",
)
ZEROS: Final = "00" * 32
SCOPES: Final = ("session", "approval", "incident", "tenant")
STUMBLES: Final = (
    *(KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError),
    *(struct.error, forms.Wrong),
)
"""What comes of making fit what makes no sense."""


class Forged(NamedTuple):
    """A forged bundle, what it says, and how it was forged."""

    ways: tuple[str, ...]
    documents: list[Document]
    data: bytes


def forged(luck: random.Random, good: list[bytes]) -> Forged:
    """Return a bundle that was changed in one to three ways, and made to fit."""
    documents = [json.loads(line) for line in good[:-1]]
    ways = []
    for _ in range(luck.randint(1, 3)):
        name = luck.choice(NAMES)
        WAYS[name](luck, documents)
        ways.append(name)
    documents = [
        one for one in documents if isinstance(one, dict) and isinstance(one.get("kind"), str)
    ]
    if documents:
        _repair(luck, documents)
    lines = []
    for one in documents:
        try:
            lines.append(canonical(one) + b"\n")
        except (ValueError, TypeError):
            lines.append(json.dumps(one).encode() + b"\n")
    try:
        data = sealed(lines)
    except (ValueError, KeyError):
        data = b"".join(lines)
    return Forged(tuple(ways), documents, data)


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    """Return the lines of these kinds."""
    return [one for one in documents if one.get("kind") in kinds]


def events_of(documents: list[Document]) -> dict[str, list[Document]]:
    """Return the events by their streams."""
    found: dict[str, list[Document]] = {}
    for one in of_kind(documents, "event"):
        found.setdefault(str(one.get("stream_id")), []).append(one)
    return found


# Making it fit.


def _repair(luck: random.Random, documents: list[Document]) -> None:
    streams = events_of(documents)
    heads = documents[0].get("streams")
    named = {str(one.get("stream_id")): one for one in heads or [] if isinstance(one, dict)}
    order = sorted(streams, key=lambda one: named.get(one, {}).get("kind") == "seals")
    try:
        for stream in order:
            _chain(streams, streams[stream])
            head = named.get(stream)
            if head is not None:
                head.update(head_seq=len(streams[stream]), head_leaf=streams[stream][-1]["leaf"])
        for stream in set(named) - set(streams):
            named[stream].update(head_seq=0, head_leaf=ZEROS)
        for seal in of_kind(documents, "seal"):
            mine = streams.get(seal["stream_id"], [])
            last = min(seal["last_seq"], len(mine))
            seal.update(last_seq=last, last_leaf=mine[last - 1]["leaf"])
        match luck.randrange(4):
            case 0 | 1:
                _hide(documents, streams)
                documents[0]["scope"] = scoped(luck.choice(SCOPES))
            case 2:
                _prove(documents, streams)
            case _:
                pass
    except STUMBLES:
        return


def _chain(streams: dict[str, list[Document]], events: list[Document]) -> None:
    prev = ZEROS
    for seq, event in enumerate(events, 1):
        if event["type"] == "StreamSealed" and event["body"]:
            _follow_closed(streams, event)
        event.update(seq=seq, prev=prev)
        if event["body"] is not None and event["salt"] is not None:
            content = base64.b64decode(event["salt"]) + base64.b64decode(event["body"])
            event["body_hash"] = forms.purposed("event_body", content).hex()
        prev = event["leaf"] = forms.leaf_of(event).hex()


def _follow_closed(streams: dict[str, list[Document]], event: Document) -> None:
    """Let what tells of a closed stream tell of the forged one."""
    body = json.loads(base64.b64decode(event["body"]))
    closed = streams.get(body["stream_id"], [])
    last = min(body["last_seq"], len(closed))
    if last:
        body.update(last_seq=last, last_leaf=closed[last - 1]["leaf"])
        event["body"] = base64.b64encode(canonical(body)).decode()


def _hide(documents: list[Document], streams: dict[str, list[Document]]) -> None:
    """Leave out the proofs of events that are not those in the log."""
    logged = {
        (str(stream), seq): leaf.hex()
        for (stream, seq), leaf in zip(LOG.places, LOG.leaves, strict=True)
    }
    for one in of_kind(documents, "inclusion"):
        place = one["stream_id"], one["seq"]
        mine = streams.get(one["stream_id"], [])
        if not 0 < one["seq"] <= len(mine) or mine[one["seq"] - 1]["leaf"] != logged.get(place):
            documents.remove(one)


def _prove(documents: list[Document], streams: dict[str, list[Document]]) -> None:
    """Make the proofs anew, of the tree that the forged events give."""
    leaves = [
        bytes.fromhex(streams[str(stream)][seq - 1]["leaf"])
        if len(streams.get(str(stream), ())) >= seq
        else leaf
        for (stream, seq), leaf in zip(LOG.places, LOG.leaves, strict=True)
    ]
    for one in of_kind(documents, "inclusion"):
        one["path"] = [step.hex() for step in path(one["index"], leaves[: one["size"]])]
    for one in of_kind(documents, "consistency"):
        one["path"] = [step.hex() for step in proof(one["from_size"], leaves[: one["to_size"]])]


# What a forger changes.


def _event(luck: random.Random, documents: list[Document]) -> Document | None:
    events = of_kind(documents, "event")
    return luck.choice(events) if events else None


def _field(luck: random.Random, documents: list[Document]) -> None:
    event = _event(luck, documents)
    if event is not None:
        name = luck.choice(HEADER_FIELDS)
        event[name] = other_value(luck, event.get(name))


def _moved_on(luck: random.Random, documents: list[Document]) -> None:
    """Let a counter or the clock of a stream run on from an event."""
    event = _event(luck, documents)
    if event is not None:
        name = luck.choice(("time", "fence", "control_epoch", "control_revision"))
        step = luck.choice((1, 10**6, -1))
        for one in of_kind(documents, "event"):
            is_later = one.get("seq", 0) >= event.get("seq", 0)
            if one.get("stream_id") == event.get("stream_id") and is_later:
                one[name] = max(0, one.get(name, 0) + step) if isinstance(one.get(name), int) else 0


def _body(luck: random.Random, documents: list[Document]) -> None:
    event = _event(luck, documents)
    try:
        body = json.loads(base64.b64decode(event["body"])) if event else None
    except (ValueError, TypeError):
        return
    if event is None or not (inside := places_of(body)):
        return
    whole, key = luck.choice(inside)
    whole[key] = other_value(luck, whole[key])
    event["body"] = base64.b64encode(canonical_or(body)).decode()


def canonical_or(value: object) -> bytes:
    """Return the canonical form, or what is nearest where there is none."""
    try:
        return canonical(value)
    except (ValueError, TypeError):
        return json.dumps(value).encode()


def _body_of_another(luck: random.Random, documents: list[Document]) -> None:
    one, other = _event(luck, documents), _event(luck, documents)
    if one is not None and other is not None:
        one["body"], one["salt"], one["type"] = other["body"], other["salt"], other["type"]


def _erased(luck: random.Random, documents: list[Document]) -> None:
    event = _event(luck, documents)
    if event is not None:
        event["body"] = event["salt"] = None


def _dropped(luck: random.Random, documents: list[Document]) -> None:
    if len(documents) > 2:
        del documents[luck.randrange(1, len(documents))]


def _doubled(luck: random.Random, documents: list[Document]) -> None:
    place = luck.randrange(1, len(documents))
    documents.insert(place, json.loads(json.dumps(documents[place])))


def _swapped(luck: random.Random, documents: list[Document]) -> None:
    events = [at for at, one in enumerate(documents) if one.get("kind") == "event"]
    if len(events) > 1:
        one, other = luck.sample(events, 2)
        documents[one], documents[other] = documents[other], documents[one]


def _moved_to_another(luck: random.Random, documents: list[Document]) -> None:
    one, other = _event(luck, documents), _event(luck, documents)
    if one is not None and other is not None:
        one["stream_id"] = other["stream_id"]


def _cut(luck: random.Random, documents: list[Document]) -> None:
    """Cut the end of a stream."""
    streams = events_of(documents)
    if streams:
        events = luck.choice(list(streams.values()))
        gone = {id(one) for one in events[-luck.randint(1, 4) :]}
        documents[:] = [one for one in documents if id(one) not in gone]


def _left_out(luck: random.Random, documents: list[Document]) -> None:
    """Leave a whole stream out, with all that names it."""
    streams = list(events_of(documents))
    if streams:
        gone = luck.choice(streams)
        documents[:] = [one for one in documents if one.get("stream_id") != gone]
        heads = documents[0].get("streams", [])
        documents[0]["streams"] = [one for one in heads if one.get("stream_id") != gone]


def _proofs_left_out(luck: random.Random, documents: list[Document]) -> None:
    """Leave proofs out: those of one stream, all of a kind, or early checkpoints."""
    kind = luck.choice(("inclusion", "inclusion", "consistency", "checkpoint", "grant", "envelope"))
    lines = of_kind(documents, kind)
    gone = {id(one) for one in luck.sample(lines, luck.randint(0, len(lines)))}
    documents[:] = [one for one in documents if id(one) not in gone]


def _value(luck: random.Random, documents: list[Document]) -> None:
    """Change anything in a line that is no event."""
    others = [one for one in documents if one.get("kind") != "event"]
    whole, key = luck.choice(places_of(luck.choice(others)))
    whole[key] = other_value(luck, whole[key])


def _signed_anew(luck: random.Random, documents: list[Document]) -> None:
    lines = [one for one in documents if isinstance(one.get("envelope"), dict)]
    if lines:
        one = luck.choice(lines)
        one["envelope"] = signed_by_a_stranger(luck, one["envelope"])


def _said_otherwise(luck: random.Random, documents: list[Document]) -> None:
    """Change what a signed document says, under its old signature or a stranger's."""
    lines = [one for one in documents if isinstance(one.get("envelope"), dict)]
    if not lines:
        return
    one = luck.choice(lines)
    try:
        payload = json.loads(base64.b64decode(one["envelope"]["payload"]))
        whole, key = luck.choice(places_of(payload))
    except (ValueError, TypeError, KeyError, IndexError):
        return
    whole[key] = other_value(luck, whole[key])
    one["envelope"]["payload"] = base64.b64encode(canonical_or(payload)).decode()
    if luck.random() < 0.5:
        one["envelope"] = signed_by_a_stranger(luck, one["envelope"])


def _scope(luck: random.Random, documents: list[Document]) -> None:
    documents[0]["scope"] = scoped(luck.choice(SCOPES))


def scoped(kind: str) -> Document:
    """Return a scope of a kind, with what it names."""
    fields = ("session_id", "approval_id", "from", "to", "agent", "tool")
    named: Document = {
        "session": {"session_id": str(SESSION)},
        "approval": {"approval_id": str(SESSION)},
        "incident": {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"},
        "tenant": {},
    }[kind]
    return {"kind": kind, **dict.fromkeys(fields), **named}


Way = Callable[[random.Random, list[Document]], None]
WAYS: Final[dict[str, Way]] = {
    "a field of an event": _field,
    "a counter that runs on": _moved_on,
    "a body": _body,
    "a body of another event": _body_of_another,
    "a body erased": _erased,
    "a line dropped": _dropped,
    "a line doubled": _doubled,
    "two events swapped": _swapped,
    "an event moved to another stream": _moved_to_another,
    "the end of a stream cut": _cut,
    "a stream left out": _left_out,
    "proofs left out": _proofs_left_out,
    "a value beside the events": _value,
    "signed anew": _signed_anew,
    "a signed document": _said_otherwise,
    "the scope": _scope,
}
NAMES: Final = tuple(WAYS)
