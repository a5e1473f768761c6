"""What keeps the bounds of tallies, taken away, and the race that notices."""

from tests.invariants import scenes_tallying as tallying
from tests.invariants.mutants import Mutant, one

RELEASES = """        USING jsonb_array_elements_text(p_left -> 'releases') AS c(call_id)
        WHERE m.tenant_id"""
COMMITS = "UPDATE placet.replay_tally_mark AS m SET committed_at = p_at"

TALLYING = [
    Mutant(
        "tally_not_locked",
        "I16",
        tallying.two_sessions_that_want_the_last_different_value,
        one("tallies_take_v1", "PERFORM pg_advisory_xact_lock(t.lock_key);", "NULL;"),
    ),
    Mutant(
        "tally_lock_not_held_by_who_sets_a_maximum",
        "I16",
        tallying.two_sessions_under_two_bounds,
        one("tallies_take_v1", "PERFORM pg_advisory_xact_lock(t.lock_key);", "NULL;"),
    ),
    Mutant(
        "tally_not_counted_again",
        "I16",
        tallying.two_sessions_that_want_the_last_different_value,
        one("tallies_take_v1", "IF t.is_kept IS DISTINCT FROM", "IF false AND t.is_kept <>"),
    ),
    Mutant(
        "tally_denial_not_looked_at_again",
        "I40",
        tallying.a_denial_whose_reason_fails,
        one("tallies_take_v1", "IF t.is_kept IS DISTINCT FROM", "IF t.is_kept AND NOT"),
    ),
    Mutant(
        "tally_mark_never_released",
        "I16",
        tallying.a_denial_whose_reason_fails,
        one("session_leave_v1", RELEASES, RELEASES.replace("'releases'", "'nothing'")),
    ),
    Mutant(
        "tally_mark_released_at_commit",
        "I16",
        tallying.what_nobody_knows_still_counts,
        one("session_leave_v1", RELEASES, RELEASES.replace("'releases'", "'commits'")),
    ),
    Mutant(
        "tally_upper_bound_without_what_is_open",
        "I16",
        tallying.what_nobody_knows_still_counts,
        one(
            "tallies_take_v1",
            "            p_tenant, NULL, p_tally, p_full, v_since, v_digests,",
            "            p_tenant, NULL, p_tally, false, v_since, v_digests,",
        ),
    ),
    Mutant(
        "tally_lower_bound_with_what_is_open",
        "I16",
        tallying.a_lower_bound_while_what_would_keep_it_commits,
        one(
            "tallies_take_v1",
            "AND m.committed_at > p_since AND m.session_id IS DISTINCT FROM p_but",
            "AND m.session_id IS DISTINCT FROM p_but",
        ),
    ),
    Mutant(
        "tally_window_from_the_grant",
        "I16",
        tallying.a_window_that_begins_with_the_commit,
        one("session_leave_v1", COMMITS, COMMITS.replace("p_at", "m.granted_at")),
    ),
    Mutant(
        "tally_window_by_the_transactions_clock",
        "I16",
        tallying.a_window_that_passes_in_a_transaction,
        one(
            "tallies_take_v1",
            "ELSE clock_timestamp() - make_interval(secs => p_window) END",
            "ELSE now() - make_interval(secs => p_window) END",
        ),
    ),
]
