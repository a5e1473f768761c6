"""A file of many parts, changed somewhere: parts of it, read by one process or two, tell the same.

Parts have the size that they have. `PLACET_TAMPERED` says how much is tried, and a run of all takes
a file that is read in parts by itself; `test_verify_tampered.py` tells how to run it.
"""

import io
import random  # noqa: TID251 -- from a seed: the same mutants each time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmarks.verifying import write_bundle
from tests.evidence.mutants import mutant
from tests.evidence.tampered import IS_WHOLE, MUTANTS

from placet.evidence import verify as verifier
from placet.evidence.verify import BundleReport, verify_bundle

EVENTS = 24_000 if IS_WHOLE else 2_400
PART = verifier._CHUNK  # noqa: SLF001 -- where parts begin


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of governed calls."""
    return write_bundle(tmp_path_factory.mktemp("large"), EVENTS)


@pytest.fixture(autouse=True)
def _in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    if not IS_WHOLE:
        monkeypatch.setattr(verifier, "_WORTH", 0)


def in_parts(file: Path, processes: int) -> BundleReport:
    """Return what is found where the file is read in parts."""
    with file.open("rb") as stream:
        assert verifier._shared_from(stream) is not None  # noqa: SLF001 -- that this is so
        return verify_bundle(stream, processes=processes)


def first_event(data: bytes) -> int:
    """Return where the events begin, and the parts with them."""
    return data.index(b'\n{"actor_id"') + 1


def places(data: bytes) -> Iterator[int]:
    """Yield places around those where parts begin; around the second every one if all is tried."""
    begin = first_event(data)
    for number, bound in enumerate(range(begin + PART, len(data), PART), 1):
        if IS_WHOLE and number == 1:
            yield from range(bound - 1_000, bound + 1_000)
        else:
            yield from range(bound - 49, bound + 50, 14 if IS_WHOLE else 33)


def test_a_good_file_is_good_in_parts(large: Path) -> None:
    data = large.read_bytes()
    assert len(data) > (16 * PART if IS_WHOLE else 2 * PART)
    for processes in (1, 2):
        report = in_parts(large, processes)
        assert report.flaw is None
        assert report == verify_bundle(io.BytesIO(data))


def test_a_byte_that_was_flipped_where_a_part_begins_is_found_as_in_one_reading(
    large: Path, tmp_path: Path
) -> None:
    data = bytearray(large.read_bytes())
    file = tmp_path / "flipped.jsonl"
    file.write_bytes(data)
    with file.open("r+b", buffering=0) as stream:
        for number, at in enumerate(places(bytes(data))):
            good = data[at]
            data[at] ^= 1 << at % 8
            stream.seek(at)
            stream.write(data[at : at + 1])
            found = in_parts(file, 1 + (number % 4 == 0))
            assert found.flaw is not None
            assert found == verify_bundle(io.BytesIO(data)), at
            data[at] = good
            stream.seek(at)
            stream.write(data[at : at + 1])
    assert in_parts(file, 2).flaw is None


def test_what_was_changed_in_a_large_file_is_found_as_in_one_reading(
    large: Path, tmp_path: Path
) -> None:
    data, file = large.read_bytes(), tmp_path / "changed.jsonl"
    lines = data.splitlines(keepends=True)
    for number in range(MUTANTS // (333 if IS_WHOLE else 500)):
        luck = random.Random(number)  # noqa: S311 -- the same mutants each time
        at = luck.randrange(2, len(lines) - 8)
        window = lines[at : at + 8]
        changed = mutant(luck, window).data
        if changed == b"".join(window):
            continue
        begin = sum(map(len, lines[:at]))
        whole = data[:begin] + changed + b"".join(lines[at + 8 :])
        file.write_bytes(whole)
        found = in_parts(file, 1 + number % 2)
        assert found.flaw is not None, number
        assert found == verify_bundle(io.BytesIO(whole)), number


def test_two_large_bundles_in_one_file_are_found_as_in_one_reading(
    large: Path, tmp_path: Path
) -> None:
    data, file = large.read_bytes(), tmp_path / "both.jsonl"
    for cut in (len(data), data.rindex(b"\n", 0, -1) + 1, first_event(data), len(data) // 2):
        file.write_bytes(data[:cut] + data)
        for processes in (1, 2):
            found = in_parts(file, processes)
            assert found.flaw is not None
            assert found == verify_bundle(io.BytesIO(data[:cut] + data))
