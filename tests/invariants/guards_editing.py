"""What keeps an edit of a call that waits, taken away, and the race that notices."""

from tests.invariants import scenes_editing as editing
from tests.invariants.mutants import Mutant, one

LOCKED = """    WHERE r.tenant_id = v_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
"""
NO_LOCK = one("ask_edit_v1", LOCKED, LOCKED.replace(" FOR NO KEY UPDATE", ""))
WAITS = "    IF c.status IS DISTINCT FROM 'awaiting_approval' OR c.deadline_at <= v_at\n"

EDITING = [
    Mutant(
        "yes_to_what_was_edited",
        "I7",
        editing.an_edit_before_a_vote,
        one(
            "ask_vote_v1",
            "       AND c.status = 'awaiting_approval' AND c.deadline_at",
            "       AND c.deadline_at",
        ),
    ),
    Mutant(
        "edit_takes_votes_away",
        "I7",
        editing.a_vote_before_an_edit,
        one(
            "ask_edit_v1",
            "    IF p_seen <> coalesce((",
            "    IF p_seen < 0 AND p_seen <> coalesce((",
        ),
    ),
    Mutant(
        "edit_of_what_was_granted",
        "I8",
        editing.a_claim_before_an_edit,
        one("ask_edit_v1", WAITS, "    IF c.deadline_at <= v_at\n"),
    ),
    Mutant(
        "claim_of_what_was_edited",
        "I8",
        editing.an_edit_before_a_claim,
        one(
            "claim_v1",
            "WHEN c.status <> 'awaiting_approval' OR c.deadline_at",
            "WHEN c.deadline_at",
        ),
    ),
    Mutant("edit_waits_for_no_kill", "I11", editing.a_kill_before_an_edit, NO_LOCK),
    Mutant("edit_waits_for_no_edit", "I8", editing.two_edits_at_once, NO_LOCK),
]
