"""A large file is read in parts: what may not stand where it stands is refused there too."""

import io
from pathlib import Path

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


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_ends_within_a_line_is_cut_off(tmp_path: Path, processes: int) -> None:
    lines, _ = lines_of_calls(40)
    for cut in (b"x", b"", lines[-1][:-1], lines[-1][:-1] + b"x", lines[-1][:-40]):
        report = in_parts(b"".join(lines) + cut, tmp_path, processes)
        assert report.flaw is not None
