"""Both readers say the same of checkpoints that were kept, over restores of chance."""

import io
import json
import random  # noqa: TID251 -- a test's own chance, from a seed that it prints
from collections import Counter

from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    AUTHORITY,
    CHECKPOINT_KEY,
    Log,
    Parts,
    Stream,
    all_keys,
    bundle_v2,
    log_of,
    server_key,
)
from tests.evidence.bundle_samples import root as tree_root
from tests.evidence.samples import WORKSPACE, Said, chained
from tests.evidence.second import forms
from tests.evidence.second.held import hold

from placet.evidence.bundle import KeyPurpose, ScopeKind
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.verify import parse_held, verify_bundle

CASES = 120
EPOCHS = (1, 4, 9)
RENEWED = SigningKey(b"\x0c" * 32)


def made(chance: random.Random) -> tuple[bytes, list[Envelope]]:
    """Return a bundle and what somebody kept, some of it of logs that there never were."""
    told = [
        Said(
            "Restored",
            {
                "epoch": epoch,
                "from_epoch": chance.choice([one for one in EPOCHS if one < epoch]),
                "log_size": chance.randint(2, 12),
            },
        )
        for epoch in EPOCHS[1:]
        if chance.random() < 0.7
    ]
    first = Said("Other", {}, epoch=chance.choice((1, 4)))
    if told and chance.random() < 0.1:
        told.append(chance.choice(told))
    if chance.random() < 0.3:
        told.insert(chance.randint(0, len(told)), ended(chance.randint(3, 14)))
    people = chained(AUTHORITY, [first, *(replace(one, epoch=4) for one in told)])
    others = chained(WORKSPACE, [Said("Other", {}) for _ in range(chance.randint(6, 9))])
    streams: list[Stream] = [(WORKSPACE, "workspace", others), (AUTHORITY, "authority", people)]
    is_whole = chance.random() < 0.5
    # Of less than a whole tenant, what came last may not be in the log yet.
    unlogged = 0 if is_whole else chance.choice((0, 0, 1, len(people)))
    logged = [(one, kind, events) for one, kind, events in streams if kind != "authority"]
    if unlogged < len(people):
        logged.append((AUTHORITY, "authority", people[: len(people) - unlogged]))
    log = log_of(logged)
    size, epoch = len(log.leaves), chance.choice(EPOCHS)
    if not is_whole and chance.random() < 0.5:
        streams, logged = streams[:1], logged[:1]
    known = sorted(chance.sample(range(2, size), 3))
    own = [log.checkpoint(known[1], epoch=1)] if chance.random() < 0.2 and epoch > 1 else []
    parts = Parts(
        streams=streams,
        scope=ScopeKind.TENANT if is_whole else ScopeKind.INCIDENT,
        seals=[],
        keys=(*all_keys(), server_key(RENEWED, KeyPurpose.CHECKPOINT)),
        signed=[],
        dossiers=[],
        checkpoints=[*own, log.checkpoint(size, RENEWED, epoch=epoch)],
        inclusions=[log.inclusion(one, len(events), size) for one, _, events in logged],
        consistencies=[log.consistency(one, size) for one in known],
    )
    return b"".join(bundle_v2(parts)), kept(chance, log, epoch, known)


def ended(log_size: int) -> Said:
    """Return the end of the key that signed most of what is held."""
    named = {"key_id": CHECKPOINT_KEY.key_id, "purpose": "checkpoint", "reason": "stolen"}
    return Said("ServerKeyRevoked", {**named, "log_size": log_size})


def kept(chance: random.Random, log: Log, epoch: int, known: list[int]) -> list[Envelope]:
    """Return checkpoints of some epochs, most of which can be compared with the bundle."""
    size = len(log.leaves)
    held = []
    for _ in range(chance.randint(1, 3)):
        at = chance.choice([*known, size, size + 3, chance.randint(2, size)])
        whose = chance.choice([one for one in EPOCHS if one <= epoch])
        is_forged = chance.random() < 0.3 or at > size
        root = "11" * 32 if is_forged else tree_root(log.leaves[:at]).hex()
        key = chance.choice((CHECKPOINT_KEY, CHECKPOINT_KEY, RENEWED))
        held.append(log.checkpoint(at, key, epoch=whose, root=root))
    if chance.random() < 0.5:
        held.append(log.checkpoint(size, RENEWED, epoch=epoch))
    return held


def test_both_hold_what_was_kept_to_120_logs_alike() -> None:
    found: Counter[bool] = Counter()
    for seed in range(CASES):
        data, held = made(random.Random(seed))  # noqa: S311 -- a test's own chance
        lines = [encode_envelope(one) for one in held]
        report = verify_bundle(
            io.BytesIO(data), held=parse_held(b"".join(line + b"\n" for line in lines))
        )
        try:
            hold(data, [json.loads(line) for line in lines])
            is_taken = True
        except forms.Wrong:
            is_taken = False
        assert report.is_good == is_taken, (seed, report.flaw)
        found[is_taken] += 1
    assert min(found[True], found[False]) > CASES // 5, found
