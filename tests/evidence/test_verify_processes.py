"""Several processes find in a bundle what one finds.

`PLACET_TAMPERED` says how much is tried; `test_verify_tampered.py` tells how to run all of it.
"""

import os
import random  # noqa: TID251 -- from a seed: the same mutants each time
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    Parts,
    authority_said,
    bundle_v2,
    log_of,
    sample_streams,
    sealed,
)
from tests.evidence.mutants import mutant
from tests.evidence.samples import SESSION, Said, chained
from tests.evidence.tampered import (
    EVENTS,
    FIRST_EVENT,
    IS_WHOLE,
    LINES,
    MUTANTS,
    WHOLE,
    alike,
    processes_for,
)

from placet.events.model import RecordedEvent
from placet.evidence import verify as verifier
from placet.evidence.fields import Fence
from placet.evidence.leaf import GENESIS, EventHeader, event_leaf
from placet.kernel.hashing import Digest


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in parts of a few events, however small they are."""
    monkeypatch.setattr(verifier, "_CHUNK", 9_000)
    monkeypatch.setattr(verifier, "_WORTH", 0)


@pytest.mark.usefixtures("in_small_parts")
def test_several_processes_prove_of_a_good_bundle_what_one_proves(tmp_path: Path) -> None:
    report = alike(WHOLE, tmp_path)
    assert report.is_good
    assert report.events == EVENTS


@pytest.mark.usefixtures("in_small_parts")
def test_several_processes_name_the_flaw_that_one_names(tmp_path: Path) -> None:
    luck = random.Random(7)  # noqa: S311 -- the same mutants each time
    changed = [mutant(luck, LINES).data for _ in range(MUTANTS // 50)]
    for number in range(FIRST_EVENT, len(LINES), 3 if IS_WHOLE else 41):
        lines = list(LINES)
        lines[number], lines[number - 1] = lines[number - 1], lines[number]
        changed.append(b"".join(lines))
        changed.append(b"".join([*LINES[:number], *LINES[number + 1 :]]))
        changed.append(b"".join(LINES[:number]))
    for number, data in enumerate(changed):
        report = alike(data, tmp_path, processes_for(number))
        assert not report.is_good or data == WHOLE


@pytest.mark.usefixtures("in_small_parts")
def test_two_bundles_in_one_file_are_found_in_parts_too(tmp_path: Path) -> None:
    other = b"".join(bundle_v2())
    for data in (WHOLE + WHOLE, WHOLE + other, other + WHOLE):
        report = alike(data, tmp_path)
        assert report.flaw is not None
        assert "after the manifest" in report.flaw.why
    for number in range(1, len(LINES), 5 if IS_WHOLE else 53):
        begun, processes = b"".join(LINES[:number]), processes_for(number)
        assert not alike(begun + WHOLE, tmp_path, processes).is_good
        assert not alike(begun + other, tmp_path, processes).is_good


@pytest.mark.usefixtures("in_small_parts")
def test_an_event_that_is_missing_between_two_parts_is_missed(tmp_path: Path) -> None:
    """Some of these begin a part, where the part before it has to be asked."""
    for number in range(FIRST_EVENT + 20, FIRST_EVENT + 40):
        lines = [*LINES[:number], *LINES[number + 1 : -1]]
        report = alike(sealed(lines), tmp_path, processes_for(number))
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
        report = alike(sealed(lines), tmp_path, processes_for(number))
        assert report.flaw is not None
        assert report.flaw.line == number + 1


FALLING: dict[str, dict[str, int]] = {
    "fence": {"fence": 0},
    "epoch": {"control_epoch": 0},
    "revision": {"revision": 0},
    "time": {},
}


def header_of(event: RecordedEvent) -> EventHeader:
    """Return the header of an event."""
    return EventHeader(
        tenant_id=event.tenant_id,
        stream_id=event.stream_id,
        event_id=event.event_id,
        actor_id=event.actor_id,
        fence=Fence(epoch=event.epoch, n=event.fence),
        control_epoch=event.control_epoch,
        control_revision=event.control_revision,
        at=event.at,
        seq=event.seq,
        prev=Digest(event.prev),
        body_hash=Digest(event.body_hash),
        type=event.type,
    )


def earlier(events: list[RecordedEvent], place: int) -> list[RecordedEvent]:
    """Return a history that was chained anew with a clock that was put back at a place."""
    found: list[RecordedEvent] = []
    prev = GENESIS
    for number, event in enumerate(events):
        at = event.at - timedelta(seconds=number // place)
        leaf = event_leaf(replace(header_of(event), at=at, prev=prev))
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
        report = alike(b"".join(bundle_v2(parts)), tmp_path, processes_for(place))
        assert report.flaw is not None
        assert report.flaw.item == f"event {place + 1} of stream {SESSION}"


def renumbered(events: list[RecordedEvent], place: int, step: int) -> list[RecordedEvent]:
    """Return a history chained anew, whose sequence makes another step after a place."""
    found: list[RecordedEvent] = []
    prev = GENESIS
    for number, event in enumerate(events):
        seq = event.seq + (step - 1) * (number >= place)
        leaf = event_leaf(replace(header_of(event), seq=seq, prev=prev))
        found.append(replace(event, seq=seq, prev=prev, leaf=leaf))
        prev = leaf
    return found


@pytest.mark.usefixtures("in_small_parts")
@pytest.mark.parametrize("step", [0, 2])
def test_a_sequence_that_stands_still_or_jumps_between_two_parts_is_found(
    step: int, tmp_path: Path
) -> None:
    """Its hashes and its head are what whoever left an event out would make of them."""
    for place in range(40, 56):
        said = [Said("Done", {"n": n}) for n in range(place + 20)]
        events = renumbered(chained(SESSION, said), place, step)
        bare = Parts(streams=[(SESSION, "session", events)], signed=[], dossiers=[])
        lines = bundle_v2(replace(bare, seals=[], checkpoints=[], inclusions=[], consistencies=[]))
        head = b'"head_seq":%d'
        lines[0] = lines[0].replace(head % len(events), head % events[-1].seq)
        report = alike(sealed(lines[:-1]), tmp_path, processes_for(place))
        assert report.flaw is not None
        assert report.flaw.item == f"event {place + 1} of stream {SESSION}"
        assert "stands in its place" in report.flaw.why


@pytest.mark.usefixtures("in_small_parts")
def test_a_kill_that_is_told_later_is_found_by_several_processes(tmp_path: Path) -> None:
    streams = sample_streams(60)
    control = streams.pop(3)
    data = b"".join(bundle_v2(Parts(streams=[*streams, control], dossiers=[])))
    assert alike(data, tmp_path).is_good


@pytest.mark.usefixtures("in_small_parts")
@pytest.mark.parametrize("made_in", [1, 2])
def test_several_processes_know_in_which_epoch_a_tenant_was_made(
    made_in: int, tmp_path: Path
) -> None:
    first = [replace(one, epoch=made_in) for one in authority_said()]
    streams = sample_streams(60, authority=[*first, *[Said("Other", {}, epoch=2)] * 90])
    log = log_of(streams)
    newest = [log.checkpoint(len(log.leaves), epoch=2)]
    parts = Parts(streams=streams, dossiers=[], checkpoints=newest, consistencies=[])
    report = alike(b"".join(bundle_v2(parts)), tmp_path)
    assert report.is_good is (made_in == 2)
    assert report.is_good or "tells how that epoch began" in str(report.flaw)


def test_a_process_that_dies_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_small_parts: None
) -> None:
    del in_small_parts

    def die(*_: object) -> None:
        os._exit(1)

    monkeypatch.setattr(verifier, "_look", die)
    assert alike(WHOLE, tmp_path, [2]).is_good
