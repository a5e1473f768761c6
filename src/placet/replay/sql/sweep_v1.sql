-- What became of a session's overdue calls, decided on one version of its facts.
-- Run by the sweeper for one tenant at a time; idempotent, and safe on several nodes at once.
CREATE FUNCTION placet.sweep_v1(
    p_tenant uuid, p_session uuid, p_actor uuid, p_decided_version bigint,
    p_calls jsonb, p_state bytea, p_finished boolean,
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
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    IF s.state_version <> p_decided_version THEN
        code := 'redo';
        RETURN;
    END IF;
    -- Race: between the sweeper's look and this lock a receipt may have come, a tool may have
    -- started or a last call may have been granted; each makes the decision stale.
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, was text, was_execution text)
    JOIN placet.replay_pending_call AS c
        ON c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = n.call_id
       AND c.status = n.was AND c.execution_state = n.was_execution
       AND (c.status = 'held'
            OR coalesce(c.grant_expires_at, c.deadline_at) <= clock_timestamp());
    IF v_met <> jsonb_array_length(p_calls) OR (p_finished AND s.status <> 'closing') THEN
        code := 'redo';
        RETURN;
    END IF;
    IF p_finished AND EXISTS (
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
    UPDATE placet.replay_pending_call AS c
    SET status = n.status, execution_state = n.execution_state, commit_state = n.commit_state,
        blocked_why = coalesce(n.blocked_why, c.blocked_why)
    FROM jsonb_to_recordset(p_calls) AS n(
        call_id uuid, status text, execution_state text, commit_state text, blocked_why text)
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = n.call_id;
    UPDATE placet.replay_effect_key AS k SET released_at = clock_timestamp()
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
    WHERE k.tenant_id = p_tenant AND k.session_id = p_session AND k.call_id = n.call_id
      AND n.status = 'abandoned' AND k.released_at IS NULL;
    SELECT coalesce(min(coalesce(c.grant_expires_at, c.deadline_at)), 'infinity') INTO v_next
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session
      AND c.status IN ('granted', 'awaiting_approval');
    SELECT g.control_epoch INTO v_control
    FROM placet.authority_control_gate AS g WHERE g.tenant_id = p_tenant;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, s.epoch, s.fence, coalesce(v_control, 0),
        s.control_revision, p_events, p_types, p_salts, p_bodies,
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET state_version = s.state_version + (p_state <> s.state)::int, state = p_state,
        status = CASE WHEN p_finished THEN 'completed' ELSE s.status END,
        ended_at = CASE WHEN p_finished THEN w.io_at ELSE s.ended_at END,
        ended_why = CASE WHEN p_finished THEN 'every call is settled' ELSE s.ended_why END,
        next_due_at = v_next,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    PERFORM placet.work_due_done_v1(
        'sweep_session', p_session, p_taken, nullif(v_next, 'infinity'));
    code := 'ok';
END
$$;
