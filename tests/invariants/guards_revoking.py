"""What keeps the end of an approval, taken away, and the race that notices."""

from tests.invariants import scenes_revoking as revoking
from tests.invariants.mutants import Change, Mutant, one

BARRED_UNREAD = one("grants_stand_v1", "IF p_barred IS NOT NULL THEN", "IF false THEN")
WRITER_UNREAD = one(
    "grants_stand_v1",
    "session_writer_v1(s, p_holder, c.grant_epoch, c.grant_fence) = 'ok'",
    "session_writer_v1(s, p_holder, c.grant_epoch, c.grant_fence) IS NOT NULL",
)
STAND_UNREAD = one(
    "grants_stand_v1", "RETURN s.control_revision = p_revision", "RETURN true OR true"
)
GATE_ALONE = """\
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
"""
REVOKED_UNREAD = Change("session_enter_v1", "AND c.target = p_artifact::text AND", "AND false AND")
EPOCH_UNREAD = Change("session_enter_v1", "RETURN EXISTS (", "RETURN false AND EXISTS (")

REVOKING = [
    *(
        Mutant(f"revoked_artifacts{also}_unread_in_{race.__name__}", "I11", race, changes)
        for race, also, changes in (
            (revoking.a_revocation_before_a_response, "", (REVOKED_UNREAD,)),
            (
                revoking.a_revocation_before_a_response,
                "_and_epochs",
                (REVOKED_UNREAD, EPOCH_UNREAD),
            ),
            (
                revoking.a_revocation_before_a_start,
                "_and_epochs",
                (REVOKED_UNREAD, EPOCH_UNREAD),
            ),
            (revoking.a_revocation_before_an_opening, "", (REVOKED_UNREAD,)),
        )
    ),
    *(
        Mutant(f"gate_left_out_of_{race.__name__}", "I11", race, one("gate_v1", GATE_ALONE, ""))
        for race in (
            revoking.a_response_before_a_revocation,
            revoking.a_start_before_a_revocation,
            revoking.an_opening_before_a_revocation,
        )
    ),
    Mutant(
        "openings_look_before_the_gate",
        "I11",
        revoking.a_revocation_before_an_opening,
        (
            Change("session_open_v1", "FROM placet.gate_pass_v1(", "FROM placet.gate_read_v1("),
            Change(
                "session_open_v1",
                "    SELECT * INTO w FROM placet.event_write_v1(\n",
                "    PERFORM placet.gate_pass_v1(v_tenant);\n"
                "    SELECT * INTO w FROM placet.event_write_v1(\n",
            ),
        ),
    ),
    Mutant(
        "every_control_reaches_everybody",
        "I11",
        revoking.a_revocation_of_something_else,
        one(
            "session_enter_v1",
            "RETURN EXISTS (",
            "RETURN true OR EXISTS (",
        ),
    ),
    Mutant(
        "replays_are_signed_after_the_expiry",
        "I4",
        revoking.a_response_again_after_the_approval_expired,
        BARRED_UNREAD,
    ),
    Mutant(
        "expiry_by_the_time_it_was_asked",
        "I4",
        revoking.a_response_that_waits_past_the_approval,
        one(
            "session_enter_v1",
            "p_authority_until <= clock_timestamp()",
            "p_authority_until <= now()",
        ),
    ),
    Mutant(
        "ends_told_by_what_was_written_down",
        "I11",
        revoking.an_ending_written_down_before_a_response,
        one("propose_v1", "IF e.barred IS NOT NULL THEN", "IF false THEN"),
    ),
    Mutant(
        "ends_believed",
        "I40",
        revoking.an_ending_that_does_not_hold,
        one("session_end_v1", "        IS DISTINCT FROM p_barred\n", "        IS NULL AND false\n"),
    ),
]
