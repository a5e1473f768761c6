"""What keeps a standing grant to its uses and its time, taken away, and the race that notices."""

from tests.invariants import scenes_standing as standing
from tests.invariants.mutants import Change, Mutant, one

LOCKED = """          AND r.agent = s.agent AND r.environment = s.environment
        FOR NO KEY UPDATE;
"""
BOUND = "            OR g.used + cardinality(n.calls) > g.uses_max\n"

GATE_ALONE = "    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));\n"

STANDING = [
    Mutant(
        "uses_unread",
        "I6",
        standing.the_last_use_wanted_by_two_sessions,
        (
            Change("standing_v1", BOUND, ""),
            Change("standing_v1", "g.expires_at > p_at AND g.used < g.uses_max\n", "true\n"),
        ),
    ),
    Mutant(
        "revocation_unread",
        "I11",
        standing.a_revocation_before_a_grant,
        one(
            "standing_v1",
            "    RETURN g.revoked_at IS NULL AND g.expires_at",
            "    RETURN g.expires_at",
        ),
    ),
    *(
        Mutant(
            f"gate_left_out_of_{race.__name__}", "I11", race, one("gate_raise_v1", GATE_ALONE, "")
        )
        for race in (
            standing.a_grant_before_the_end_of_its_signer,
            standing.the_end_of_a_signers_key_before_a_grant,
        )
    ),
    Mutant(
        "ends_of_keys_unread",
        "I11",
        standing.the_end_of_a_signers_key_before_a_grant,
        one("standing_v1", "AND r.key_id = g.key_id)", "AND r.key_id = g.key_id AND false)"),
    ),
]
STANDING_TWICE = [
    Mutant(
        "uses_read_then_written",
        "I6",
        standing.the_last_use_wanted_by_two_sessions,
        one("standing_v1", LOCKED, LOCKED.replace("\n        FOR NO KEY UPDATE", "")),
    ),
]
"""The number of a use is unique, so that a count that was read too early counts nothing twice."""
