"""The verifier on checkpoints of earlier restore epochs: what a restore lost, and what none did."""

import io
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    AUTHORITY,
    CHECKPOINT_KEY,
    Log,
    Parts,
    Stream,
    all_keys,
    authority_said,
    bundle_v2,
    erasure_said,
    log_of,
    sample_streams,
    server_key,
)
from tests.evidence.samples import STRANGER_KEY, WORKSPACE, Said

from placet.evidence.bundle import KeyPurpose, ScopeKind
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.verify import BundleReport, parse_held, verify_bundle

RENEWED = SigningKey(b"\x0c" * 32)
NOWHERE = "11" * 32
"""The root of a history that the log of the bundle does not have."""


def restored(epoch: int, log_size: int, from_epoch: int = 1) -> Said:
    """Return what tells that the epoch was raised when the log had so many entries."""
    return Said("Restored", {"epoch": epoch, "from_epoch": from_epoch, "log_size": log_size})


class After:
    """A tenant's log behind these restores, with what a bundle of it holds."""

    def __init__(self, *told: Said) -> None:
        """Make the log, with these at the end of the stream that tells of restores."""
        self.take(sample_streams(authority=[*authority_said(), *told]))

    def take(self, streams: list[Stream]) -> None:
        """Take other streams, and a log of them."""
        self.streams, self.log = streams, log_of(streams)
        self.size = len(self.log.leaves)

    def parts(self, *from_sizes: int, epoch: int = 2) -> Parts:
        """Return a bundle in this epoch that tells how the log grew from these sizes."""
        return Parts(
            streams=self.streams,
            checkpoints=[self.log.checkpoint(self.size, epoch=epoch)],
            consistencies=[self.log.consistency(size, self.size) for size in from_sizes],
        )

    def narrow(self, *from_sizes: int) -> Parts:
        """Return a bundle of the session alone, without the stream that tells of restores."""
        whole = self.parts(*from_sizes)
        streams = [one for one in self.streams if one[0] != AUTHORITY]
        inclusions = [self.log.inclusion(one, len(events), self.size) for one, _, events in streams]
        return replace(whole, streams=streams, inclusions=inclusions, scope=ScopeKind.SESSION)


def check(parts: Parts, *held: Envelope) -> BundleReport:
    """Verify a bundle of these parts, held to these checkpoints."""
    file = b"".join(encode_envelope(one) + b"\n" for one in held)
    kept = parse_held(file) if held else []
    return verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))), held=kept)


def flaw(parts: Parts, *held: Envelope) -> str:
    """Return why a bundle is bad."""
    found = check(parts, *held).flaw
    assert found is not None
    return found.why


def untold(parts: Parts, *held: Envelope) -> str:
    """Return what is not proved by a good bundle."""
    report = check(parts, *held)
    assert report.flaw is None, report.flaw
    return "\n".join(report.not_proved)


@pytest.mark.parametrize("scope", ScopeKind)
def test_honest_bundles_of_every_scope_are_good_before_and_after_restores(scope: ScopeKind) -> None:
    one, two = restored(2, 10), restored(3, 12, from_epoch=2)
    for told, epoch in (((), 1), ((one,), 2), ((one, two), 3)):
        after = After(*told)
        parts = replace(after.parts(9, epoch=epoch), scope=scope)
        newest = after.log.checkpoint(after.size, epoch=epoch)
        lost = [after.log.checkpoint(15, root=NOWHERE)] if told else []
        for held in ([], [newest], [after.log.checkpoint(9)], [after.log.checkpoint(9), *lost]):
            assert check(parts, *held).flaw is None
            assert check(parts, *held, newest).flaw is None


def test_a_log_that_was_written_anew_under_a_higher_epoch_is_found_by_who_holds_both() -> None:
    """Somebody with the database and the key, and the file of a timer that took what came."""
    anew = After()
    size = anew.size
    own = anew.log.checkpoint(size, epoch=2)
    held = [anew.log.checkpoint(3, root="22" * 32), anew.log.checkpoint(size, root=NOWHERE), own]
    for file in (held, held[1:], held[::2], held[::-1]):
        for parts in (anew.parts(), replace(anew.parts(), scope=ScopeKind.SESSION)):
            assert "no `Restored` tells how that epoch began" in flaw(parts, *file)
    # Nor does a `Restored` help that tells of no loss.
    told = After(restored(2, 10_000))
    held = [told.log.checkpoint(told.size, root=NOWHERE), told.log.checkpoint(told.size, epoch=2)]
    assert "another root than the bundle's; no `Restored` tells that a" in flaw(told.parts(), *held)
    held[0] = told.log.checkpoint(9, root=NOWHERE)
    assert "does not begin with its 9 entries; no `Restored`" in flaw(told.parts(9), *held)
    held[0] = told.log.checkpoint(told.size + 9, root=NOWHERE)
    assert f"has {told.size}; no `Restored` tells that a restore lost" in flaw(told.parts(), *held)


def test_what_a_restore_lost_is_told_with_its_entries_and_not_as_a_forgery() -> None:
    after = After(restored(2, 10))
    lost = [after.log.checkpoint(size, root=NOWHERE) for size in (11, 14, after.size + 9)]
    newest = after.log.checkpoint(after.size - 1, epoch=2)
    parts = after.parts(after.size - 1)
    for at, one in enumerate(lost):
        # Alone it proves nothing, and it is no proof of a forgery either.
        size = (11, 14, after.size + 9)[at]
        for alone in (after.parts(), after.parts(11), after.parts(14)):
            why = flaw(alone, one)
            assert why.startswith(f"a restore lost entries 11 to {size} (the `Restored` of epoch 2")
            assert "of what this checkpoint tells of" in why
            assert "does not begin" not in why
        assert f"a restore lost entries 11 to {size} " in untold(parts, one, newest)
    assert flaw(after.parts(11), lost[1], lost[0]).startswith("a restore lost entries 11 to 14 ")
    told = untold(parts, *lost, newest)
    assert f"from 3 checkpoints of restore epoch 1 that you hold, of 11 to {after.size + 9}" in told
    assert "lost entries 11 to" in told


def test_of_what_no_restore_lost_the_newest_is_proved_where_the_newest_of_all_was_lost() -> None:
    after = After(restored(2, 10))
    kept, lost = after.log.checkpoint(9), after.log.checkpoint(14, root=NOWHERE)
    for file in ([kept, lost], [lost, kept]):
        report = check(after.parts(9), *file)
        assert report.flaw is None
        assert any("begins with the 9 entries of the checkpoint that" in s for s in report.proved)
        assert any("lost entries 11 to 14" in one for one in report.not_proved)
        why = flaw(after.parts(), *file)
        assert "lost entries 11 to 14" in why
        assert "export it again with --checkpoint" in why
    forged = after.log.checkpoint(9, root=NOWHERE)
    assert "does not begin with its 9 entries" in flaw(after.parts(9), forged, lost)


def test_what_no_restore_lost_of_an_earlier_epoch_is_joined() -> None:
    after = After(restored(2, 10))
    newest = after.log.checkpoint(after.size, epoch=2)
    for size in (9, 10):
        good = check(after.parts(size), after.log.checkpoint(size), newest)
        assert good.flaw is None
        said = f"the {size} entries of the checkpoint of restore epoch 1 that you hold, too"
        assert any(said in one for one in good.proved)
        assert not any("restore epoch" in one for one in good.not_proved)
        bad = after.log.checkpoint(size, root=NOWHERE)
        assert f"begin with its {size} entries" in flaw(after.parts(size), bad, newest)
    # One more than the log had then, and it was lost; it was not where it fits all the same.
    over = after.log.checkpoint(11, root=NOWHERE)
    assert "lost entries 11 to 11" in untold(after.parts(11), over, newest)
    assert "restore epoch" not in untold(after.parts(11), after.log.checkpoint(11), newest)
    by_stranger = after.log.checkpoint(9, STRANGER_KEY)
    assert "none of the keys" in flaw(after.parts(9), by_stranger, newest)


def test_what_cannot_be_compared_of_an_earlier_epoch_is_named_with_epoch_and_sizes() -> None:
    after = After(restored(2, 10))
    newest = after.log.checkpoint(after.size, epoch=2)
    held = [after.log.checkpoint(size) for size in (3, 6, 9)]
    told = untold(after.parts(), *held, newest)
    assert "from 3 checkpoints of restore epoch 1 that you hold, of 3 to 9 entries" in told
    assert "so nothing is proved of that epoch" in told
    # Behind one that was joined, those before it are counted as of the newest epoch.
    told = untold(after.parts(6), *held, newest)
    assert "from 1 checkpoints of restore epoch 1 that you hold, of 9 entries" in told
    assert "so nothing more is proved of that epoch" in told
    assert "1 checkpoints that you hold: the bundle has nothing to compare them with" in told


def test_without_the_stream_that_tells_of_restores_nobody_says_forged_or_lost() -> None:
    after = After(restored(2, 10))
    newest = after.log.checkpoint(after.size, epoch=2)
    lost = after.log.checkpoint(14, root=NOWHERE)
    told = untold(after.narrow(14), lost, newest)
    assert "from 1 checkpoints of restore epoch 1 that you hold, of 14 entries" in told
    assert "the stream is not here that would tell whether a restore lost any" in told
    why = flaw(after.narrow(14), lost)
    assert "whether a restore lost any of them, a stream would tell that is not here" in why
    assert "nothing to compare" in untold(after.narrow(), lost, newest)


def test_a_second_restore_to_before_the_first_loses_all_of_that_epoch() -> None:
    """Its `Restored` is lost too; the later one says which epoch the database came from."""
    after = After(restored(9, 10, from_epoch=1))
    newest = after.log.checkpoint(after.size, epoch=9)
    of_first = after.log.checkpoint(8, root=NOWHERE, epoch=5)
    told = untold(after.parts(8, epoch=9), of_first, newest)
    assert "the `Restored` of epoch 9 tells of a database that had never come from" in told
    assert "a restore lost entries" in flaw(after.parts(8, epoch=9), of_first)
    before = after.log.checkpoint(8, root=NOWHERE)
    assert "does not begin with" in flaw(after.parts(8, epoch=9), before, newest)
    both = After(restored(5, 12), restored(9, 10, from_epoch=5))
    newest = both.log.checkpoint(both.size, epoch=9)
    assert "does not begin with" in flaw(both.parts(8, epoch=9), of_first, newest)


def test_every_later_restore_counts_and_no_earlier_or_coming_one() -> None:
    after = After(restored(5, 12), restored(9, 10, from_epoch=5))
    newest = after.log.checkpoint(after.size, epoch=9)
    parts = after.parts(11, epoch=9)
    for epoch in (1, 5):
        held = after.log.checkpoint(11, root=NOWHERE, epoch=epoch)
        assert "lost entries 11 to 11" in untold(parts, held, newest)
    twice = After(restored(5, 10), restored(9, 12, from_epoch=5))
    newest = twice.log.checkpoint(twice.size, epoch=9)
    parts = twice.parts(11, epoch=9)
    held = twice.log.checkpoint(11, root=NOWHERE)
    assert "lost entries 11 to 11" in untold(parts, held, newest)
    held = twice.log.checkpoint(11, root=NOWHERE, epoch=5)
    assert "does not begin with" in flaw(parts, held, newest)
    # One that is told of behind the checkpoint of the bundle took nothing of that log.
    coming = After(restored(5, 12), restored(9, 10, from_epoch=5))
    newest = coming.log.checkpoint(coming.size, epoch=5)
    held = coming.log.checkpoint(11, root=NOWHERE)
    assert "does not begin with" in flaw(coming.parts(11, epoch=5), held, newest)


def test_two_roots_of_one_size_in_one_epoch_are_excused_by_no_restore() -> None:
    after = After(restored(2, 10))
    parts = after.parts(14)
    parts.checkpoints = [after.log.checkpoint(14), after.log.checkpoint(after.size, epoch=2)]
    held = after.log.checkpoint(14, root=NOWHERE)
    newest = after.log.checkpoint(after.size, epoch=2)
    fork = "of 14 entries it has another root than the bundle's"
    assert flaw(parts, held, newest) == fork
    # Nor by the want of the stream that would tell of one.
    for narrow in (after.narrow(), after.narrow(14)):
        narrow.checkpoints = parts.checkpoints
        assert flaw(narrow, held, newest) == fork
        assert flaw(narrow, held) == fork
        assert check(narrow, after.log.checkpoint(14), newest).is_good


def unlogged(before: Sequence[Said], told: Said, epoch: int = 2) -> tuple[Parts, Log]:
    """Return a session's bundle with one event behind the authority's last in the log."""
    logged = sample_streams(authority=before)
    log = log_of(logged)
    size = len(log.leaves)
    return Parts(
        streams=sample_streams(authority=[*before, told]),
        checkpoints=[log.checkpoint(size, epoch=epoch)],
        inclusions=[log.inclusion(one, len(events), size) for one, _, events in logged],
        consistencies=[log.consistency(one, size) for one in (7, 9)],
        scope=ScopeKind.SESSION,
    ), log


def test_a_restored_that_is_not_in_the_log_begins_no_epoch_and_excuses_nothing() -> None:
    """Who wrote the log anew would show each auditor another one, behind the last entry."""
    parts, log = unlogged(authority_said(), restored(2, 8))
    newest = log.checkpoint(len(log.leaves), epoch=2)
    lost = log.checkpoint(9, root=NOWHERE)
    why = "the `Restored` that tells how that epoch began is not in the log"
    for held in ([lost, newest], [lost], [log.checkpoint(7), lost], [log.checkpoint(7), newest]):
        assert why in flaw(parts, *held)
        assert "export it again when it is done" in flaw(parts, *held)
    assert check(parts, newest).is_good
    # One that is in the log of the second restore does not lend its place to one that is not.
    parts, log = unlogged([*authority_said(), restored(2, 1000)], restored(3, 8), epoch=3)
    assert why in flaw(parts, log.checkpoint(9, root=NOWHERE), log.checkpoint(9, epoch=3))
    # The same event within the log excuses it.
    after = After(restored(2, 8))
    assert "lost entries 9 to 9" in untold(
        replace(after.parts(9), scope=ScopeKind.SESSION),
        after.log.checkpoint(9, root=NOWHERE),
        after.log.checkpoint(after.size, epoch=2),
    )


def test_a_raise_that_is_told_of_twice_or_out_of_order_is_bad() -> None:
    for told in ((restored(2, 1000), restored(2, 0)), (restored(3, 9), restored(2, 9))):
        for parts in (After(*told).parts(), After(*told).parts(epoch=3)):
            assert "it tells of restore epoch 2 behind what tells of epoch" in flaw(parts)
    assert check(After(restored(2, 9), restored(3, 9, from_epoch=2)).parts(epoch=3)).is_good


def test_the_end_of_a_key_that_is_not_in_the_log_drops_nothing_that_is_held() -> None:
    end = Said(
        "ServerKeyRevoked",
        {
            "key_id": CHECKPOINT_KEY.key_id,
            "purpose": "checkpoint",
            "reason": "stolen",
            "log_size": 8,
        },
    )
    signed = sample_streams(authority=[*authority_said(), end])
    inside, outside = log_of(signed), unlogged(authority_said(), end, epoch=1)
    for (parts, log), is_dropped in ((outside, False), ((None, inside), True)):
        size = len(log.leaves)
        bundle = Parts(streams=signed, scope=ScopeKind.SESSION) if parts is None else parts
        bundle.keys = (*all_keys(), server_key(RENEWED, KeyPurpose.CHECKPOINT))
        bundle.checkpoints = [log.checkpoint(size, RENEWED)]
        bundle.consistencies = [log.consistency(one, size) for one in (7, 9)]
        held = [log.checkpoint(7), log.checkpoint(9, root=NOWHERE)]
        if is_dropped:
            assert "1 checkpoints that you hold say: the key" in untold(bundle, *held)
        else:
            assert "does not begin with its 9 entries" in flaw(bundle, *held)
            assert check(bundle, held[0], log.checkpoint(9)).is_good


def test_an_epoch_that_nothing_began_is_bad_where_the_tenant_is_older() -> None:
    unbegun = After()
    assert "no `Restored` tells how that epoch began" in flaw(unbegun.parts())
    assert "no `Restored` tells" in flaw(After(restored(3, 10)).parts())
    assert check(After(restored(2, 10)).parts()).is_good
    assert check(unbegun.parts(epoch=1)).is_good
    # Of less than a whole tenant the end of that stream may be missing.
    assert check(replace(unbegun.parts(), scope=ScopeKind.SESSION)).is_good


def test_a_tenant_that_was_made_after_a_restore_has_no_restored() -> None:
    made = After()
    made.take(sample_streams(authority=[replace(one, epoch=2) for one in authority_said()]))
    assert check(made.parts()).is_good
    early, late = made.log.checkpoint(9, epoch=2), made.log.checkpoint(made.size, epoch=2)
    assert check(made.parts(9), early, late).is_good
    # Unless it signed something in an earlier epoch, be it kept or brought along.
    assert "no `Restored`" in flaw(made.parts(9), made.log.checkpoint(3), early)
    parts = made.parts(9)
    parts.checkpoints = [made.log.checkpoint(9), late]
    assert "no `Restored`" in flaw(parts)
    assert "none of the keys" in flaw(made.parts(9), made.log.checkpoint(3, STRANGER_KEY), early)


def test_an_event_of_the_epoch_behind_those_of_an_earlier_one_does_not_begin_it() -> None:
    """The first event tells that the tenant is older, whatever was added behind the last."""
    anew = After(Said("Other", {}, epoch=2))
    assert "no `Restored` tells how that epoch began" in flaw(anew.parts())
    begun = After(Said("Other", {}, epoch=2), replace(restored(2, 10), epoch=2))
    assert check(begun.parts()).is_good


def test_a_restored_whose_body_is_gone_tells_nothing_and_nothing_may_erase_it() -> None:
    said = [*authority_said(), restored(2, 10)]
    gone = erasure_said(AUTHORITY, len(said), len(said), 1)
    streams = sample_streams(authority=said, erasures=[erasure_said(WORKSPACE, 2, 2, 1), gone])
    after = After()
    after.take(streams)
    held = after.log.checkpoint(14, root=NOWHERE), after.log.checkpoint(after.size, epoch=2)
    whole = replace(after.parts(14), scope=ScopeKind.SESSION)
    assert "lost entries 11 to 14" in untold(whole, *held)
    cut = [
        (one, kind, [*events[:-1], replace(events[-1], salt=None, body=None)])
        if one == AUTHORITY
        else (one, kind, events)
        for one, kind, events in streams
    ]
    assert "its body is missing" in flaw(replace(whole, streams=cut), *held)


@pytest.mark.parametrize("body", [{}, {"epoch": 0, "from_epoch": 1, "log_size": 1}, {"epoch": "2"}])
def test_a_restored_that_says_nothing_is_bad(body: dict[str, object]) -> None:
    assert "is not that of a `Restored`" in flaw(After(Said("Restored", body)).parts())
