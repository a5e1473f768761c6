"""What keeps the close of a session, taken away, and the race that notices."""

from tests.invariants import scenes_closing as closing
from tests.invariants.mutants import Mutant, one

CLOSING = [
    Mutant(
        "status_unread_after_a_close",
        "I7",
        closing.a_close_before_a_response,
        one(
            "session_enter_v1",
            "WHEN s.status <> 'active' THEN 'session_' || s.status",
            "WHEN false THEN 'session_' || s.status",
        ),
    ),
    Mutant(
        "grants_unread_by_a_close",
        "I16",
        closing.a_response_before_a_close,
        one("session_close_v1", "    IF unsettled = '{}' THEN", "    IF true THEN"),
    ),
    Mutant(
        "status_unread_by_a_close",
        "I11",
        closing.a_kill_before_a_close,
        one(
            "session_close_v1",
            "WHEN s.status NOT IN ('active', 'closing') THEN 'session_' || s.status",
            "WHEN false THEN 'session_' || s.status",
        ),
    ),
    Mutant(
        "fence_unread_by_a_close",
        "I2",
        closing.a_steal_before_a_close,
        one(
            "session_close_v1",
            "WHEN s.holder IS DISTINCT FROM p_holder OR (s.epoch, s.fence) <> (p_epoch, p_fence)",
            "WHEN s.holder IS NULL",
        ),
    ),
    Mutant(
        "close_unread_by_a_sweep",
        "I7",
        closing.a_close_before_a_sweep,
        one("sweep_v1", "IF s.status = 'closing' AND p_status = 'active' THEN", "IF false THEN"),
    ),
    Mutant(
        "close_not_replayed",
        "I10",
        closing.a_close_again,
        one(
            "session_close_v1",
            "    IF s.status = 'completed' OR (s.status = 'closing' AND cancelled = '{}') THEN",
            "    IF false THEN",
        ),
    ),
]
