"""Checkpoints that were kept, held against a bundle as docs/reference/evidence.md §10 and §15 tell.

A part of the second reader: it shares no code with ours.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.evidence.second import tree
from tests.evidence.second.forms import digest, parsed, wrong
from tests.evidence.second.reader import CHECKPOINT, keys_in, opened, read, unpadded

Document = Mapping[str, Any]


class Bundle:
    """What a bundle brings to hold checkpoints against."""

    def __init__(self, data: bytes) -> None:
        """Read it, and keep what checkpoints are held against."""
        found = read(data)
        rest = [parsed(line) for line in data.split(b"\n")[1:-1]]
        self.header = found["header"]
        self.keys = keys_in(self.header)
        self.last = found["checkpoint"]
        self.own = [
            opened(one["envelope"], self.keys, CHECKPOINT)
            for one in rest
            if one["kind"] == "checkpoint"
        ]
        self.grown = {
            one["from_size"]: [digest(step) for step in one["path"]]
            for one in rest
            if one["kind"] == "consistency"
        }
        kinds = {head["stream_id"]: head["kind"] for head in self.header["streams"]}
        people = [
            one for one in rest if one["kind"] == "event" and kinds[one["stream_id"]] == "authority"
        ]
        entered = {one["stream_id"]: one["seq"] for one in rest if one["kind"] == "inclusion"}
        told: dict[str, list[tuple[Document, bool]]] = {"Restored": [], "ServerKeyRevoked": []}
        for one in people:
            if one["type"] in told:
                is_logged = one["seq"] <= entered.get(one["stream_id"], 0)
                told[one["type"]].append((json.loads(unpadded(one["body"])), is_logged))
        epochs = [one["epoch"] for one, _ in told["Restored"]]
        if epochs != sorted(set(epochs)):
            wrong("an epoch is told of twice, or out of order")
        self.restored = [one for one, is_logged in told["Restored"] if is_logged]
        self.ends = told["ServerKeyRevoked"]
        self.is_whole = self.header["scope"]["kind"] == "tenant"
        self.tells = self.is_whole or "authority" in kinds.values()
        self.begins_in = people[0]["epoch"] if people else self.last["epoch"]

    def begins_with(self, old: Document) -> bool | None:
        """Tell whether the log begins with that of a checkpoint; None where nothing tells."""
        if old["size"] > self.last["size"]:
            return False
        if old["size"] == self.last["size"]:
            return bool(old["root"] == self.last["root"])
        path = self.grown.get(old["size"])
        if path is None:
            return None
        mine, new = digest(old["root"]), digest(self.last["root"])
        return tree.consistency_roots(old["size"], self.last["size"], path, mine) == (mine, new)

    def is_late(self, old: Document, *, even_unlogged: bool) -> bool:
        """Tell whether the key of a checkpoint was told to have ended before it."""
        return any(
            end["key_id"] == old["key_id"] and old["size"] > end["log_size"]
            for end, is_logged in self.ends
            if is_logged or even_unlogged
        )

    def is_excused(self, old: Document) -> bool:
        """Tell whether a restore lost some of what a checkpoint tells of."""
        return any(
            old["epoch"] < one["epoch"] <= self.last["epoch"]
            and (old["size"] > one["log_size"] or old["epoch"] > one["from_epoch"])
            for one in self.restored
        )


def hold(data: bytes, envelopes: Sequence[Document]) -> None:
    """Hold checkpoints of one tenant against a bundle. Raises `Wrong`."""
    bundle = Bundle(data)
    last = bundle.last
    is_begun = any(one["epoch"] == last["epoch"] for one in bundle.restored)
    is_older = bundle.begins_in < last["epoch"] or any(
        one["epoch"] < last["epoch"] for one in bundle.own
    )
    if bundle.is_whole and is_older and not is_begun:
        wrong("nothing began the epoch")
    if any(bundle.is_late(one, even_unlogged=True) for one in bundle.own):
        wrong("a key that had ended signed a checkpoint")
    kept = [opened(one, bundle.keys, CHECKPOINT) for one in envelopes]
    kept = [one for one in kept if at(one) <= at(last)]
    kept = [one for one in kept if not bundle.is_late(one, even_unlogged=False)]
    if not kept:
        wrong("all that is held is newer")
    if bundle.tells and not is_begun and any(one["epoch"] < last["epoch"] for one in kept):
        wrong("nothing began the epoch")
    lost = [one for one in kept if bundle.is_excused(one) and not bundle.begins_with(one)]
    there = [one for one in kept if one not in lost]
    if not there or not bundle.begins_with(max(there, key=at)):
        wrong("the newest does not lead to the bundle")
    for one in kept:
        if any(at(own) == at(one) and own["root"] != one["root"] for own in bundle.own):
            wrong("two roots of one size in one epoch")
    for one in there:
        is_told = one["epoch"] == last["epoch"] or bundle.tells
        if is_told and bundle.begins_with(one) is False:
            wrong("the log does not begin with what is held")


def at(checkpoint: Document) -> tuple[int, int]:
    """Return where a checkpoint stands among others: by epoch, then by size."""
    return checkpoint["epoch"], checkpoint["size"]
