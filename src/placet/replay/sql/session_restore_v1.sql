-- Bring a session of an earlier epoch into the present one, once it was raised: nobody holds it,
-- what was prepared or granted before is void, and of every call that was granted nobody knows what
-- became of it. What waits for people is cancelled: it may have been answered, and claimed, in what
-- was lost. Run for one tenant at a time; idempotent, and taken up again where it broke off.
CREATE FUNCTION placet.session_restore_v1(
    p_tenant uuid, p_session uuid, p_actor uuid, p_open uuid[],
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s placet.replay_session;
    v_store record;
    v_open uuid[];
    v_control bigint;
    w record;
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    SELECT * INTO v_store FROM placet.storage_epoch_v1();
    code := CASE WHEN NOT v_store.is_current THEN 'recovering'
                 WHEN s.epoch >= v_store.epoch THEN 'ok' END;
    IF code IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT coalesce(array_agg(c.call_id ORDER BY c.call_id), '{}') INTO v_open
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.status = 'granted';
    -- Race: a receipt may have settled one of them since they were read.
    IF v_open <> p_open THEN
        code := 'redo';
        RETURN;
    END IF;
    code := 'ok';
    UPDATE placet.replay_pending_call AS c SET status = 'unknown', execution_state = 'unknown'
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.status = 'granted';
    SELECT r.control_epoch INTO v_control FROM placet.gate_read_v1(p_tenant) AS r;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, v_store.epoch, s.fence, v_control, s.control_revision + 1,
        p_events, p_types, p_salts, p_bodies, s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET epoch = v_store.epoch, lease_request_id = NULL, lease_expires_at = '-infinity',
        -- Invariant: no prepared request and no grant of before stands under these controls.
        control_revision = s.control_revision + 1,
        -- Invariant: no version of a history that was lost comes back with other facts, so that what
        -- a process remembers of that one is never decided on: no two restores have one time.
        state_version = greatest(
            s.state_version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    PERFORM placet.session_asks_end_v1(s, w.io_at);
END
$$;

-- Stop a session again that was stopped in what is lost. Idempotent; one that has ended for good
-- stays as it ended.
CREATE FUNCTION placet.session_stop_again_v1(
    p_tenant uuid, p_session uuid, p_actor uuid, p_why text,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s placet.replay_session;
    v_control bigint;
    w record;
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    code := CASE WHEN NOT FOUND THEN 'not_found'
                 WHEN s.status IN ('killed', 'completed') THEN 'transition_not_allowed'
                 ELSE 'ok' END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    SELECT r.control_epoch INTO v_control FROM placet.gate_read_v1(p_tenant) AS r;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, s.epoch, s.fence, v_control, s.control_revision + 1,
        ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    PERFORM placet.session_finish_v1(s, 'killed', p_why, NULL, w.io_at);
END
$$;
