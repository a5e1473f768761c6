"""A large file is read in parts: what may not stand where it stands is refused there too."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import Parts, bundle_v2, sealed
from tests.evidence.samples import GRANT_KEY, SESSION, Said, call_body, chained, sample_grant

from placet.evidence import verify as verifier
from placet.evidence.export import BundleWriterV2
from placet.evidence.grant import sign_grant
from placet.evidence.verify import BundleReport, verify_bundle

PART = 9_000
"""Bytes of a part."""


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "_CHUNK", PART)
    monkeypatch.setattr(verifier, "_WORTH", 0)


def in_parts(data: bytes, folder: Path, processes: int) -> BundleReport:
    """Verify a file that is read in parts; the report must be that of a reading line by line."""
    file = folder / "bundle.jsonl"
    file.write_bytes(data)
    with file.open("rb") as stream:
        report = verify_bundle(stream, processes=processes)
    assert report == verify_bundle(io.BytesIO(data))
    return report


def lines_of_calls(events: int) -> tuple[list[bytes], list[bytes]]:
    """Return a bundle without its manifest, and five events that go on behind its last."""
    said = [Said("SessionOpened", {"agent": "refund-desk"}, fence=0), Said("LeaseGranted", {})]
    said += [Said("Done", {"n": number}) for number in range(events)]
    said += [Said("CallProposed", call_body(step), 1) for step in (1, 2)]
    more = [Said("CallProposed", call_body(step), 1, control_epoch=5) for step in range(50, 55)]
    whole = chained(SESSION, [*said, *more])
    bare = Parts(streams=[(SESSION, "session", whole[: len(said)])], signed=[], dossiers=[])
    bare = replace(bare, checkpoints=[], inclusions=[], consistencies=[])
    writer = BundleWriterV2()
    return bundle_v2(bare)[:-1], [writer.event(event) for event in whole[len(said) :]]


@pytest.mark.parametrize("processes", [1, 2])
def test_events_behind_the_envelopes_are_refused_where_a_part_begins_with_them(
    tmp_path: Path, processes: int
) -> None:
    lines, more = lines_of_calls(40)
    writer = BundleWriterV2()
    grants = [writer.envelope(sign_grant(sample_grant(step), GRANT_KEY)) for step in (1, 2)]
    begin = next(at for at, line in enumerate(lines) if line.startswith(b'{"actor_id"'))
    first = sum(map(len, lines[:begin]))
    written = len(b"".join(lines))
    bound = first + ((written - first) // PART + 1) * PART
    padding: list[bytes] = []
    while written < bound:
        padding.append(grants[len(padding) % 2])
        written += len(padding[-1])
    report = in_parts(sealed([*lines, *padding, *more]), tmp_path, processes)
    assert report.flaw is not None
    assert report.flaw.why == "it stands after the envelopes"
    assert report.flaw.line == len(lines) + len(padding) + 1


@pytest.mark.parametrize("processes", [1, 2])
def test_events_without_a_readme_before_them_are_refused(tmp_path: Path, processes: int) -> None:
    lines, _ = lines_of_calls(40)
    assert b'"kind":"readme"' in lines[1]
    report = in_parts(sealed([lines[0], *lines[2:]]), tmp_path, processes)
    assert report.flaw is not None
    assert (report.flaw.line, report.flaw.item) == (2, "the readme")


def changed(**writes: Callable[[Any], object]) -> bytes:
    """Return a bundle whose events from the eleventh on say something else, chained anew."""
    lines, _ = lines_of_calls(40)
    first = next(at for at, line in enumerate(lines) if line.startswith(b'{"actor_id"'))
    header, events = json.loads(lines[0]), [json.loads(line) for line in lines[first:]]
    prev = events[9]["leaf"]
    for event in events[10:]:
        event["prev"] = prev
        event |= {name: write(event[name]) for name, write in writes.items()}
        prev = event["leaf"] = leaf_of(event)
    header["streams"][0]["head_leaf"] = prev
    return sealed([form(header), *lines[1:first], *map(form, events)])


def form(document: dict[str, Any]) -> bytes:
    """Return the line of a document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def leaf_of(event: dict[str, Any]) -> str:
    """Return the leaf of an event, with as many bytes of its id as its text has."""
    ids = [
        event[name].replace("-", "") for name in ("tenant_id", "stream_id", "event_id", "actor_id")
    ]
    numbers = ("epoch", "fence", "control_epoch", "control_revision", "time", "seq")
    kind = event["type"].encode()
    parts = [
        b"placet.event.v1\x00",
        *map(bytes.fromhex, ids),
        *(event[name].to_bytes(8, "big") for name in numbers),
        bytes.fromhex(event["prev"]),
        bytes.fromhex(event["body_hash"]),
        len(kind).to_bytes(2, "big"),
        kind,
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def cut_by_dashes(one: str) -> str:
    return one[:30] + "-" + one[31:33] + "-" + one[34:]


def moved_dash(one: str) -> str:
    return one[:7] + "-" + one[7] + one[9:]


def in_capitals(one: str) -> str:
    return one.upper() if one.upper() != one else one[:-1] + "A"


def test_an_id_has_one_form_and_sixteen_bytes(tmp_path: Path) -> None:
    assert in_parts(changed(event_id=str), tmp_path, 1).flaw is None
    for write in (cut_by_dashes, moved_dash, in_capitals):
        flaw = in_parts(changed(event_id=write), tmp_path, 1).flaw
        assert flaw is not None
        assert ("event 11 " in flaw.item, "UUID" in flaw.why) == (True, True)


def test_time_does_not_fall_where_lines_are_read_at_once(tmp_path: Path) -> None:
    flaw = in_parts(changed(time=lambda one: one - 2_000_000), tmp_path, 1).flaw
    assert flaw is not None
    assert ("event 11 " in flaw.item, "time" in flaw.why) == (True, True)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_ends_within_a_line_is_cut_off(tmp_path: Path, processes: int) -> None:
    lines, _ = lines_of_calls(40)
    for cut in (b"x", b"", lines[-1][:-1], lines[-1][:-1] + b"x", lines[-1][:-40]):
        report = in_parts(b"".join(lines) + cut, tmp_path, processes)
        assert report.flaw is not None
