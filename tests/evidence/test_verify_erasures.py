"""What a verifier makes of bodies that are missing."""

import io
import tempfile
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    AUTHORITY,
    ERASURES,
    Parts,
    Stream,
    bundle_v2,
    erasure_said,
    sample_streams,
)
from tests.evidence.samples import SESSION, WORKSPACE, Said

from placet.evidence import verify as verifier
from placet.evidence.verify import BundleReport, verify_bundle

UNTOLD = "its body is missing, and nothing tells that it was erased"
KEPT = erasure_said(WORKSPACE, 2, 2, 1)
SEQS = (2, 3, 5, 6, 9)
"""Events of the session whose bodies are gone, out of 14."""


def gone(streams: Sequence[Stream], seqs: Sequence[int], stream: object = SESSION) -> list[Stream]:
    """Return these streams, bodies of one of them gone."""
    return [
        (
            one,
            kind,
            [
                replace(event, salt=None, body=None)
                if one == stream and event.seq in seqs
                else event
                for event in events
            ],
        )
        for one, kind, events in streams
    ]


def parts(told: Sequence[Said], seqs: Sequence[int] = SEQS) -> Parts:
    """Return a bundle in which bodies are gone and the stream of erasures tells this."""
    return Parts(streams=gone(sample_streams(erasures=told), seqs), signed=[])


def check(given: Parts) -> BundleReport:
    """Verify a bundle of these parts by one process."""
    return verify_bundle(io.BytesIO(b"".join(bundle_v2(given))))


def said(*spans: tuple[int, int, int]) -> list[Said]:
    """Return what tells that bodies of the session were erased."""
    return [KEPT, *(erasure_said(SESSION, *span) for span in spans)]


@pytest.mark.parametrize(
    "spans",
    [
        [(2, 9, 5)],
        [(2, 3, 2), (5, 9, 3)],
        [(2, 9, 2), (3, 6, 3)],
        [(1, 14, 14)],
    ],
)
def test_bodies_that_the_stream_of_erasures_tells_of_may_be_missing(
    spans: list[tuple[int, int, int]],
) -> None:
    report = check(parts(said(*spans)))
    assert report.flaw is None
    assert report.bodies_erased == len(SEQS) + 1


@pytest.mark.parametrize(
    ("spans", "first"),
    [
        ([], 2),
        ([(3, 9, 5)], 2),
        ([(2, 6, 4)], 9),
        ([(2, 9, 4)], 9),
        ([(2, 3, 9), (6, 9, 9)], 5),
        ([(2, 3, 1), (5, 9, 9)], 3),
    ],
    ids=["nothing", "later", "up to before", "one too few", "between", "too few of these"],
)
def test_a_body_that_is_missing_untold_is_named(
    spans: list[tuple[int, int, int]], first: int
) -> None:
    flaw = check(parts(said(*spans))).flaw
    assert flaw is not None
    assert (flaw.item, flaw.why) == (f"event {first} of stream {SESSION}", UNTOLD)
    assert flaw.line == 3 + first


def test_what_tells_of_an_erasure_is_missed_itself() -> None:
    streams = gone(sample_streams(erasures=said((2, 9, 5))), (2,), ERASURES)
    flaw = check(Parts(streams=streams, signed=[])).flaw
    assert flaw is not None
    assert flaw.item == f"event 2 of stream {ERASURES}"


def test_nothing_is_ever_erased_of_what_proves_who_may_do_what() -> None:
    told = [KEPT, erasure_said(AUTHORITY, 1, 1, 1)]
    streams = gone(sample_streams(erasures=told), (1,), AUTHORITY)
    flaw = check(Parts(streams=streams, signed=[])).flaw
    assert flaw is not None
    assert (flaw.item, flaw.why) == (f"event 1 of stream {AUTHORITY}", UNTOLD)


def test_an_erasure_is_told_of_in_its_own_stream_alone() -> None:
    streams = [
        (one, "control" if one == ERASURES else kind, events)
        for one, kind, events in sample_streams()
    ]
    flaw = check(Parts(streams=streams)).flaw
    assert flaw is not None
    assert "has no place in a stream of kind `control`" in flaw.why


@pytest.mark.parametrize("spans", [[(2, 9, 5)], [(2, 9, 4)], []])
def test_several_processes_miss_the_same_bodies(
    spans: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "_WORTH", 1)
    monkeypatch.setattr(verifier, "_CHUNK", 2_000)
    given = parts(said(*spans))
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(bundle_v2(given)))
        file.seek(0)
        assert verify_bundle(file, processes=2) == check(given)
