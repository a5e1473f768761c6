"""A second reader of bundles, written from docs/reference/evidence.md and sharing no code.

It checks what does not take an understanding of what events say: forms, chains, heads, seals,
hashes, signatures, and the proofs of the log.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.evidence.second import ed25519, tree
from tests.evidence.second.forms import digest, leaf_of, parsed, purposed, wrong

ZEROS = "00" * 32
SPKI = bytes.fromhex("302a300506032b6570032100")
CHECKPOINT = "placet.checkpoint.v1"
PLACES = {
    "readme": 1,
    "seal": 2,
    "event": 3,
    "grant": 4,
    "envelope": 5,
    "dossier": 6,
    "checkpoint": 7,
    "inclusion": 8,
    "consistency": 9,
    "manifest": 10,
}
SECTIONS = {
    "readme": ("readme",),
    "seals": ("seal",),
    "envelopes": ("grant", "envelope"),
    "dossiers": ("dossier",),
    "proofs": ("checkpoint", "inclusion", "consistency"),
}
EVENT = {
    *("actor_id", "body", "body_hash", "control_epoch", "control_revision", "epoch", "event_id"),
    *("fence", "kind", "leaf", "prev", "salt", "seq", "stream_id", "tenant_id", "time", "type"),
}


def read(data: bytes) -> dict[str, Any]:
    """Return the header, the heads and the last checkpoint of a bundle. Raises `Wrong`."""
    if not data.endswith(b"\n"):
        wrong("the last line has no end")
    lines = data.split(b"\n")[:-1]
    documents = [parsed(line) for line in lines]
    if not documents or not all(isinstance(one, dict) for one in documents):
        wrong("a line is no object")
    header, rest = documents[0], documents[1:]
    if header.get("kind") != "placet.bundle.v2" or not rest or rest[-1].get("kind") != "manifest":
        wrong("it begins with no header, or ends with no manifest")
    places = [PLACES.get(one.get("kind"), 0) for one in rest]
    if places != sorted(places) or 0 in places or places.count(1) != 1 or places.count(10) != 1:
        wrong("the lines are not in their order")
    check_manifest(lines, documents)
    keys = keys_in(header)
    chains = chains_of(header, rest)
    check_seals(header, rest, chains)
    for one in rest:
        if one["kind"] in {"grant", "envelope"}:
            opened(one["envelope"], keys)
    checkpoint, entered = check_log(rest, keys, chains), check_proofs(rest)
    is_whole = header["scope"]["kind"] == "tenant"
    if is_whole and checkpoint is not None and checkpoint["size"] != entered:
        wrong("the log has entries that are not here")
    return {"header": header, "chains": chains, "checkpoint": checkpoint}


def check_manifest(lines: Sequence[bytes], documents: Sequence[Mapping[str, Any]]) -> None:
    """Hold the last line to all lines before it."""
    manifest = documents[-1]
    whole = hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest()
    kinds = [one["kind"] for one in documents]
    wanted = {"header": hashlib.sha256(lines[0] + b"\n").hexdigest()}
    for section, named in SECTIONS.items():
        inside = (line + b"\n" for line, kind in zip(lines, kinds, strict=True) if kind in named)
        wanted[section] = hashlib.sha256(b"".join(inside)).hexdigest()
    events = kinds.count("event")
    if manifest != {"kind": "manifest", "events": events, "lines": wanted, "sha256": whole}:
        wrong("the manifest is of another file")


def keys_in(header: Mapping[str, Any]) -> dict[tuple[str, str], bytes]:
    """Return the keys of a header by purpose and id."""
    found = {}
    for key in header["keys"]:
        raw = unpadded(key["public_key"])
        if hashlib.sha256(SPKI + raw).hexdigest() != key["key_id"] or not ed25519.is_key(raw):
            wrong("a key is no good, or has another id")
        found[key["purpose"], key["key_id"]] = raw
    return found


def chains_of(header: Mapping[str, Any], rest: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the leaves of each stream, in order, each held to the one before it."""
    chains: dict[str, list[str]] = {head["stream_id"]: [] for head in header["streams"]}
    if len(chains) != len(header["streams"]):
        wrong("a stream stands twice")
    last: dict[str, tuple[Any, ...]] = {}
    for event in rest:
        if event["kind"] != "event":
            continue
        if set(event) != EVENT or event["stream_id"] not in chains:
            wrong("an event has other fields, or a stream that nobody named")
        chain = chains[event["stream_id"]]
        check_event(event, chain, header["tenant_id"])
        now = (event["time"], event["control_epoch"], event["control_revision"])
        fence = (event["epoch"], event["fence"])
        before = last.get(event["stream_id"], ((0, 0, 0), (0, 0)))
        if fence < before[1] or any(new < old for new, old in zip(now, before[0], strict=True)):
            wrong("a number of an event falls")
        last[event["stream_id"]] = (now, fence)
        chain.append(event["leaf"])
    for head in header["streams"]:
        chain = chains[head["stream_id"]]
        if (head["head_seq"], head["head_leaf"]) != (len(chain), chain[-1] if chain else ZEROS):
            wrong("a stream ends elsewhere than the header says")
    return chains


def check_event(event: Mapping[str, Any], chain: Sequence[str], tenant: str) -> None:
    """Hold one event to its place, its body and its leaf."""
    if event["tenant_id"] != tenant or event["seq"] != len(chain) + 1:
        wrong("an event is of another tenant, or out of its order")
    if event["prev"] != (chain[-1] if chain else ZEROS):
        wrong("an event follows another")
    if (event["salt"] is None) != (event["body"] is None):
        wrong("of salt and body one is there")
    if event["body"] is not None:
        salt, body = unpadded(event["salt"]), unpadded(event["body"])
        if len(salt) != 16 or purposed("event_body", salt + body) != digest(event["body_hash"]):
            wrong("a body has another hash")
    if leaf_of(event).hex() != event["leaf"]:
        wrong("an event has another leaf")


def check_seals(
    header: Mapping[str, Any],
    rest: Sequence[Mapping[str, Any]],
    chains: Mapping[str, Sequence[str]],
) -> None:
    """Hold the seals to the chains."""
    sessions = {head["stream_id"] for head in header["streams"] if head["kind"] == "session"}
    seen = set()
    for seal in rest:
        if seal["kind"] != "seal":
            continue
        chain = chains.get(seal["stream_id"], ())
        if seal["stream_id"] in seen or seal["stream_id"] not in sessions:
            wrong("a seal is of no session, or stands twice")
        if not 1 <= seal["last_seq"] <= len(chain):
            wrong("a seal tells of events that are not there")
        if chain[seal["last_seq"] - 1] != seal["last_leaf"]:
            wrong("a seal is of another event")
        seen.add(seal["stream_id"])


def check_log(
    rest: Sequence[Mapping[str, Any]],
    keys: Mapping[tuple[str, str], bytes],
    chains: Mapping[str, Sequence[str]],
) -> dict[str, Any] | None:
    """Hold checkpoints and proofs to each other, and return the last checkpoint."""
    roots: dict[int, bytes] = {}
    checkpoint = None
    for one in rest:
        if one["kind"] == "checkpoint":
            payload = opened(one["envelope"], keys, CHECKPOINT)
            if checkpoint is not None and payload["size"] <= checkpoint["size"]:
                wrong("checkpoints do not grow")
            checkpoint = payload
            roots[payload["size"]] = digest(payload["root"])
        elif one["kind"] == "inclusion":
            chain = chains.get(one["stream_id"], ())
            if checkpoint is None or one["size"] != checkpoint["size"]:
                wrong("a proof is of no checkpoint")
            if not 1 <= one["seq"] <= len(chain):
                wrong("a proof is of no event")
            hashed = tree.leaf(digest(chain[one["seq"] - 1]))
            path = [digest(step) for step in one["path"]]
            found = tree.inclusion_root(hashed, one["index"], one["size"], path)
            if found != roots[one["size"]]:
                wrong("a proof leads to another root")
        elif one["kind"] == "consistency" and one["from_size"] in roots:
            path = [digest(step) for step in one["path"]]
            old = roots[one["from_size"]]
            found_both = tree.consistency_roots(one["from_size"], one["to_size"], path, old)
            if found_both != (old, roots.get(one["to_size"])):
                wrong("a checkpoint does not follow from another")
    return checkpoint


def check_proofs(rest: Sequence[Mapping[str, Any]]) -> int:
    """Hold proofs to their order, and return how many entries of the log are events here."""
    proved: dict[str, tuple[int, int]] = {}
    for one in rest:
        if one["kind"] == "inclusion":
            seq, index = proved.get(one["stream_id"], (0, -1))
            if one["seq"] <= seq or one["index"] <= index:
                wrong("the proofs of a stream do not come in order")
            proved[one["stream_id"]] = one["seq"], one["index"]
    grown = [one["from_size"] for one in rest if one["kind"] == "consistency"]
    if grown != sorted(set(grown)):
        wrong("consistencies do not come in order")
    return sum(seq for seq, _ in proved.values())


def opened(
    envelope: Mapping[str, Any],
    keys: Mapping[tuple[str, str], bytes],
    kind: str | None = None,
) -> dict[str, Any]:
    """Return the payload of an envelope that one of the keys signed."""
    if set(envelope) != {"payload", "payloadType", "signatures"}:
        wrong("an envelope has other fields")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        wrong("an envelope has one signature")
    signature = signatures[0]
    if set(signature) != {"keyid", "sig"}:
        wrong("a signature has other fields")
    payload, named = unpadded(envelope["payload"]), envelope["payloadType"].encode()
    if kind is not None and named != kind.encode():
        wrong("an envelope holds something else")
    signed = b"DSSEv1 %d %b %d %b" % (len(named), named, len(payload), payload)
    sig = unpadded(signature["sig"])
    mine = [raw for (_, key_id), raw in keys.items() if key_id == signature["keyid"]]
    if not any(ed25519.verifies(raw, signed, sig) for raw in mine):
        wrong("nobody here signed an envelope")
    found: dict[str, Any] = parsed(payload)
    return found


def unpadded(text: str) -> bytes:
    """Return the bytes of standard base64 in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        wrong("it is no base64")
    if base64.b64encode(raw).decode() != text:
        wrong("base64 in another spelling")
    return raw
