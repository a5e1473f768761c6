"""Whatever is changed in a bundle never passes, and raises nothing.

`PLACET_TAMPERED` says how many mutants; `test_verify_tampered.py` tells how to run all of them.
"""

import io
import json
import random  # noqa: TID251 -- from a seed: the same mutants each time
from collections import Counter
from contextlib import suppress

from tests.evidence.branches import before_each_line
from tests.evidence.bundle_samples import all_keys, bundle_v2, log_of, sample_streams
from tests.evidence.dossier_samples import approval_file
from tests.evidence.mutants import NAMES, Mutant, mutant
from tests.evidence.samples import TENANT
from tests.evidence.tampered import IS_WHOLE, LINES, MUTANTS, check

from placet.evidence.bundle import KeyList
from placet.evidence.dsse import encode_envelope
from placet.evidence.verify import parse_held, parse_keys, verify_bundle, verify_dossier
from placet.kernel.canonical import canonical

SMALL = bundle_v2()
LOG = log_of(sample_streams())
HELD = [encode_envelope(LOG.checkpoint(size)) + b"\n" for size in (3, 8, len(LOG.leaves) // 2)]


def made(good: list[bytes], number: int) -> Mutant:
    """Return a mutant by its number, the same each time."""
    return mutant(random.Random(20260301 + number), good)  # noqa: S311 -- the same each time


def first_change(good: list[bytes], data: bytes) -> tuple[int, int] | None:
    """Return the line (from 0) where a mutant differs first, and where that begins."""
    at = 0
    for number, line in enumerate(good):
        if not data.startswith(line, at):
            return number, at
        at += len(line)
    return (len(good), at) if len(data) > at else None


def tried(good: list[bytes], many: int) -> Counter[str]:
    """Verify so many mutants of a bundle. Returns how many there were of each way."""
    waiting: dict[int, list[int]] = {}
    left, number = many, 0
    while left:
        first = first_change(good, made(good, number).data)
        if first is not None:  # what is the same byte for byte is no mutant
            waiting.setdefault(first[0], []).append(number)
            left -= 1
        number += 1
    ways: Counter[str] = Counter()
    for line, before in enumerate(before_each_line(good)):
        for number in waiting.get(line, ()):
            one = made(good, number)
            begin = sum(map(len, good[:line]))
            assert before.verify(one.data[begin:]).flaw is not None, (number, one.ways)
            ways.update([*one.ways, "in all"])
    return ways


def test_whatever_was_changed_never_passes_and_raises_nothing() -> None:
    large = MUTANTS // 2 if IS_WHOLE else MUTANTS // 10
    ways = tried(SMALL, MUTANTS - large) + tried(LINES, large)
    assert ways["in all"] == MUTANTS
    assert set(NAMES) < set(ways)


def test_a_mutant_is_found_as_it_is_where_the_whole_of_it_is_read() -> None:
    for number in range(MUTANTS // 100):
        one = made(SMALL, number)
        first = first_change(SMALL, one.data)
        if first is None:
            continue
        for line, before in enumerate(before_each_line(SMALL)):
            if line == first[0]:
                assert before.verify(one.data[first[1] :]) == check(one.data), number


def test_a_dossier_that_was_changed_never_passes_and_raises_nothing() -> None:
    good = approval_file().splitlines(keepends=True)
    for number in range(MUTANTS // 10):
        one = made(good, number)
        assert verify_dossier(one.data).flaw is not None or one.data == b"".join(good), number


def test_keys_that_were_changed_are_read_or_refused() -> None:
    good = [canonical(KeyList(version=1, keys=all_keys())) + b"\n"]
    assert len(parse_keys(good[0]).keys) == len(all_keys())
    for number in range(MUTANTS // 10):
        with suppress(ValueError, RecursionError):
            parse_keys(made(good, number).data)


def test_checkpoints_that_were_changed_are_held_against_or_refused() -> None:
    """What passes was held to the newest that names this tenant, and that one somebody signed."""
    data, passed = b"".join(SMALL), 0
    real = {envelope.payload for envelope in parse_held(b"".join(HELD))}
    mine = f'"tenant_id":"{TENANT}"'.encode()
    for number in range(MUTANTS // 20):
        try:
            held = parse_held(made(HELD, number).data)
        except (ValueError, RecursionError):
            continue
        if verify_bundle(io.BytesIO(data), held=held).flaw is None:
            passed += 1
            told = [envelope.payload for envelope in held if mine in envelope.payload]
            assert max(told, key=lambda one: int(json.loads(one)["size"])) in real, number
    assert passed
