-- Redeem a grant, once, just before the tool runs.
CREATE FUNCTION placet.start_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint, p_call uuid, p_start uuid,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT status text, OUT execution_state text, OUT started_at timestamptz,
    OUT replayed boolean
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    c placet.replay_pending_call;
    w record;
    v_at timestamptz;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, true);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    SELECT * INTO c FROM placet.replay_pending_call AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = p_call;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    status := c.status;
    execution_state := c.execution_state;
    started_at := c.started_at;
    IF e.barred IS NOT NULL THEN
        code := e.barred;
        RETURN;
    END IF;
    code := placet.session_writer_v1(s, p_holder, p_epoch, p_fence);
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    v_at := clock_timestamp();
    -- A grant is redeemed under the fence and the controls that it was given under.
    code := CASE
        WHEN c.status <> 'granted' THEN 'transition_not_allowed'
        WHEN c.execution_state <> 'not_started'
            AND (c.execution_state <> 'started' OR c.start_id IS DISTINCT FROM p_start)
            THEN 'transition_not_allowed'
        WHEN (c.grant_epoch, c.grant_fence) <> (s.epoch, s.fence) THEN 'transition_not_allowed'
        WHEN c.tool_name = ANY (placet.tools_killed_v1(s.tenant_id, e.control_epoch))
            THEN 'tool_killed'
        WHEN NOT placet.grant_stands_v1(
            s, c.tool_name, c.grant_control_revision, c.grant_control_epoch, e.control_epoch)
            THEN 'stale_control'
        WHEN c.grant_expires_at <= v_at THEN 'grant_expired'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    -- The same start again, while it would still be allowed: its answer was lost.
    IF c.start_id = p_start THEN
        replayed := true;
        RETURN;
    END IF;
    UPDATE placet.replay_pending_call AS r
    SET execution_state = 'started', start_id = p_start, started_at = v_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = p_call;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision, ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    execution_state := 'started';
    started_at := v_at;
END
$$;
