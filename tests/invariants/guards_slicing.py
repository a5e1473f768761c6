"""What keeps allowances within their bounds, taken away, and the race that notices."""

from tests.invariants import scenes_slicing as slicing
from tests.invariants.mutants import Mutant, one

PARENT = """    PERFORM FROM placet.replay_allowance AS r
    WHERE r.tenant_id = s.tenant_id AND r.allowance_id = a.allowance_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        -- Race"""
ENOUGH = "AND l.allowance_id = n.allowance_id AND l.held >= n.need;"
CALL_BACK = """        ORDER BY o.session_id
        FOR NO KEY UPDATE SKIP LOCKED
"""
RETURN = """        ORDER BY o.allowance_id
        FOR NO KEY UPDATE SKIP LOCKED
"""

SLICING = [
    Mutant(
        "parent_not_locked",
        "I16",
        slicing.two_sessions_that_fetch_the_last_of_an_allowance,
        one("slices_take_v1", PARENT, PARENT.replace(" FOR NO KEY UPDATE", "")),
    ),
    Mutant(
        "slice_read_then_written",
        "I16",
        slicing.a_slice_called_back_before_it_is_used,
        one(
            "slices_take_v1",
            ENOUGH,
            "AND l.allowance_id = n.allowance_id AND n.need <= (SELECT o.held"
            " FROM placet.replay_slice AS o WHERE o.tenant_id = s.tenant_id"
            " AND o.session_id = s.session_id AND o.allowance_id = n.allowance_id);",
        ),
    ),
    Mutant(
        "slice_called_back_unlocked",
        "I16",
        slicing.a_slice_used_before_it_is_called_back,
        one("slices_take_v1", CALL_BACK, "        ORDER BY o.session_id\n"),
    ),
    Mutant(
        "end_gives_nothing_back",
        "I16",
        slicing.a_failure_before_a_kill,
        one(
            "session_seal_v1",
            "    PERFORM placet.slices_return_v1(NEW.tenant_id, NEW.session_id);\n",
            "",
        ),
    ),
    Mutant(
        "end_gives_back_what_stays_held",
        "I16",
        slicing.a_failure_before_a_kill,
        one(
            "slices_take_v1",
            "        UPDATE placet.replay_slice AS o SET held = 0\n"
            "        WHERE o.tenant_id = p_tenant AND o.session_id = p_session\n",
            "        UPDATE placet.replay_slice AS o SET held = o.held\n"
            "        WHERE o.tenant_id = p_tenant AND o.session_id = p_session\n",
        ),
    ),
    Mutant(
        "failure_after_the_end_stays_held",
        "I16",
        slicing.a_kill_before_a_failure_is_settled,
        one("slices_take_v1", "IF s.ended_at IS NOT NULL THEN", "IF false THEN"),
    ),
    Mutant(
        "failure_freed_twice",
        "I16",
        slicing.a_failure_freed_twice,
        one(
            "slices_take_v1",
            "AND w.call_id = c.call_id::uuid AND w.released_at IS NULL",
            "AND w.call_id = c.call_id::uuid",
        ),
    ),
    Mutant(
        "end_waits_for_slices",
        "I35",
        slicing.an_end_while_another_calls_back,
        one("slices_take_v1", RETURN, RETURN.replace(" SKIP LOCKED", "")),
    ),
    Mutant(
        "denial_not_looked_at_again",
        "I40",
        slicing.a_denial_whose_reason_goes_away,
        one("slices_take_v1", "IF v_others < n.least", "IF false"),
    ),
]
