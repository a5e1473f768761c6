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
    v_control bigint;
    v_next timestamptz;
    v_met int;
    v_at timestamptz;
    v_finished boolean;
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    -- A session may have been completed before, by its close: then there is nothing to finish.
    v_finished := p_status = 'completed' AND s.status <> 'completed';
    IF s.state_version <> p_decided_version THEN
        code := 'redo';
        RETURN;
    END IF;
    -- Race: between the sweeper's look and this lock a receipt may have come, a tool may have
    -- started or a last call may have been granted; each makes the decision stale.
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(
        call_id uuid, was text, was_execution text, status text)
    JOIN placet.replay_pending_call AS c
        ON c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = n.call_id
       AND c.status = n.was AND c.execution_state = n.was_execution
       AND (c.status = 'held'
            OR coalesce(c.grant_expires_at, c.deadline_at) <= clock_timestamp())
       AND (n.status <> 'abandoned' OR NOT EXISTS (
            SELECT FROM placet.replay_execution_receipt AS r
            WHERE r.tenant_id = p_tenant AND r.session_id = p_session
              AND r.pending_call_id = c.call_id));
    IF v_met <> jsonb_array_length(p_calls) OR (v_finished AND s.status <> 'closing') THEN
        code := 'redo';
        RETURN;
    END IF;
    IF v_finished AND EXISTS (
        SELECT FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = p_tenant AND c.session_id = p_session
          AND c.status IN ('granted', 'unknown', 'held', 'awaiting_approval')
          AND c.call_id NOT IN (
              SELECT n.call_id
              FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
              WHERE n.status <> 'unknown'))
    THEN
        code := 'redo';
        RETURN;
    END IF;
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
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = n.call_id;
    UPDATE placet.replay_effect_key AS k SET released_at = v_at
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, frees_effect_key boolean)
    WHERE k.tenant_id = p_tenant AND k.session_id = p_session AND k.call_id = n.call_id
      AND n.frees_effect_key AND k.released_at IS NULL;
    PERFORM placet.session_leave_v1(s, p_left, v_at);
    SELECT coalesce(min(coalesce(c.grant_expires_at, c.deadline_at)), 'infinity') INTO v_next
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session
      AND c.status IN ('granted', 'awaiting_approval');
    IF p_status = 'closing' AND s.status = 'active' THEN
        v_next := v_at;
    END IF;
    SELECT g.control_epoch INTO v_control
    FROM placet.authority_control_gate AS g WHERE g.tenant_id = p_tenant;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, s.epoch, s.fence, coalesce(v_control, 0),
        s.control_revision + (p_stop IS NOT NULL)::int, p_events, p_types, p_salts, p_bodies,
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET state_version = s.state_version + (p_state <> s.state)::int, state = p_state,
        current_phase = p_phase,
        status = CASE WHEN s.status IN ('active', 'closing') THEN p_status ELSE s.status END,
        ended_at = CASE WHEN v_finished THEN w.io_at ELSE s.ended_at END,
        ended_why = CASE WHEN v_finished THEN 'every call is settled' ELSE s.ended_why END,
        next_due_at = v_next,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    IF s.waiting_since IS NOT NULL THEN
        -- An ask ended at its deadline, whenever the sweeper came.
        PERFORM placet.session_waits_v1(s, (
            SELECT max(c.deadline_at)
            FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
            JOIN placet.replay_pending_call AS c
                ON c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = n.call_id
            WHERE n.status = 'expired'));
    END IF;
    IF p_stop IS NOT NULL THEN
        PERFORM placet.session_finish_v1(
            s, 'killed', p_stop ->> 'limit', (p_stop ->> 'call_id')::uuid, w.io_at);
    END IF;
    PERFORM placet.work_due_done_v1(
        'sweep_session', p_session, p_taken, nullif(v_next, 'infinity'));
    code := 'ok';
END
$$;
