-- What became of a session's overdue calls, decided on one version of its facts.
-- Run by the sweeper for one tenant at a time; idempotent, and safe on several nodes at once.
CREATE FUNCTION placet.sweep_v1(
    p_tenant uuid, p_session uuid, p_actor uuid, p_decided_version bigint,
    p_calls jsonb, p_state bytea, p_phase text, p_status text, p_left jsonb, p_stop jsonb,
    p_taken timestamptz,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s placet.replay_session;
    w record;
    v_store record;
    v_control bigint;
    v_next timestamptz;
    v_met int;
    v_at timestamptz;
    v_finished boolean;
    v_ids uuid[];
    v_done uuid[];
    v_ended timestamptz;
    v_stops boolean;
    v_to int;
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    -- Invariant: nothing is abandoned that may have begun in what a restore lost.
    SELECT * INTO v_store FROM placet.storage_epoch_v1();
    IF NOT v_store.is_current OR s.epoch < v_store.epoch THEN
        code := 'redo';
        RETURN;
    END IF;
    -- A session may have been completed before, by its close: then there is nothing to finish.
    v_finished := p_status = 'completed' AND s.status <> 'completed';
    IF s.state_version <> p_decided_version THEN
        code := 'redo';
        RETURN;
    END IF;
    -- Race: a close leaves the version as it is, and a session that closes is never active again.
    IF s.status = 'closing' AND p_status = 'active' THEN
        code := 'redo';
        RETURN;
    END IF;
    -- Race: between the sweeper's look and this lock a receipt may have come, a tool may have
    -- started or a last call may have been granted; each makes the decision stale.
    SELECT coalesce(array_agg(n.call_id), '{}'),
           coalesce(array_agg(n.call_id) FILTER (WHERE n.status <> 'unknown'), '{}')
    INTO v_ids, v_done
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text);
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(
        call_id uuid, was text, was_execution text, status text, evidence_level text,
        settled_by uuid)
    JOIN placet.replay_pending_call AS c
        -- Named as a list too, or all of a long session is read where most are short.
        ON c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = ANY (v_ids)
       AND c.call_id = n.call_id
       AND c.status = n.was AND c.execution_state = n.was_execution
       AND (c.status = 'held'
            OR coalesce(c.grant_expires_at, c.deadline_at) <= clock_timestamp())
       AND (n.status <> 'abandoned' OR NOT EXISTS (
            SELECT FROM placet.replay_execution_receipt AS r
            WHERE r.tenant_id = p_tenant AND r.session_id = p_session
              AND r.pending_call_id = c.call_id))
       -- A host's key may have been revoked since too.
       AND (n.evidence_level IS DISTINCT FROM 'executor_attested' OR EXISTS (
            SELECT FROM placet.replay_execution_receipt AS r
            WHERE r.tenant_id = p_tenant AND r.session_id = p_session
              AND r.receipt_id = n.settled_by
              AND placet.host_attests_v1(
                  p_tenant, s.environment, c.tool_name, r.attested_by)));
    IF v_met <> jsonb_array_length(p_calls) OR (
        v_finished AND s.status NOT IN ('active', 'closing'))
    THEN
        code := 'redo';
        RETURN;
    END IF;
    IF v_finished AND EXISTS (
        SELECT FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = p_tenant AND c.session_id = p_session
          AND c.status IN ('granted', 'unknown') AND c.call_id <> ALL (v_done))
    THEN
        code := 'redo';
        RETURN;
    END IF;
    -- What has ended is not stopped again; the event of the stop is the last one.
    v_stops := p_stop IS NOT NULL AND s.status IN ('active', 'closing');
    v_to := cardinality(p_events) - (p_stop IS NOT NULL AND NOT v_stops)::int;
    v_at := clock_timestamp();
    UPDATE placet.replay_pending_call AS c
    SET status = n.status, execution_state = n.execution_state, commit_state = n.commit_state,
        blocked_why = coalesce(n.blocked_why, c.blocked_why),
        evidence_level = coalesce(n.evidence_level, c.evidence_level),
        settled_by = n.settled_by,
        settled_at = CASE WHEN n.status = 'settled' THEN v_at END,
        committed_at = CASE WHEN n.commit_state = 'committed' THEN v_at END,
        counts = c.counts AND NOT n.frees_effect_key
    FROM jsonb_to_recordset(p_calls) AS n(
        call_id uuid, status text, execution_state text, commit_state text, blocked_why text,
        evidence_level text, settled_by uuid, frees_effect_key boolean)
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = ANY (v_ids)
      AND c.call_id = n.call_id;
    IF p_left ? 'is_wide' THEN
        PERFORM placet.slices_free_v1(s, p_left, v_at);
    END IF;
    UPDATE placet.replay_effect_key AS k SET released_at = v_at
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, frees_effect_key boolean)
    WHERE k.tenant_id = p_tenant AND k.session_id = p_session AND k.call_id = ANY (v_ids)
      AND k.call_id = n.call_id
      AND n.frees_effect_key AND k.released_at IS NULL;
    PERFORM placet.session_leave_v1(s, p_left, v_at);
    -- Invariant: what is granted, or waits for people, is due no earlier than its session.
    SELECT CASE WHEN grant_expires_at IS NULL THEN deadline_at ELSE grant_expires_at END
    INTO v_next
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session
      AND CASE WHEN grant_expires_at IS NULL THEN deadline_at ELSE grant_expires_at END
          >= s.next_due_at
      AND c.status IN ('granted', 'awaiting_approval')
    ORDER BY CASE WHEN grant_expires_at IS NULL THEN deadline_at ELSE grant_expires_at END
    LIMIT 1;
    IF v_next IS NULL OR p_status = 'completed' THEN
        v_next := 'infinity';
    END IF;
    IF p_status = 'closing' AND s.status = 'active' THEN
        v_next := least(v_next, v_at);
    END IF;
    SELECT g.control_epoch INTO v_control
    FROM placet.authority_control_gate AS g WHERE g.tenant_id = p_tenant;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, s.epoch, s.fence, coalesce(v_control, 0),
        s.control_revision + v_stops::int,
        p_events[1:v_to], p_types[1:v_to], p_salts[1:v_to], p_bodies[1:v_to],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    -- Fewer calls wait then, and how long a session waits is a fact that decisions read.
    SET state_version = s.state_version + (p_state <> s.state OR EXISTS (
            SELECT FROM jsonb_to_recordset(p_calls) AS n(was text)
            WHERE n.was = 'awaiting_approval'))::int,
        state = p_state,
        current_phase = p_phase,
        status = CASE WHEN s.status IN ('active', 'closing') THEN p_status ELSE s.status END,
        ended_at = CASE WHEN v_finished THEN w.io_at ELSE s.ended_at END,
        ended_why = CASE WHEN v_finished THEN 'every call is settled' ELSE s.ended_why END,
        next_due_at = v_next,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    -- An ask ended at its deadline, whenever the sweeper came.
    v_ended := (
        SELECT max(c.deadline_at)
        FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
        JOIN placet.replay_pending_call AS c
            ON c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = ANY (v_ids)
           AND c.call_id = n.call_id
        WHERE n.status = 'expired');
    IF s.waiting_since IS NOT NULL AND p_status IN ('closing', 'completed') THEN
        PERFORM placet.session_asks_end_v1(s, v_at);
    ELSIF s.waiting_since IS NOT NULL AND v_ended IS NOT NULL THEN
        PERFORM placet.session_waits_v1(s, v_ended);
    END IF;
    IF v_stops THEN
        PERFORM placet.session_finish_v1(
            s, 'killed', p_stop ->> 'limit', (p_stop ->> 'call_id')::uuid, w.io_at);
    END IF;
    PERFORM placet.work_due_done_v1(
        'sweep_session', p_session, p_taken, nullif(v_next, 'infinity'));
    code := 'ok';
END
$$;
