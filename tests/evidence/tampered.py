"""One good bundle of 200 events, where everything stands in it, and how many changes to try."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.evidence.bundle_samples import Parts, bundle_v2, sample_streams

from placet.evidence.verify import BundleReport, verify_bundle

MUTANTS: Final = int(os.environ.get("PLACET_TAMPERED", "2000"))
IS_WHOLE: Final = MUTANTS > 50_000
"""Whether to try everything."""

LINES: Final = bundle_v2(Parts(streams=sample_streams(93)))
WHOLE: Final = b"".join(LINES)
FIRST_EVENT: Final = 3
EVENTS: Final = sum(b'"kind":"event"' in line for line in LINES)
STARTS: Final = [sum(map(len, LINES[:number])) for number in range(len(LINES) + 1)]
SECTIONS: Final = {
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


def alike(data: bytes, folder: Path, processes: Sequence[int] = (1, 2)) -> BundleReport:
    """Return what is found where a file is read in parts, which must be what one reading finds."""
    file = folder / "bundle.jsonl"
    file.write_bytes(data)
    report = check(data)
    for number in processes:
        with file.open("rb") as stream:
            assert verify_bundle(stream, processes=number) == report
    return report


def processes_for(number: int) -> tuple[int]:
    """Return by how many processes one of many files is read: now and then by two."""
    return (2 if number % 4 == 0 else 1,)


def rest_from(number: int) -> bytes:
    """Return the lines from one on (from 0)."""
    return WHOLE[STARTS[number] :]


def names_it(report: BundleReport, line: int) -> bool:
    """Tell whether a flaw names what stands on a line (from 1): by the line, or its section."""
    assert report.flaw is not None
    return report.flaw.line == line or line in SECTIONS.get(report.flaw.item, ())
