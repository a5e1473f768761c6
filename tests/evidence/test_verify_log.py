"""The verifier on bundles of the second form: the log, its checkpoints, and keys in force."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.evidence.bundle_samples import (
    AUTHORITY,
    CHECKPOINT_KEY,
    NEW_GRANT_KEY,
    NEWEST_GRANT_KEY,
    SEALS,
    Parts,
    all_keys,
    authority_said,
    bundle_v2,
    log_of,
    path,
    proof,
    root,
    rotated,
    sample_signed,
    sample_streams,
    seal_said,
    server_key,
)
from tests.evidence.samples import (
    CONTROL,
    GRANT_KEY,
    SESSION,
    STARTED,
    STRANGER_KEY,
    WORKSPACE,
    Said,
    sample_grant,
    session_events,
    uuid_of,
)

from placet.evidence import verify as verifier
from placet.evidence.bundle import KeyList, KeyPurpose, ScopeKind
from placet.evidence.checkpoint import origin_of
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.grant import sign_grant
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.canonical import canonical

NEW_CHECKPOINT_KEY = SigningKey(b"\x0c" * 32)
LOG = log_of(sample_streams())
SIZE = len(LOG.leaves)


def check(
    parts: Parts | None = None, pinned: KeyList | None = None, held: list[Envelope] | None = None
) -> BundleReport:
    """Verify a bundle of these parts, held to these checkpoints."""
    file = b"".join(encode_envelope(one) + b"\n" for one in held or ())
    kept = verifier.parse_held(file) if held else []
    return verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))), pinned, held=kept)


def flaw(
    parts: Parts | None = None, pinned: KeyList | None = None, held: list[Envelope] | None = None
) -> str:
    """Return what is named, and why."""
    found = check(parts, pinned, held).flaw
    assert found is not None
    return f"{found.item}: {found.why}"


def test_a_good_bundle_proves_that_its_events_are_in_the_log() -> None:
    report = check()
    assert report.flaw is None
    assert (report.form, report.log_size, report.logged) == ("placet.bundle.v2", SIZE, SIZE)
    assert report.log_root == root(LOG.leaves).hex()
    assert (report.dossiers, report.seals, report.grants) == (1, 1, 3)
    assert any("none were pinned" in sentence for sentence in report.not_proved)
    assert not any("holds no checkpoint" in sentence for sentence in report.not_proved)


def test_a_bundle_without_a_log_says_so() -> None:
    report = check(Parts(checkpoints=[], inclusions=[], consistencies=[]))
    assert report.is_good
    assert (report.log_size, report.logged) == (None, 0)
    assert any("holds no checkpoint" in sentence for sentence in report.not_proved)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 13, 16, 25])
def test_every_place_in_a_tree_gives_its_root_and_no_other(size: int) -> None:
    leaves = [bytes([number]) * 32 for number in range(size)]
    top = root(leaves)
    for index, leaf in enumerate(leaves):
        beside = path(index, leaves)
        assert verifier.root_of_inclusion(leaf, index, size, beside) == top
        for other in range(size + 1):
            found = verifier.root_of_inclusion(leaf, other, size, beside)
            assert (found == top) == (other == index)
        assert verifier.root_of_inclusion(leaf, index, size, [*beside, bytes(32)]) is None
        assert not beside or verifier.root_of_inclusion(leaf, index, size, beside[:-1]) is None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 8, 11, 16, 21])
def test_a_tree_begins_with_each_shorter_one_and_with_nothing_else(size: int) -> None:
    leaves = [bytes([number]) * 32 for number in range(size)]
    new = (size, root(leaves))
    for old in range(size + 1):
        beside = proof(old, leaves) if old else []
        begin = (old, root(leaves[:old]))
        assert verifier.is_consistent(begin, new, beside)
        assert not verifier.is_consistent((old, bytes(32)), new, beside)
        # Whatever a log becomes, it begins with nothing.
        assert not old or not verifier.is_consistent(begin, (size, bytes(32)), beside)
        assert not verifier.is_consistent(begin, new, [*beside, bytes(32)])
        assert not verifier.is_consistent((size + 1, new[1]), new, beside)


def test_an_event_that_is_not_in_the_log_yet_is_told() -> None:
    short = SIZE - 4
    parts = Parts(
        checkpoints=[LOG.checkpoint(short)],
        inclusions=[LOG.inclusion(SESSION, LOG.last_of(SESSION, short), short)],
        consistencies=[],
        scope=ScopeKind.SESSION,
    )
    report = check(parts)
    assert report.is_good
    late = SIZE - LOG.last_of(SESSION, short)
    assert any(f"that {late} events are in the log" in one for one in report.not_proved)


def test_an_inclusion_proves_only_what_it_is_of() -> None:
    good = LOG.inclusion(SESSION, 3, SIZE)
    other = LOG.inclusion(SESSION, 4, SIZE)
    for change, why in (
        ({"seq": 4}, "does not lead to the root"),
        ({"index": good.index + 1}, "does not lead to the root"),
        ({"index": SIZE}, "does not lead to the root"),
        ({"path": good.path[1:]}, "does not lead to the root"),
        ({"path": other.path}, "does not lead to the root"),
        ({"seq": 99}, "no such event"),
        ({"stream_id": uuid_of("elsewhere")}, "no such event"),
        ({"size": SIZE - 1}, "another size"),
    ):
        assert why in flaw(Parts(inclusions=[replace(good, **change)]))
    assert "no checkpoint" in flaw(Parts(checkpoints=[], inclusions=[good], consistencies=[]))


def test_a_checkpoint_counts_by_a_checkpoint_key_for_its_own_tenant() -> None:
    tenant = uuid_of("tenant")
    for made, why in (
        (LOG.checkpoint(SIZE, GRANT_KEY), "none of the keys"),
        (LOG.checkpoint(SIZE, key_id=GRANT_KEY.key_id), "another key than the one"),
        (LOG.checkpoint(SIZE, tenant_id=tenant, origin=origin_of(tenant)), "another tenant"),
        (LOG.checkpoint(SIZE, origin=origin_of(tenant)), "another log"),
        (LOG.checkpoint(SIZE, root="00" * 32), "does not lead to the root"),
    ):
        assert why in flaw(Parts(checkpoints=[made], consistencies=[]))


def test_checkpoints_come_in_order_and_each_is_where_the_last_one_began() -> None:
    early = LOG.checkpoint(9)
    assert "does not come after" in flaw(Parts(checkpoints=[LOG.checkpoint(SIZE), early]))
    forged = Parts(
        checkpoints=[LOG.checkpoint(9, root="00" * 32), LOG.checkpoint(SIZE)],
        consistencies=[LOG.consistency(9, SIZE)],
    )
    assert "does not lead from the one" in flaw(forged)
    elsewhere = Parts(consistencies=[replace(LOG.consistency(9, SIZE), to_size=SIZE - 1)])
    assert "does not lead to the last" in flaw(elsewhere)
    unlinked = Parts(checkpoints=[early, LOG.checkpoint(SIZE)], consistencies=[])
    assert any("since 1 of its" in one for one in check(unlinked).not_proved)


# Checkpoints that the auditor kept.


def test_a_checkpoint_that_was_kept_proves_that_nothing_before_it_was_cut() -> None:
    for kept in (LOG.checkpoint(SIZE), LOG.checkpoint(SIZE // 2), LOG.checkpoint(0)):
        report = check(held=[kept])
        assert report.flaw is None
        assert any("that you hold" in sentence for sentence in report.proved)
        assert not any("an outsider kept" in sentence for sentence in report.not_proved)


def test_a_log_that_was_written_anew_does_not_follow_from_what_was_kept() -> None:
    session = session_events(4)
    told = [seal_said(SESSION, session, len(session), "stopped")]
    other = [
        (SESSION, "session", session) if stream == SESSION else (stream, kind, events)
        for stream, kind, events in sample_streams(sealed=told)
    ]
    anew = Parts(streams=other, signed=sample_signed()[:2])
    assert check(anew).is_good
    size = len(log_of(other).leaves)
    same = LOG.checkpoint(size)
    assert "another root" in flaw(anew, held=[same])
    half = LOG.checkpoint(size // 2)
    assert "another root" in flaw(anew, held=[half])
    without = replace(anew, checkpoints=[log_of(other).checkpoint(size)])
    assert "does not begin with" in flaw(without, held=[half])


def test_a_bundle_says_when_it_cannot_tell_how_it_follows() -> None:
    assert "export it again" in flaw(held=[LOG.checkpoint(7)])
    older = Parts(
        checkpoints=[LOG.checkpoint(9)],
        inclusions=[],
        consistencies=[],
        scope=ScopeKind.SESSION,
    )
    assert "it is older" in flaw(older, held=[LOG.checkpoint(SIZE)])
    none = Parts(checkpoints=[], inclusions=[], consistencies=[])
    assert "no checkpoint" in flaw(none, held=[LOG.checkpoint(7)])


def test_a_witness_s_file_is_held_as_a_whole() -> None:
    newer = LOG.checkpoint(SIZE + 5, root="00" * 32)
    report = check(held=[LOG.checkpoint(3), LOG.checkpoint(SIZE // 2), newer])
    assert report.is_good
    assert any("you hold 1 newer" in sentence for sentence in report.not_proved)
    forked = LOG.checkpoint(SIZE // 2, root="11" * 32)
    assert "another root" in flaw(held=[LOG.checkpoint(SIZE // 2), forked])


def test_what_is_held_must_be_signed_by_a_key_that_counts() -> None:
    assert "none of the keys" in flaw(held=[LOG.checkpoint(SIZE, STRANGER_KEY)])


def test_a_file_that_holds_no_checkpoint_is_refused() -> None:
    envelope = encode_envelope(LOG.checkpoint(3))
    line = canonical({"envelope": LOG.checkpoint(3)})
    assert len(verifier.parse_held(envelope)) == 1
    assert len(verifier.parse_held(line + b"\n" + line + b"\n")) == 2
    assert len(verifier.parse_held(line + b"\n" + line[:50])) == 1
    for data in (b"", b"{}", b"[]", b"1", envelope[:-1], b"\xff", b'{"envelope":1}'):
        with pytest.raises(ValueError, match=r"."):
            verifier.parse_held(data)


@pytest.mark.parametrize("bad", ["--keys", "--checkpoint", "bundle"])
def test_of_the_files_that_are_given_the_one_that_cannot_be_read_is_named(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name.strip("-") for name in ("--keys", "--checkpoint", "bundle")}
    files["--keys"].write_bytes(canonical(EVERY))
    files["--checkpoint"].write_bytes(encode_envelope(LOG.checkpoint(SIZE)))
    files["bundle"].write_bytes(b"".join(bundle_v2()))
    command = [str(files["bundle"])]
    command += [part for name in ("--keys", "--checkpoint") for part in (name, str(files[name]))]
    assert verifier.main(command) == 0
    capsys.readouterr()
    if bad != "bundle":
        files[bad].write_bytes(b"\xff")
        with pytest.raises(SystemExit, match="2"):
            verifier.main(command)
        assert f"{files[bad]} cannot be read: 'utf-8'" in capsys.readouterr().err
    files[bad].unlink()
    with pytest.raises(SystemExit, match="2"):
        verifier.main(command)
    assert capsys.readouterr().err == f"{files[bad]} cannot be read: No such file or directory\n"


# What was left out.


def test_a_stream_that_was_closed_and_left_out_is_missed() -> None:
    streams = [one for one in sample_streams() if one[0] != SESSION]
    size = len(log_of(streams).leaves)
    parts = Parts(streams=streams, signed=[], consistencies=[])
    parts.checkpoints = [log_of(streams).checkpoint(size)]
    parts.inclusions = [LOG.inclusion(one, len(told), SIZE) for one, _, told in streams]
    parts.checkpoints = [LOG.checkpoint(SIZE)]
    assert "the bundle leaves it out" in flaw(parts)
    parts.scope = ScopeKind.APPROVAL
    assert check(parts).is_good
    assert size < SIZE


def test_a_whole_tenant_has_as_many_events_as_its_log_has_entries() -> None:
    for left_out in (CONTROL, AUTHORITY, SEALS):
        for cut in (0, -1):
            streams = [
                (one, kind, told[:cut] if one == left_out else told)
                for one, kind, told in sample_streams()
                if one != left_out or cut
            ]
            inclusions = [LOG.inclusion(one, len(told), SIZE) for one, _, told in streams if told]
            parts = Parts(streams=streams, signed=[], seals=[], inclusions=inclusions)
            parts.dossiers = []
            parts.checkpoints, parts.consistencies = [LOG.checkpoint(SIZE)], []
            assert f"the log has {SIZE} entries" in flaw(parts), (left_out, cut)
            assert "left out" in flaw(parts)
            parts.scope = ScopeKind.SESSION
            assert check(parts).is_good


def test_a_whole_tenant_has_nothing_behind_its_last_checkpoint() -> None:
    """An older checkpoint would have all its entries, and hide what followed elsewhere."""
    short = SIZE - 4
    last = [(one, LOG.last_of(one, short)) for one, _, _ in sample_streams()]
    parts = Parts(seals=[], dossiers=[], consistencies=[])
    parts.checkpoints = [LOG.checkpoint(short)]
    parts.inclusions = [LOG.inclusion(one, seq, short) for one, seq in last]
    assert f"the bundle {SIZE} events" in flaw(parts)
    parts.streams = [(one, kind, told[: dict(last)[one]]) for one, kind, told in sample_streams()]
    parts.signed = []
    assert check(parts).is_good


def test_a_session_that_was_closed_after_the_last_checkpoint_is_told_and_no_flaw() -> None:
    whole = session_events()
    session = (SESSION, "session", whole[:-3])
    sealed = [seal_said(SESSION, whole, len(whole), "stopped")]
    streams = [session, *sample_streams(sealed=sealed)[1:]]
    parts = Parts(streams=streams, seals=[], dossiers=[])
    report = check(parts)
    assert report.flaw is None
    assert any("1 streams tell that were closed since" in one for one in report.not_proved)
    parts.inclusions, parts.checkpoints, parts.consistencies = [], [], []
    assert "it was closed with" in flaw(parts)


def test_a_stream_is_as_long_as_when_it_was_closed() -> None:
    session = session_events()
    cut = [(SESSION, "session", session[:-3]), *sample_streams()[1:]]
    parts = Parts(streams=cut, scope=ScopeKind.SESSION)
    assert f"stream {SESSION}: it was closed with {len(session)} events" in flaw(parts)


def test_a_stream_holds_the_event_that_it_was_closed_with() -> None:
    session = session_events()
    said = seal_said(SESSION, session, len(session), "stopped")
    said.body["last_leaf"] = "00" * 32
    assert "closed with another event" in flaw(Parts(streams=sample_streams(sealed=[said])))
    twice = [seal_said(SESSION, session, len(session), "stopped")] * 2
    assert "closed before" in flaw(Parts(streams=sample_streams(sealed=twice)))
    other = seal_said(SESSION, session, len(session), "completed")
    assert "says otherwise" in flaw(Parts(streams=sample_streams(sealed=[other])))


def test_an_event_of_a_closing_stands_in_no_other_stream() -> None:
    said = seal_said(SESSION, session_events(), 1, "stopped")
    assert "has no place" in flaw(Parts(streams=sample_streams(authority=[said])))
    assert SEALS != AUTHORITY


# Keys in force.


def pinned(*purposes: KeyPurpose) -> KeyList:
    """Return the keys of these purposes but for grant keys that came later."""
    later = {NEW_GRANT_KEY.key_id, NEWEST_GRANT_KEY.key_id}
    keys = [key for key in all_keys() if key.purpose in purposes and key.key_id not in later]
    return KeyList(version=1, keys=tuple(keys))


EVERY = pinned(*KeyPurpose)


def test_a_pinned_key_leads_to_those_that_took_over_from_it() -> None:
    report = check(pinned=EVERY)
    assert report.flaw is None
    assert report.keys_pinned
    without = [one for one in sample_signed() if one.payload_type == "placet.grant.v1"]
    assert "none of the keys that count for a `grant`" in flaw(Parts(signed=without), EVERY)
    assert check(Parts(signed=without)).is_good


def test_a_chain_of_keys_has_no_gap() -> None:
    grant = sign_grant(sample_grant(), NEWEST_GRANT_KEY)
    second = rotated(NEW_GRANT_KEY, NEWEST_GRANT_KEY)
    assert "none of the keys" in flaw(Parts(signed=[grant, *second]), EVERY)
    first = rotated(GRANT_KEY, NEW_GRANT_KEY)
    assert check(Parts(signed=[grant, *second, *first]), EVERY).is_good


def test_both_keys_sign_that_one_takes_over() -> None:
    old, new = rotated(GRANT_KEY, NEW_GRANT_KEY)
    assert "one of its two keys" in flaw(Parts(signed=[old]))
    assert "not the key that it replaces" in flaw(Parts(signed=[new, old]))
    stranger = rotated(STRANGER_KEY, NEW_GRANT_KEY)
    assert "none of the keys" in flaw(Parts(signed=[*stranger]))
    by_old = replace(new.signatures[0], sig=old.signatures[0].sig)
    forged = replace(new, signatures=(by_old,))
    assert "signature" in flaw(Parts(signed=[old, forged]))


def revoked(position: int, key_id: str, purpose: str = "grant") -> list[Said]:
    """Return the stream of people with the end of a server key."""
    body = {"key_id": key_id, "purpose": purpose, "reason": "stolen", "log_size": position}
    return [*authority_said(), Said("ServerKeyRevoked", body)]


def ended(position: int, key_id: str, purpose: str = "grant") -> Parts:
    """Return a bundle in which a server key ended, with each stream's place before that."""
    streams = sample_streams(authority=revoked(position, key_id, purpose))
    log = log_of(streams)
    size = len(log.leaves)
    inclusions = [
        log.inclusion(stream, seq, size)
        for stream, _, events in streams
        for seq in sorted({log.last_of(stream, position), len(events)} - {0})
    ]
    return Parts(streams=streams, inclusions=inclusions)


def test_what_a_revoked_key_signed_counts_from_before_its_place_in_the_log() -> None:
    log = log_of(sample_streams(authority=revoked(0, GRANT_KEY.key_id)))
    place = log.places.index((SESSION, 3)) + 1
    report = check(ended(place, GRANT_KEY.key_id))
    assert report.flaw is None
    assert any("1 documents by keys that were revoked" in one for one in report.proved)
    why = "nothing proves that its event stood in the log before"
    assert why in flaw(ended(place - 1, GRANT_KEY.key_id))
    unplaced = ended(place, GRANT_KEY.key_id)
    ends = {stream: len(events) for stream, _, events in unplaced.streams}
    unplaced.inclusions = [
        one for one in unplaced.inclusions or [] if one.seq == ends[one.stream_id]
    ]
    assert why in flaw(unplaced)


def test_a_checkpoint_of_a_revoked_key_counts_up_to_its_place() -> None:
    parts = ended(4, CHECKPOINT_KEY.key_id, "checkpoint")
    assert "had been revoked at 4 entries" in flaw(parts)


def test_of_what_is_held_a_revoked_key_vouches_up_to_its_place_and_no_further() -> None:
    renewed = server_key(NEW_CHECKPOINT_KEY, KeyPurpose.CHECKPOINT)
    parts = ended(4, CHECKPOINT_KEY.key_id, "checkpoint")
    log = log_of(parts.streams)
    size = len(log.leaves)
    parts.keys = (*all_keys(), renewed)
    parts.checkpoints = [log.checkpoint(4), log.checkpoint(size, NEW_CHECKPOINT_KEY)]
    parts.consistencies = [log.consistency(4, size)]
    report = check(parts, held=[log.checkpoint(4), log.checkpoint(7)])
    assert report.flaw is None
    assert any("1 checkpoints that you hold say: the key" in one for one in report.not_proved)
    assert "each of the 1 was signed by a key" in flaw(parts, held=[log.checkpoint(7)])


def test_lines_of_other_tenants_are_passed_over_whoever_signed_them() -> None:
    other = uuid_of("another tenant")
    foreign = LOG.checkpoint(7, STRANGER_KEY, tenant_id=other, origin=origin_of(other))
    assert check(held=[foreign, LOG.checkpoint(SIZE // 2)]).flaw is None
    assert "none of this tenant" in flaw(held=[foreign])


def test_a_session_that_ended_after_the_window_of_an_incident_is_told_and_no_flaw() -> None:
    whole = session_events(6)
    closing = seal_said(SESSION, whole, len(whole), "stopped")
    streams = sample_streams(sealed=[*[Said("Other", {})] * 9, closing])
    cut = [(one, kind, told[:4] if one == SESSION else told) for one, kind, told in streams]
    parts = Parts(streams=cut, signed=[], dossiers=[], seals=[], scope=ScopeKind.INCIDENT)
    told_at = next(told for one, _, told in cut if one == SEALS)[-1].at
    assert "the bundle has 4" in flaw(replace(parts, until=told_at))
    parts.until = told_at - timedelta(microseconds=1)
    report = check(parts)
    assert report.flaw is None
    assert report.scope is not None
    assert report.scope.startswith("incident from ")
    early = next(told for one, _, told in cut if one == SESSION)[-1].at - timedelta(seconds=1)
    assert "goes on after the window" in flaw(replace(parts, until=early))
    assert any("1 streams tell that were closed since" in one for one in report.not_proved)
    assert "the 0 of them that are here to their end" in " ".join(report.proved)
    assert "the bundle has 4" in flaw(replace(parts, scope=ScopeKind.SESSION))


def test_an_artifact_of_a_revoked_key_counts_where_an_event_told_of_it_before() -> None:
    key = next(one for one in all_keys() if one.purpose is KeyPurpose.ARTIFACT)
    assert "the dossier of approval" in flaw(ended(20, key.key_id, "artifact"))


def test_a_rotation_by_a_revoked_key_leads_nowhere() -> None:
    parts = ended(25, NEW_GRANT_KEY.key_id)
    assert check(parts).is_good
    assert "none of the keys" in flaw(parts, EVERY)
    pinned_one_ended = ended(25, GRANT_KEY.key_id)
    assert check(pinned_one_ended).is_good
    assert "none of the keys" in flaw(pinned_one_ended, EVERY)
    known = KeyList(version=1, keys=(*EVERY.keys, server_key(NEWEST_GRANT_KEY, KeyPurpose.GRANT)))
    assert check(parts, known).is_good


# Votes of a dossier against the stream of people.


def test_a_dossier_s_votes_are_those_that_the_stream_tells_of() -> None:
    said = authority_said()
    silent = Parts(streams=sample_streams(authority=said[:3]))
    assert "no event tells of the vote" in flaw(silent)
    unknown = Parts(streams=sample_streams(authority=said[1:]))
    assert "enrols their key" in flaw(unknown)
    key_id = said[0].body["key_id"]
    over = Said("PersonKeyRevoked", {"key_id": key_id, "actor_id": said[0].body["actor_id"]})
    late = Parts(streams=sample_streams(authority=[*said, over]))
    assert check(late).is_good
    before = Parts(streams=sample_streams(authority=[*said[:2], over, *said[2:]]))
    assert "had been revoked before they voted" in flaw(before)


def test_who_was_removed_before_they_voted_does_not_count() -> None:
    said = authority_said()
    person = said[0].body["actor_id"]
    place = {"workspace_id": str(WORKSPACE), "actor_id": person}
    gone = Said("ApproverRemoved", place)
    early = Parts(streams=sample_streams(authority=[*said[:2], gone, *said[2:]]))
    assert "had been removed as an approver before they voted" in flaw(early)
    again = Said("EnrolmentConfirmed", place | {"key_id": said[0].body["key_id"]})
    back = Parts(streams=sample_streams(authority=[*said[:2], gone, again, *said[2:]]))
    assert check(back).is_good
    late = Parts(streams=sample_streams(authority=[*said, gone]))
    assert check(late).is_good


def test_without_the_stream_of_people_the_votes_are_not_proved_to_have_counted() -> None:
    streams = [one for one in sample_streams() if one[0] != AUTHORITY]
    log = log_of(streams)
    parts = Parts(streams=streams)
    parts.checkpoints = [log.checkpoint(len(log.leaves))]
    parts.consistencies = []
    report = check(parts)
    assert report.is_good
    assert any("keys of 2 votes" in sentence for sentence in report.not_proved)


def test_a_dossier_that_was_changed_is_named_in_its_own_lines() -> None:
    whole = Parts().dossiers[0].split(b"\n")
    whole[3] = whole[3].replace(b"desk", b"dusk")
    found = flaw(Parts(dossiers=[b"\n".join(whole)]))
    assert found.startswith("line 4 of the dossier, the view")


def test_the_report_s_times_are_those_that_were_signed() -> None:
    later = LOG.checkpoint(SIZE, time=STARTED + timedelta(days=1))
    report = check(Parts(checkpoints=[later], consistencies=[]))
    assert any("2026-03-02 09:30:00" in sentence for sentence in report.proved)
