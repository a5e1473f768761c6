"""What keeps the claim of an approved call, taken away, and the race that notices."""

from tests.invariants import scenes_asking as asking
from tests.invariants.mutants import Mutant, one

LOCKED = """      AND (who.environment IS NULL OR who.environment = r.environment)
    FOR NO KEY UPDATE;
"""
SEEN = """    IF s.state_version <> p_decided_version OR v_approved <> p_approved
"""
ENTER = "        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, true);"

ASKING = [
    Mutant(
        "status_unread_by_a_claim",
        "I11",
        asking.a_kill_before_a_claim,
        one(
            "session_enter_v1",
            "WHEN s.status <> 'active' THEN 'session_' || s.status",
            "WHEN false THEN 'session_' || s.status",
        ),
    ),
    Mutant(
        "a_claim_waits_for_no_lock",
        "I11",
        asking.a_claim_before_a_kill,
        one("session_enter_v1", LOCKED, LOCKED.replace("\n    FOR NO KEY UPDATE", "")),
    ),
    Mutant(
        "gate_missing_in_a_claim",
        "I11",
        asking.a_kill_of_the_tenant_before_a_claim,
        one("claim_v1", ENTER, ENTER.replace("true", "false")),
    ),
    Mutant(
        "fence_unread_by_a_claim",
        "I2",
        asking.a_steal_before_a_claim,
        one(
            "claim_v1",
            "    code := placet.session_writer_v1(s, p_holder, p_epoch, p_fence);",
            "    code := 'ok';",
        ),
    ),
    Mutant(
        "ask_grants_twice",
        "I8",
        asking.two_claims_of_one_call,
        one(
            "claim_v1",
            "WHEN c.status <> 'awaiting_approval' OR c.deadline_at",
            "WHEN c.deadline_at",
        ),
    ),
    Mutant(
        "claim_never_answered_again",
        "I10",
        asking.the_same_claim_twice_at_once,
        one("claim_v1", "AND r.claim_id = p_claim;", "AND false;"),
    ),
    Mutant(
        "claim_skips_evaluation",
        "I7",
        asking.facts_that_move_while_a_claim_is_decided,
        one("claim_v1", SEEN, "    IF p_decided_version < 0 OR v_approved <> p_approved\n"),
    ),
]
