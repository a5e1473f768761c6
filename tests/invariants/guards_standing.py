"""What keeps a standing grant to its uses and its time, taken away, and the race that notices."""

from tests.invariants import scenes_standing as standing
from tests.invariants.mutants import Change, Mutant, one

LOCKED = """          AND r.agent = s.agent AND r.environment = s.environment
        FOR NO KEY UPDATE;
"""
BOUND = "            OR g.used + cardinality(n.calls) > g.uses_max\n"

STANDING = [
    Mutant(
        "uses_unread",
        "I6",
        standing.the_last_use_wanted_by_two_sessions,
        (
            Change("standing_v1", BOUND, ""),
            Change("standing_v1", " AND g.used < g.uses_max\n", "\n"),
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
