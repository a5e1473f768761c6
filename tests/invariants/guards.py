"""Every guard of the runtime's functions, taken away, and the race that notices."""

from tests.invariants import scenes_again as again
from tests.invariants import scenes_effects as effects
from tests.invariants import scenes_stopping as stopping
from tests.invariants import scenes_sweeping as sweeping
from tests.invariants import scenes_writing as writing
from tests.invariants.guards_asking import ASKING
from tests.invariants.guards_closing import CLOSING
from tests.invariants.guards_controlling import CONTROLLING
from tests.invariants.guards_editing import EDITING
from tests.invariants.guards_revoking import (
    BARRED_UNREAD,
    EPOCH_UNREAD,
    REVOKING,
    STAND_UNREAD,
    WRITER_UNREAD,
)
from tests.invariants.guards_slicing import SLICING
from tests.invariants.guards_standing import STANDING, STANDING_TWICE
from tests.invariants.guards_sweeping import SWEEPING
from tests.invariants.guards_tallying import TALLYING
from tests.invariants.mutants import Change, Mutant, one

LOCKED = """      AND (who.environment IS NULL OR who.environment = r.environment)
    FOR NO KEY UPDATE;
"""
TAKEN_NOW = "AND k.environment = s.environment\n          AND k.released_at IS NULL"
CONSUME = """        UPDATE placet.replay_prepared_request AS r
        SET consumed_at = v_at, consumed_epoch = s.epoch, consumed_fence = s.fence,
            consumed_holder = p_holder, decided_version = s.state_version,
            proposal_hash = p_proposal_hash, answer = p_answer
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.prepared_request_id = p_prepared AND r.consumed_at IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the prepared request was consumed' USING ERRCODE = 'PL001';
        END IF;
"""
GATE_LOCK = """\
    PERFORM pg_advisory_xact_lock_shared(placet.gate_lock_key_v1(p_tenant));
"""
READ_CONTROLS = """\
    SELECT r.control_epoch, r.killed_by INTO control_epoch, killed_by
    FROM placet.gate_read_v1(p_tenant) AS r;
"""


NO_LOCK = one("session_enter_v1", LOCKED, LOCKED.replace("\n    FOR NO KEY UPDATE", ""))
LOOK_AGAIN = """\
    SELECT r.next_seq, r.head, r.last_event_at INTO s.next_seq, s.head, s.last_event_at
    FROM placet.replay_session AS r
    WHERE r.tenant_id = who.tenant_id AND r.session_id = p_session
    FOR NO KEY UPDATE;
"""
FENCE_READ_BEFORE_THE_LOCK = one("session_enter_v1", LOCKED, NO_LOCK[0].new + LOOK_AGAIN)
STATUS_UNREAD = one(
    "session_enter_v1",
    "WHEN s.status <> 'active' THEN 'session_' || s.status",
    "WHEN false THEN 'session_' || s.status",
)

MUTANTS = [
    # Who may write: the lock and the fence.
    Mutant("fence_only_read_for_renewals", "I3", writing.a_steal_before_a_renewal, NO_LOCK),
    Mutant("fence_only_read_for_starts", "I35", writing.a_steal_before_a_start, NO_LOCK),
    Mutant("fence_only_read_for_receipts", "I13", writing.a_steal_before_a_receipt, NO_LOCK),
    Mutant("fence_only_read_for_preflights", "I8", writing.two_model_requests_at_once, NO_LOCK),
    *(
        Mutant(f"fence_read_before_the_lock_in_{race.__name__}", breaks, race, changes)
        for race, breaks, changes in (
            (writing.a_steal_before_a_response, "I2", FENCE_READ_BEFORE_THE_LOCK),
            (writing.a_steal_before_a_start, "I2", FENCE_READ_BEFORE_THE_LOCK),
            (writing.a_steal_before_a_renewal, "I3", FENCE_READ_BEFORE_THE_LOCK),
            (writing.a_steal_before_a_receipt, "I13", FENCE_READ_BEFORE_THE_LOCK),
            (writing.two_workers_ask_for_a_free_lease, "I3", FENCE_READ_BEFORE_THE_LOCK),
            (writing.a_new_grant_to_the_same_holder, "I2", FENCE_READ_BEFORE_THE_LOCK),
            (writing.a_response_decided_on_facts_that_moved, "I7", FENCE_READ_BEFORE_THE_LOCK),
            (stopping.a_kill_before_a_response, "I11", FENCE_READ_BEFORE_THE_LOCK),
            (stopping.a_kill_before_a_start, "I11", FENCE_READ_BEFORE_THE_LOCK),
            (stopping.a_closing_receipt_before_a_response, "I7", FENCE_READ_BEFORE_THE_LOCK),
        )
    ),
    Mutant(
        "fence_not_compared",
        "I2",
        writing.a_new_grant_to_the_same_holder,
        one(
            "session_enter_v1",
            "WHEN s.holder IS DISTINCT FROM p_holder OR (s.epoch, s.fence) <> (p_epoch, p_fence)",
            "WHEN s.holder IS DISTINCT FROM p_holder",
        ),
    ),
    Mutant(
        "fence_kept_for_the_same_holder",
        "I1",
        writing.a_new_grant_to_the_same_holder,
        one(
            "lease_v1",
            "fence := s.fence + 1;",
            "fence := s.fence + (s.holder IS DISTINCT FROM p_holder)::int;",
        ),
    ),
    Mutant(
        "fence_reset_on_release",
        "I1",
        writing.a_released_lease,
        one(
            "lease_v1",
            "SET holder = lease_v1.holder, fence = lease_v1.fence,",
            (
                "SET holder = lease_v1.holder,"
                " fence = CASE WHEN p_action = 'release' THEN 0 ELSE lease_v1.fence END,"
            ),
        ),
    ),
    Mutant(
        "release_leaves_the_time",
        "I6",
        writing.a_released_lease,
        one(
            "lease_v1",
            "CASE WHEN p_action = 'release' THEN '-infinity'::timestamptz",
            "CASE WHEN p_action = 'release' THEN s.lease_expires_at",
        ),
    ),
    Mutant(
        "held_lease_given_away",
        "I3",
        writing.two_workers_ask_for_a_free_lease,
        one(
            "lease_v1",
            "IF p_action = 'grant' AND s.lease_expires_at > clock_timestamp()",
            "IF false AND s.lease_expires_at > clock_timestamp()",
        ),
    ),
    # Which clock: `now()` is the time at which the wait began.
    Mutant(
        "renewal_by_the_time_it_was_asked",
        "I6",
        writing.a_renewal_that_waits_past_the_end,
        one(
            "lease_v1",
            "(v_mine IS NOT TRUE OR s.lease_expires_at <= clock_timestamp())",
            "(v_mine IS NOT TRUE OR s.lease_expires_at <= now())",
        ),
    ),
    Mutant(
        "lease_judged_by_the_time_it_was_asked",
        "I4",
        writing.a_response_that_waits_past_the_lease,
        one(
            "session_enter_v1",
            "WHEN s.lease_expires_at <= clock_timestamp() THEN 'lease_lost'",
            "WHEN s.lease_expires_at <= now() THEN 'lease_lost'",
        ),
    ),
    Mutant(
        "decision_judged_by_the_time_it_was_asked",
        "I4",
        writing.a_decision_that_waits_past_its_time,
        one("propose_v1", "v_at := clock_timestamp();", "v_at := now();"),
    ),
    # What may be decided: single use, the facts, the whole or nothing.
    Mutant(
        "consumed_is_never_looked_at",
        "I7",
        writing.two_responses_to_one_prepared_request,
        (
            Change("propose_v1", "IF q.consumed_at IS NOT NULL THEN", "IF false THEN"),
            Change("propose_v1", "= p_prepared AND r.consumed_at IS NULL;", "= p_prepared;"),
        ),
    ),
    Mutant(
        "another_body_is_a_replay",
        "I7",
        writing.two_responses_to_one_prepared_request,
        one(
            "propose_v1",
            "IF q.proposal_hash <> p_proposal_hash OR q.consumed_holder <> p_holder THEN",
            "IF q.consumed_holder <> p_holder THEN",
        ),
    ),
    Mutant(
        "facts_of_any_version",
        "I7",
        writing.a_response_decided_on_facts_that_moved,
        one("propose_v1", "WHEN s.state_version <> p_decided_version OR v_at", "WHEN v_at"),
    ),
    Mutant(
        "write_before_a_check",
        "I9",
        writing.a_refused_response,
        (
            Change("propose_v1", CONSUME, ""),
            Change(
                "propose_v1",
                "    v_at := clock_timestamp();\n",
                "    v_at := clock_timestamp();\n" + CONSUME,
            ),
        ),
    ),
    Mutant(
        "expired_requests_are_good",
        "I7",
        writing.a_refused_response,
        one("propose_v1", "WHEN q.expires_at <= v_at THEN", "WHEN false THEN"),
    ),
    Mutant(
        "another_model_request_is_good",
        "I7",
        writing.a_refused_response,
        one("propose_v1", "WHEN q.request_hash <> p_request_hash THEN", "WHEN false THEN"),
    ),
    Mutant(
        "controls_since_the_preflight_ignored",
        "I7",
        stopping.a_request_prepared_before_a_control,
        (EPOCH_UNREAD,),
    ),
    # Lost answers.
    Mutant(
        "response_has_no_first_answer",
        "I10",
        again.a_response_again,
        one("propose_v1", "IF q.consumed_at IS NOT NULL THEN", "IF false THEN"),
    ),
    Mutant(
        "twin_has_no_first_answer",
        "I10",
        writing.one_response_sent_twice_at_once,
        one("propose_v1", "IF q.consumed_at IS NOT NULL THEN", "IF false THEN"),
    ),
    Mutant(
        "start_has_no_first_answer",
        "I10",
        again.a_start_again,
        one(
            "start_v1",
            "AND (c.execution_state <> 'started' OR c.start_id IS DISTINCT FROM p_start)",
            "",
        ),
    ),
    Mutant(
        "any_start_is_the_first",
        "I10",
        again.a_start_again,
        one("start_v1", " OR c.start_id IS DISTINCT FROM p_start)", ")"),
    ),
    Mutant(
        "started_twice",
        "I10",
        again.a_start_again,
        one("start_v1", "IF c.start_id = p_start THEN", "IF false THEN"),
    ),
    Mutant(
        "receipt_has_no_first_answer",
        "I10",
        again.a_receipt_again,
        one("receipt_v1", "AND r.idempotency_key = p_idempotency_key;", "AND false;"),
    ),
    Mutant(
        "grant_has_no_first_answer",
        "I10",
        again.a_grant_of_the_lease_again,
        one("lease_v1", "IF p_action IN ('grant', 'steal') AND s.lease", "IF false AND s.lease"),
    ),
    Mutant(
        "steal_has_no_first_answer",
        "I10",
        again.a_steal_again,
        one(
            "lease_v1",
            "IF p_action IN ('grant', 'steal') AND s.lease",
            "IF p_action IN ('grant') AND s.lease",
        ),
    ),
    Mutant(
        "settlement_has_no_first_answer",
        "I10",
        again.a_settlement_again,
        one("settle_v1", "AND r.settlement_id = p_settlement;", "AND false;"),
    ),
    Mutant(
        "kill_has_no_first_answer",
        "I10",
        again.a_kill_again,
        one("kill_v1", "IF s.status = 'killed' THEN", "IF false THEN"),
    ),
    Mutant(
        "kill_of_the_tenant_has_no_first_answer",
        "I10",
        again.a_kill_of_the_tenant_again,
        one("gate_v1", "AND c.control_id = p_control;", "AND false;"),
    ),
    *(
        Mutant(
            f"replay_always_signs_in_{race.__name__}",
            breaks,
            race,
            (*BARRED_UNREAD, *WRITER_UNREAD, *STAND_UNREAD),
        )
        for race, breaks in (
            (again.a_response_again_after_a_steal, "I2"),
            (again.a_response_again_after_a_kill, "I11"),
            (again.a_response_again_after_a_kill_of_the_tenant, "I11"),
        )
    ),
    Mutant(
        "replay_signs_for_settled_calls",
        "I10",
        again.a_response_again_after_its_receipt,
        one(
            "grants_stand_v1",
            "AND c.status = 'granted' AND c.execution_state IN ('not_started', 'started')",
            "",
        ),
    ),
    # Kills.
    Mutant("status_unread_by_responses", "I11", stopping.a_kill_before_a_response, STATUS_UNREAD),
    Mutant("status_unread_by_starts", "I11", stopping.a_kill_before_a_start, STATUS_UNREAD),
    Mutant(
        "status_unread_while_closing",
        "I7",
        stopping.a_closing_receipt_before_a_response,
        STATUS_UNREAD,
    ),
    Mutant(
        "kill_without_a_revision",
        "I11",
        stopping.a_response_before_a_kill,
        one(
            "kill_v1",
            "    control_revision := s.control_revision + 1;\n",
            "    control_revision := s.control_revision;\n",
        ),
    ),
    Mutant(
        "kill_event_without_the_revision",
        "I11",
        stopping.a_response_before_a_kill,
        one(
            "kill_v1", "        s.control_revision + 1, ARRAY", "        s.control_revision, ARRAY"
        ),
    ),
    Mutant(
        "kill_forgets_what_is_out",
        "I11",
        stopping.a_start_before_a_kill,
        one("kill_v1", "AND c.status IN ('granted', 'unknown');", "AND c.status = 'unknown';"),
    ),
    Mutant(
        "gate_left_out_of_responses",
        "I11",
        stopping.a_response_before_a_kill_of_the_tenant,
        one(
            "propose_v1",
            "ARRAY['runtime'], p_session, true);",
            "ARRAY['runtime'], p_session, false);",
        ),
    ),
    Mutant(
        "gate_left_out_of_starts",
        "I11",
        stopping.a_start_before_a_kill_of_the_tenant,
        one(
            "start_v1",
            "ARRAY['runtime'], p_session, true);",
            "ARRAY['runtime'], p_session, false);",
        ),
    ),
    *(
        Mutant(
            f"controls_read_before_the_gate_in_{race.__name__}",
            "I11",
            race,
            (Change("gate_v1", GATE_LOCK + READ_CONTROLS, READ_CONTROLS + GATE_LOCK),),
        )
        for race in (
            stopping.a_kill_of_the_tenant_before_a_response,
            stopping.a_kill_of_the_tenant_before_a_start,
        )
    ),
    Mutant(
        "control_epoch_read_before_the_lock",
        "I11",
        stopping.a_receipt_that_waits_past_a_kill_of_the_tenant,
        (
            Change("session_enter_v1", "    IF NOT p_gate THEN\n", "    IF false THEN\n"),
            Change(
                "session_enter_v1",
                "        control_epoch := gate.control_epoch;\n    END IF;\n    SELECT r.* INTO s",
                "        control_epoch := gate.control_epoch;\n    ELSE\n"
                "        SELECT * INTO gate FROM placet.gate_read_v1(who.tenant_id);\n"
                "        control_epoch := gate.control_epoch;\n    END IF;\n    SELECT r.* INTO s",
            ),
        ),
    ),
    *REVOKING,
    *ASKING,
    *EDITING,
    *STANDING,
    *SLICING,
    *TALLYING,
    *SWEEPING,
    *CLOSING,
    *CONTROLLING,
    # Receipts.
    Mutant(
        "late_receipt_refused",
        "I13",
        writing.a_steal_before_a_receipt,
        one(
            "receipt_v1",
            "    v_on_time := NOT late",
            "    IF late THEN\n        code := 'lease_lost';\n        RETURN;\n    END IF;\n"
            "    v_on_time := NOT late",
        ),
    ),
    Mutant(
        "late_receipt_settles",
        "I13",
        writing.a_steal_before_a_receipt,
        one("receipt_v1", "    v_on_time := NOT late", "    late := false;\n    v_on_time := true"),
    ),
    Mutant(
        "killed_session_takes_no_receipt",
        "I13",
        stopping.a_start_before_a_kill,
        one(
            "receipt_v1",
            "    v_on_time := NOT late",
            "    IF s.status = 'killed' THEN\n        code := 'session_killed';\n        RETURN;\n"
            "    END IF;\n    v_on_time := NOT late",
        ),
    ),
    Mutant(
        "unknown_calls_take_no_receipt",
        "I13",
        sweeping.a_sweep_before_a_receipt,
        one(
            "receipt_v1",
            "    v_on_time := NOT late",
            "    IF c.status = 'unknown' THEN\n        code := 'transition_not_allowed';\n"
            "        RETURN;\n    END IF;\n    v_on_time := NOT late",
        ),
    ),
    Mutant(
        "receipt_contradicts_an_operator",
        "I13",
        sweeping.a_settlement_before_a_receipt,
        (
            Change("receipt_v1", "OR (c.settled_at IS NOT NULL AND c.ex", "OR (false AND c.ex"),
            Change("receipt_v1", "OR (c.execution_state IN (", "OR (false AND p_status IN ("),
        ),
    ),
    Mutant(
        "settled_twice",
        "I14",
        sweeping.a_receipt_before_a_settlement,
        one("settle_v1", "IF c.status NOT IN ('granted', 'unknown') THEN", "IF false THEN"),
    ),
    # Effects.
    Mutant(
        "failure_of_an_unknown_call_frees_at_once",
        "I10",
        effects.a_failure_is_found_while_the_grant_lives,
        one("settle_v1", "OR (cited.evidence_level, cited", "AND (cited.evidence_level, cited"),
    ),
    Mutant(
        "effect_key_only_looked_up",
        "I10",
        effects.one_effect_wanted_by_two_sessions,
        before=(
            "DROP INDEX placet.replay_effect_key_taken_ix",
            (
                "CREATE INDEX replay_effect_key_taken_ix ON placet.replay_effect_key"
                " (tenant_id, agent, environment, effect_key) WHERE released_at IS NULL"
            ),
        ),
        after=(
            "DROP INDEX placet.replay_effect_key_taken_ix",
            "ALTER TABLE placet.replay_effect_key NO FORCE ROW LEVEL SECURITY",
            (
                "UPDATE placet.replay_effect_key SET released_at = clock_timestamp()"
                " WHERE released_at IS NULL"
            ),
            "ALTER TABLE placet.replay_effect_key FORCE ROW LEVEL SECURITY",
            (
                "CREATE UNIQUE INDEX replay_effect_key_taken_ix ON placet.replay_effect_key"
                " (tenant_id, agent, environment, effect_key) WHERE released_at IS NULL"
            ),
        ),
    ),
    Mutant(
        "effect_key_fault_not_answered",
        "I35",
        effects.one_effect_wanted_by_two_sessions,
        one("propose_v1", "WHEN unique_violation THEN", "WHEN SQLSTATE 'PL002' THEN"),
    ),
    Mutant(
        "effect_key_neither_looked_up_nor_told",
        "I10",
        effects.one_effect_wanted_by_two_sessions,
        one("grants_stand_v1", TAKEN_NOW, TAKEN_NOW + " AND false"),
    ),
    Mutant(
        "effect_keys_in_any_order",
        "I35",
        effects.two_effects_wanted_in_another_order,
        one("propose_v1", "        ORDER BY c.effect_key;\n", ";\n"),
    ),
]

SECOND_GUARDS = [
    *STANDING_TWICE,
    Mutant(
        "responses_without_a_lock_meet_the_sequence_of_events",
        "I2",
        writing.a_steal_before_a_response,
        NO_LOCK,
    ),
    Mutant(
        "consuming_without_is_null_meets_the_look_under_the_lock",
        "I7",
        writing.two_responses_to_one_prepared_request,
        one("propose_v1", "= p_prepared AND r.consumed_at IS NULL;", "= p_prepared;"),
    ),
    Mutant(
        "consuming_without_is_null_or_lock_meets_the_sequence_of_events",
        "I7",
        writing.two_responses_to_one_prepared_request,
        (
            *NO_LOCK,
            Change("propose_v1", "= p_prepared AND r.consumed_at IS NULL;", "= p_prepared;"),
        ),
    ),
    Mutant(
        "a_sweep_on_any_version_meets_the_look_at_its_calls",
        "I40",
        sweeping.a_receipt_before_a_sweep,
        one("sweep_v1", "IF s.state_version <> p_decided_version THEN", "IF false THEN"),
    ),
    Mutant(
        "a_start_of_any_status_meets_the_end_of_its_grant",
        "I40",
        sweeping.a_sweep_before_a_start,
        one("start_v1", "WHEN c.status <> 'granted' THEN", "WHEN false THEN"),
    ),
    Mutant(
        "replays_in_a_killed_tenant_meet_the_control_epoch",
        "I11",
        again.a_response_again_after_a_kill_of_the_tenant,
        BARRED_UNREAD,
    ),
    Mutant(
        "effect_keys_not_looked_up_meet_their_index",
        "I10",
        effects.one_effect_wanted_by_two_sessions,
        one(
            "propose_v1", "        taken := placet.effects_taken_v1(s, p_calls);\n        IF", "IF"
        ),
    ),
]
"""Guards that have a second one behind them: taken away alone, they let nothing through."""
