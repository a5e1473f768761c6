"""Bundles of the second form that were changed: each is found, and what was changed is named.

`PLACET_TAMPERED` says how many mutants to make of everything; a run by hand takes 100000, and flips
every byte.
"""

import base64
import io
import os
import random  # noqa: TID251 -- from a seed: the same mutants each time
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import Parts, bundle_v2, sample_streams, sealed
from tests.evidence.samples import SESSION, Said, chained

from placet.events.model import RecordedEvent
from placet.evidence import verify as verifier
from placet.evidence.fields import Fence
from placet.evidence.leaf import GENESIS, EventHeader, event_leaf
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.hashing import Digest

MUTANTS = int(os.environ.get("PLACET_TAMPERED", "2000"))
IS_WHOLE = MUTANTS > 50_000
LINES = bundle_v2(Parts(streams=sample_streams(90)))
WHOLE = b"".join(LINES)
FIRST_EVENT = 3
EVENTS = sum(b'"kind":"event"' in line for line in LINES)
SMALL = bundle_v2()
STARTS = [sum(map(len, LINES[:number])) for number in range(len(LINES) + 1)]
SECTIONS = {
    "the header": range(1, 2),
    "the readme": range(2, 3),
    "the seals": range(3, 4),
    "the grants and other envelopes": range(EVENTS + 4, EVENTS + 11),
    "the dossiers": range(EVENTS + 11, EVENTS + 12),
    "the checkpoints and their proofs": range(EVENTS + 12, len(LINES)),
    "the manifest": range(len(LINES), len(LINES) + 1),
}
"""On which lines (from 1) each section stands."""


def check(data: bytes) -> BundleReport:
    """Verify these bytes."""
    return verify_bundle(io.BytesIO(data))


def line_at(place: int) -> int:
    """Return the line (from 1) of a byte."""
    return next(number for number, start in enumerate(STARTS) if place < start)


def names_it(report: BundleReport, line: int) -> bool:
    """Tell whether a flaw names what stands on a line: by the line, or by its section."""
    assert report.flaw is not None
    return report.flaw.line == line or line in SECTIONS.get(report.flaw.item, ())


def test_the_sample_has_what_is_to_be_changed() -> None:
    assert check(WHOLE).flaw is None
    assert EVENTS >= 190
    assert LINES[FIRST_EVENT].startswith(b'{"actor_id"')


def places() -> Iterator[int]:
    """Yield the places of the bytes to flip: all, or some of every line and of every event."""
    if IS_WHOLE:
        yield from range(len(WHOLE))
        return
    yield from range(STARTS[0], STARTS[3], 29)
    yield from range(STARTS[3], STARTS[EVENTS + 3], 997)
    yield from range(STARTS[EVENTS + 3], len(WHOLE), 101)


def test_a_flipped_byte_is_found_and_its_item_is_named() -> None:
    tried = named = 0
    for at in places():
        flipped = bytearray(WHOLE)
        flipped[at] ^= 1 << at % 8
        report = check(bytes(flipped))
        assert report.flaw is not None, at
        tried += 1
        named += names_it(report, line_at(at))
    assert tried > 400
    assert named >= tried * 0.999


def is_boundary(number: int) -> bool:
    """Tell whether a line and the next are events of different streams."""
    streams = [re.findall(rb'"stream_id":"([^"]*)"', line) for line in LINES[number : number + 2]]
    return streams[0] != streams[1] and all(streams)


@pytest.mark.parametrize("how", ["dropped", "doubled", "swapped"])
def test_a_line_that_was_moved_is_found_where_it_was(how: str) -> None:
    tried = named = 0
    # Of the events, which are many and alike, a few; of all others each.
    few = [*range(FIRST_EVENT), *range(FIRST_EVENT, FIRST_EVENT + EVENTS, 1 if IS_WHOLE else 9)]
    for number in [*few, *range(FIRST_EVENT + EVENTS, len(LINES))]:
        lines = list(LINES)
        if how == "dropped":
            del lines[number]
        elif how == "doubled":
            lines.insert(number, lines[number])
        elif number + 1 < len(lines):
            lines[number], lines[number + 1] = lines[number + 1], lines[number]
        else:
            continue
        report = check(b"".join(lines))
        assert report.flaw is not None, (how, number)
        tried += 1
        near = {number + 1, number + 2}
        if how == "swapped" and is_boundary(number):
            # Streams may be mixed: only the manifest tells in which order they were written.
            near.add(len(LINES))
        is_stream_named = report.flaw.item.startswith("stream") and how == "dropped"
        named += is_stream_named or any(names_it(report, one) for one in near)
    assert named == tried


def test_a_tail_that_was_cut_is_missed_wherever_the_cut_is() -> None:
    for size in range(0, len(WHOLE), 7 if IS_WHOLE else 4_999):
        assert check(WHOLE[:size]).flaw is not None
    for number in range(0, len(LINES), 1 if IS_WHOLE else 5):
        assert check(b"".join(LINES[:number])).flaw is not None


def test_two_bundles_in_one_file_are_found() -> None:
    other = b"".join(bundle_v2())
    for data in (WHOLE + WHOLE, WHOLE + other, other + WHOLE):
        report = check(data)
        assert report.flaw is not None
        assert "after the manifest" in report.flaw.why
    for number in range(1, len(LINES), 1 if IS_WHOLE else 23):
        assert check(b"".join(LINES[:number]) + other).flaw is not None
        assert check(b"".join(LINES[:number]) + b"".join(LINES)).flaw is not None


def mutant(luck: random.Random, good: list[bytes]) -> bytes:
    """Return a bundle with some of it changed in a way that forgers and bad disks have."""
    lines = list(good)
    for _ in range(luck.randint(1, 3)):
        number = luck.randrange(len(lines))
        line = bytearray(lines[number])
        at = luck.randrange(len(line))
        match luck.randrange(9):
            case 0:
                line[at] = luck.randrange(256)
            case 1:
                del line[at : at + luck.randint(1, 40)]
            case 2:
                line[at:at] = luck.randbytes(luck.randint(1, 20))
            case 3:
                other = luck.choice(lines)
                line[at:] = other[min(at, len(other) - 1) :]
            case 4:
                lines.insert(luck.randrange(len(lines)), luck.choice(good))
            case 5:
                lines[number], lines[-1] = lines[-1], lines[number]
                continue
            case 6:
                line[at:at] = luck.choice(WEIRD)
            case 7:
                line = bytearray(luck.choice(WEIRD) * luck.randint(1, 50) + b"\n")
            case _:
                line = bytearray(resealed(bytes(line), luck))
        lines[number] = bytes(line)
    return b"".join(lines)


WEIRD = (
    b"[" * 5_000,
    b'{"a":' * 300,
    b"1e999",
    b"-0",
    b"NaN",
    b"9" * 5_000,
    b"\\ud800",
    b"\xff\xfe",
    b"\x00",
    b'"kind":"event",',
    b'"kind":"manifest",',
    b"\r\n",
    b"null",
    b"true",
)


def resealed(line: bytes, luck: random.Random) -> bytes:
    """Return a line in which one base64 value says something else, as base64."""
    for name in (b'"body":"', b'"payload":"', b'"sig":"', b'"salt":"'):
        begin = line.find(name) + len(name)
        end = line.find(b'"', begin)
        if begin >= len(name) and end > begin:
            try:
                data = bytearray(base64.b64decode(line[begin:end]))
            except ValueError:
                return line
            data[luck.randrange(len(data)) if data else 0 :] = luck.randbytes(3)
            return line[:begin] + base64.b64encode(bytes(data)) + line[end:]
    return line[:-2] + b" }\n"


def test_whatever_was_changed_never_passes_and_raises_nothing() -> None:
    luck = random.Random(20260301)  # noqa: S311 -- the same mutants each time
    for number in range(MUTANTS):
        good = LINES if IS_WHOLE and number % 2 else SMALL
        data = mutant(luck, good)
        if data != b"".join(good):
            assert check(data).flaw is not None, number


# Several processes find what one finds.


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in parts of a few events, however small they are."""
    monkeypatch.setattr(verifier, "_CHUNK", 9_000)
    monkeypatch.setattr(verifier, "_WORTH", 0)


def alike(data: bytes, folder: Path) -> BundleReport:
    """Return the report of several processes, which must be that of one."""
    file = folder / "bundle.jsonl"
    file.write_bytes(data)
    with file.open("rb") as stream:
        report = verify_bundle(stream, processes=2)
    assert report == check(data)
    return report


@pytest.mark.usefixtures("in_small_parts")
def test_several_processes_prove_of_a_good_bundle_what_one_proves(tmp_path: Path) -> None:
    report = alike(WHOLE, tmp_path)
    assert report.is_good
    assert report.events == EVENTS


@pytest.mark.usefixtures("in_small_parts")
def test_several_processes_name_the_flaw_that_one_names(tmp_path: Path) -> None:
    luck = random.Random(7)  # noqa: S311 -- the same mutants each time
    changed = [mutant(luck, LINES) for _ in range(MUTANTS // 200)]
    for number in range(FIRST_EVENT, len(LINES), 3 if IS_WHOLE else 41):
        lines = list(LINES)
        lines[number], lines[number - 1] = lines[number - 1], lines[number]
        changed.append(b"".join(lines))
        changed.append(b"".join([*LINES[:number], *LINES[number + 1 :]]))
        changed.append(b"".join(LINES[:number]))
    for data in changed:
        assert not alike(data, tmp_path).is_good or data == WHOLE


@pytest.mark.usefixtures("in_small_parts")
def test_an_event_that_is_missing_between_two_parts_is_missed(tmp_path: Path) -> None:
    """Some of these begin a part, where the part before it has to be asked."""
    for number in range(FIRST_EVENT + 20, FIRST_EVENT + 40):
        lines = [*LINES[:number], *LINES[number + 1 : -1]]
        report = alike(sealed(lines), tmp_path)
        assert report.flaw is not None
        assert report.flaw.line == number + 1


@pytest.mark.usefixtures("in_small_parts")
def test_a_history_that_goes_on_from_another_one_is_found(tmp_path: Path) -> None:
    def told(first: str) -> list[bytes]:
        said = [Said(first, {}), *(Said("Done", {"n": n}) for n in range(60))]
        events = chained(SESSION, said)
        bare = Parts(streams=[(SESSION, "session", events)], signed=[], dossiers=[])
        return bundle_v2(replace(bare, checkpoints=[], inclusions=[], consistencies=[]))

    one, other = told("SessionOpened"), told("Done")
    for number in range(FIRST_EVENT + 40, FIRST_EVENT + 56):
        lines = [*other[:FIRST_EVENT], *one[FIRST_EVENT:number], *other[number:-1]]
        report = alike(sealed(lines), tmp_path)
        assert report.flaw is not None
        assert report.flaw.line == number + 1


FALLING: dict[str, dict[str, int]] = {
    "fence": {"fence": 0},
    "epoch": {"control_epoch": 0},
    "revision": {"revision": 0},
    "time": {},
}


def earlier(events: list[RecordedEvent], place: int) -> list[RecordedEvent]:
    """Return a history that was chained anew with a clock that was put back at a place."""
    found: list[RecordedEvent] = []
    prev = GENESIS
    for number, event in enumerate(events):
        at = event.at - timedelta(seconds=number // place)
        header = EventHeader(
            tenant_id=event.tenant_id,
            stream_id=event.stream_id,
            event_id=event.event_id,
            actor_id=event.actor_id,
            fence=Fence(epoch=event.epoch, n=event.fence),
            control_epoch=event.control_epoch,
            control_revision=event.control_revision,
            at=at,
            seq=event.seq,
            prev=prev,
            body_hash=Digest(event.body_hash),
            type=event.type,
        )
        leaf = event_leaf(header)
        found.append(replace(event, at=at, prev=prev, leaf=leaf))
        prev = leaf
    return found


@pytest.mark.usefixtures("in_small_parts")
@pytest.mark.parametrize("what", FALLING)
def test_what_falls_between_two_parts_is_found(what: str, tmp_path: Path) -> None:
    for place in range(40, 56):
        before = [Said("Done", {"n": n}, 1, 1, 1) for n in range(place)]
        now: dict[str, int] = {"fence": 1, "control_epoch": 1, "revision": 1} | FALLING[what]
        after = [Said("Done", {"n": n}, **now) for n in range(20)]
        events = chained(SESSION, [*before, *after])
        if what == "time":
            events = earlier(events, place)
        parts = Parts(
            streams=[(SESSION, "session", events)],
            signed=[],
            dossiers=[],
            checkpoints=[],
            inclusions=[],
            consistencies=[],
        )
        report = alike(b"".join(bundle_v2(parts)), tmp_path)
        assert report.flaw is not None
        assert report.flaw.item == f"event {place + 1} of stream {SESSION}"


@pytest.mark.usefixtures("in_small_parts")
def test_a_kill_that_is_told_later_is_found_by_several_processes(tmp_path: Path) -> None:
    streams = sample_streams(60)
    control = streams.pop(3)
    data = b"".join(bundle_v2(Parts(streams=[*streams, control], dossiers=[])))
    assert alike(data, tmp_path).is_good


def test_a_process_that_dies_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_small_parts: None
) -> None:
    del in_small_parts

    def die(*_: object) -> None:
        os._exit(1)

    monkeypatch.setattr(verifier, "_look", die)
    assert alike(WHOLE, tmp_path).is_good
