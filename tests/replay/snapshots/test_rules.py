"""What the fold makes of events, and what keeps it from making anything of them."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from placet.events.model import GENESIS, RecordedEvent, StreamId
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.ids import ActorId, TenantId
from placet.replay.calls.fold import fold
from placet.replay.sessions.rules import encode_state
from placet.replay.snapshots.model import FOLD_FORM, ErasedSpan, HistoryUnreadable
from placet.replay.snapshots.rules import START, Chained, differing, first_untold

HISTORY = Path(__file__).with_name("history.jsonl")
FORMS = {1: "387765d5f4ad6d96"}
NOBODY = UUID(int=0)


def told() -> list[tuple[str, bytes]]:
    """Return the events of a session that met all that can become of a call."""
    lines = [msgspec.json.decode(line) for line in HISTORY.read_bytes().splitlines()]
    return [(kind, canonical(body)) for kind, body in lines]


def recorded() -> list[RecordedEvent]:
    """Return those events with their places, chained."""
    made: list[RecordedEvent] = []
    for seq, (kind, body) in enumerate(told(), 1):
        made.append(
            RecordedEvent(
                tenant_id=TenantId(NOBODY),
                stream_id=StreamId(NOBODY),
                seq=seq,
                event_id=UUID(int=seq),
                actor_id=ActorId(NOBODY),
                epoch=1,
                fence=1,
                control_epoch=0,
                control_revision=0,
                at=datetime(2026, 1, 1, tzinfo=UTC),
                type=kind,
                prev=made[-1].leaf if made else GENESIS,
                body_hash=bytes(32),
                leaf=bytes([seq]) * 32,
                salt=b"",
                body=body,
            )
        )
    return made


def test_the_same_events_lead_to_the_same_states_unless_the_form_of_the_fold_was_raised() -> None:
    states = [encode_state(fold(told()[:seq])) for seq in range(len(told()) + 1)]
    assert digest("states", *states).hex()[:16] == FORMS[FOLD_FORM]


def test_a_fold_that_goes_on_comes_to_the_state_of_one_that_did_not_stop() -> None:
    events = recorded()
    whole = START.then(events, len(events))
    for seq in range(len(events)):
        begun = START.then(events[:seq], seq)
        assert begun.then(events[seq:], len(events)) == whole
    assert encode_state(whole.state) == encode_state(fold(told()))
    assert (whole.seq, whole.head) == (len(events), events[-1].leaf)


def test_events_that_are_missing_erased_or_out_of_their_chain_are_not_folded() -> None:
    events = recorded()
    erased = [*events[:4], replace(events[4], body=None), *events[5:]]
    unlinked = [*events[:4], replace(events[4], prev=bytes(32)), *events[5:]]
    for found, flaw in (
        (events[:4] + events[5:], "missing"),
        (events[:4], "missing"),
        (erased, "erased"),
        (unlinked, "unlinked"),
    ):
        with pytest.raises(HistoryUnreadable) as refused:
            START.then(found, len(events))
        assert (refused.value.flaw, refused.value.seq) == (flaw, 5)


def test_an_erased_event_that_no_fact_rests_on_is_passed_over() -> None:
    events = recorded()
    other = replace(events[0], type="LeaseGranted", body=None)
    assert START.then([other], 1).state == START.state


def test_a_chain_is_followed_whatever_its_events_say() -> None:
    events = recorded()
    bare = [replace(event, body=None) for event in events]
    whole = Chained().then(bare[:3], 3).then(bare[3:], len(events))
    assert (whole.seq, whole.head) == (len(events), events[-1].leaf)
    assert whole.missing == tuple(range(1, len(events) + 1))
    unlinked = [*bare[:4], replace(bare[4], prev=bytes(32)), *bare[5:]]
    for found, flaw in (
        (bare[:4] + bare[5:], "missing"),
        (bare[:4], "missing"),
        (unlinked, "unlinked"),
    ):
        with pytest.raises(HistoryUnreadable) as refused:
            Chained().then(found, len(events))
        assert (refused.value.flaw, refused.value.seq) == (flaw, 5)


@pytest.mark.parametrize(
    ("missing", "told", "untold"),
    [
        ((), (), None),
        ((4,), (), 4),
        ((4, 5), ((4, 5, 2),), None),
        ((4, 5, 6), ((4, 6, 2),), 6),
        ((3, 4), ((4, 5, 2),), 3),
        ((6,), ((4, 5, 2),), 6),
        ((1, 2), ((1, 9, 1), (1, 1, 1)), None),
        ((1, 2, 3), ((1, 9, 1), (1, 1, 2)), 3),
    ],
)
def test_a_body_that_is_missing_is_one_of_those_that_were_told_of(
    missing: tuple[int, ...], told: tuple[tuple[int, int, int], ...], untold: int | None
) -> None:
    spans = [ErasedSpan(from_seq=one[0], to_seq=one[1], count=one[2]) for one in told]
    assert first_untold(missing, spans) == untold


def test_a_state_in_another_form_differs_and_so_do_bytes_that_are_none() -> None:
    state = fold(told())
    kept = encode_state(state)
    assert differing(kept, state) == []
    assert differing(kept.replace(b":", b": "), state) == ["*"]
    assert differing(b"{", state) == ["*"]
    assert differing(b"\xff", state) == ["*"]
    assert differing(encode_state(replace(state, steps=0, blocks=7)), state) == ["steps", "blocks"]
