"""The lines of a bundle of the second form, moved by somebody who can make a manifest that fits."""

import io
from collections.abc import Callable

import msgspec
import pytest
from tests.evidence.bundle_samples import Parts, bundle_v2, log_of, sample_streams, sealed
from tests.evidence.samples import SESSION

from placet.evidence.verify import Flaw, verify_bundle
from placet.kernel.canonical import canonical

LINES = bundle_v2()
KINDS = [str(msgspec.json.decode(line)["kind"]) for line in LINES]


def at(kind: str) -> int:
    """Return the first line of a kind, from 0."""
    return KINDS.index(kind)


def flaw(data: bytes) -> Flaw:
    """Return what is named."""
    found = verify_bundle(io.BytesIO(data)).flaw
    assert found is not None
    return found


def test_a_manifest_that_fits_is_the_one_that_was_there() -> None:
    assert sealed(LINES[:-1]) == b"".join(LINES)


def test_the_readme_is_there_and_stands_second() -> None:
    for lines in (
        [LINES[0], *LINES[2:-1]],
        [LINES[0], LINES[2], LINES[1], *LINES[3:-1]],
        [LINES[0], *LINES[3:-1]],
    ):
        assert (flaw(sealed(lines)).item, flaw(sealed(lines)).line) == ("the readme", 2)
    other = canonical({"kind": "readme", "text": "another"}) + b"\n"
    assert flaw(sealed([*LINES[:2], other, *LINES[2:-1]])).line == 3


@pytest.mark.parametrize("kind", ["readme", "grant", "envelope", "dossier", "checkpoint"])
def test_no_line_stands_twice(kind: str) -> None:
    place = at(kind)
    found = flaw(sealed([*LINES[: place + 1], *LINES[place:-1]]))
    assert (found.line, found.item, found.why) == (place + 2, f"the {kind}", "it stands twice")


@pytest.mark.parametrize("kind", ["grant", "envelope", "dossier", "checkpoint", "inclusion"])
def test_what_comes_before_stands_before(kind: str) -> None:
    place = at(kind)
    lines = LINES[:-1]
    moved = [*lines[:place], *lines[place + 1 :], lines[place]]
    found = flaw(sealed(moved))
    assert found.line <= len(moved)
    assert found.why.startswith(("it stands after", "there is no checkpoint", "a key that")) or (
        "rotation" in found.item or "took over" in found.why or "none of the keys" in found.why
    )


def test_events_stand_before_what_is_held_against_them() -> None:
    place = at("event")
    last = place + KINDS.count("event") - 1
    lines = LINES[:-1]
    late = [*lines[:last], *lines[last + 1 : last + 2], lines[last], *lines[last + 2 :]]
    assert "bundle has" in flaw(sealed(late)).why
    seal = at("seal")
    late = [*lines[:seal], *lines[seal + 1 : seal + 2], lines[seal], *lines[seal + 2 :]]
    found = flaw(sealed(late))
    assert (found.line, found.why) == (seal + 2, "it stands after what belongs behind it")


def seal_like(change: Callable[[dict[str, object]], None]) -> bytes:
    """Return the bundle with its seal changed."""
    seal = msgspec.json.decode(LINES[at("seal")])
    change(seal)
    lines = LINES[:-1]
    lines[at("seal")] = canonical(seal) + b"\n"
    return sealed(lines)


def test_a_seal_that_names_another_event_is_named_and_not_the_event() -> None:
    found = flaw(seal_like(lambda seal: seal.update(last_leaf="00" * 32)))
    assert (found.item, found.line) == (f"the seal of stream {SESSION}", at("seal") + 1)
    found = flaw(seal_like(lambda seal: seal.update(last_seq=3)))
    assert (found.item, found.line) == (f"the seal of stream {SESSION}", at("seal") + 1)


def test_the_events_of_a_stream_stand_in_the_log_in_their_order() -> None:
    streams = sample_streams()
    log = log_of(streams)
    first, second = log.places.index((SESSION, 1)), log.places.index((SESSION, 2))
    places, leaves = log.places, log.leaves
    places[first], places[second] = places[second], places[first]
    leaves[first], leaves[second] = leaves[second], leaves[first]
    size = len(log.leaves)
    parts = Parts(
        checkpoints=[log.checkpoint(size)],
        inclusions=[log.inclusion(SESSION, seq, size) for seq in (1, 2)],
        consistencies=[],
    )
    assert "in another order" in flaw(b"".join(bundle_v2(parts))).why


def test_a_section_s_hash_that_is_wrong_alone_is_the_manifest_s_fault() -> None:
    manifest = msgspec.json.decode(LINES[-1])
    manifest["lines"]["dossiers"] = "00" * 32
    found = flaw(b"".join([*LINES[:-1], canonical(manifest) + b"\n"]))
    assert (found.item, found.line) == ("the manifest", len(LINES))
    manifest["events"] += 1
    found = flaw(b"".join([*LINES[:-1], canonical(manifest) + b"\n"]))
    assert "it counts" in found.why
