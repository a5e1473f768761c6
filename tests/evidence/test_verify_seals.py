"""What a verifier makes of the seals of sessions that ended."""

import io
from collections.abc import Iterator
from uuid import UUID

import pytest
from tests.evidence.bundle_samples import Parts, bundle_v2, sample_streams
from tests.evidence.samples import CONTROL, SESSION, header_of, session_events

from placet.evidence.bundle import ScopeKind, SealLine
from placet.evidence.export import BundleWriter
from placet.evidence.verify import BundleReport, verify_bundle

EVENTS = session_events()
LAST = EVENTS[-1]


def sealed(last_seq: int, last_leaf: str, stream: UUID = SESSION) -> SealLine:
    return SealLine(stream_id=stream, status="killed", last_seq=last_seq, last_leaf=last_leaf)


GOOD = sealed(LAST.seq, LAST.leaf.hex())
EARLIER = sealed(LAST.seq - 1, EVENTS[-2].leaf.hex())
GOOD = SealLine(stream_id=SESSION, status="killed", last_seq=LAST.seq, last_leaf=LAST.leaf.hex())
EARLIER = SealLine(
    stream_id=SESSION,
    status="completed",
    last_seq=LAST.seq - 1,
    last_leaf=EVENTS[-2].leaf.hex(),
)


def lines(*seals: SealLine, after: bool = False) -> Iterator[bytes]:
    writer = BundleWriter()
    yield writer.header(header_of([(SESSION, "session", EVENTS), (CONTROL, "control", [])]))
    if not after:
        yield from map(writer.seal, seals)
    yield from map(writer.event, EVENTS)
    if after:
        yield from map(writer.seal, seals)
    yield writer.manifest()


def told(*seals: SealLine, after: bool = False) -> BundleReport:
    return verify_bundle(io.BytesIO(b"".join(lines(*seals, after=after))))


@pytest.mark.parametrize("seal", [GOOD, EARLIER], ids=["at the head", "before a late receipt"])
def test_a_session_that_ended_where_its_seal_says_is_proved(seal: SealLine) -> None:
    report = told(seal)
    assert (report.flaw, report.seals) == (None, 1)
    assert any("seal" in proof for proof in report.proved)
    assert not any("they were closed" in one for one in report.not_proved)


def test_without_a_seal_nothing_is_said_of_an_end() -> None:
    report = told()
    assert (report.flaw, report.seals) == (None, 0)
    assert not any("seal" in proof for proof in report.proved)
    assert any("what 1 sessions did" in one for one in report.not_proved)


def test_where_an_event_would_tell_of_the_end_a_seal_alone_does_not() -> None:
    alone = [(SESSION, "session", EVENTS)]
    for told_of, is_open in ((alone, True), (sample_streams(), False)):
        parts = Parts(streams=told_of, scope=ScopeKind.SESSION, signed=[], dossiers=[])
        report = verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))))
        assert (report.flaw, report.seals) == (None, 1)
        assert any("what 1 sessions did" in one for one in report.not_proved) is is_open


@pytest.mark.parametrize(
    ("seals", "why"),
    [
        ([sealed(LAST.seq, "ab" * 32, SESSION)], "another event in its place"),
        ([sealed(LAST.seq + 1, LAST.leaf.hex(), SESSION)], "the stream has"),
        ([sealed(1, LAST.leaf.hex(), CONTROL)], "names no such session"),
        ([sealed(1, LAST.leaf.hex(), LAST.event_id)], "names no such session"),
        ([GOOD, GOOD], "sealed twice"),
    ],
    ids=["another leaf", "cut", "no session", "unknown", "twice"],
)
def test_a_stream_that_is_not_what_was_sealed_is_bad(seals: list[SealLine], why: str) -> None:
    flaw = told(*seals).flaw
    assert flaw is not None
    assert why in flaw.why


def test_a_seal_after_the_events_is_bad() -> None:
    flaw = told(GOOD, after=True).flaw
    assert flaw is not None
    assert "after the events" in flaw.why
