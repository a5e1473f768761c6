-- Write down that a session ended with its approval: what controls and clock have said already.
-- Run by a worker for one tenant at a time; idempotent, and safe on several nodes at once.
CREATE FUNCTION placet.session_end_v1(
    p_tenant uuid, p_session uuid, p_actor uuid, p_barred text, p_from text[], p_status text,
    p_why text, p_decided_version bigint, p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s placet.replay_session;
    gate record;
    w record;
BEGIN
    PERFORM set_config('placet.tenant', p_tenant::text, true);
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    SELECT * INTO gate FROM placet.gate_read_v1(p_tenant);
    IF placet.session_barred_v1(
            p_tenant, gate.control_epoch, NULL, s.artifact_id, s.authority_until, NULL)
        IS DISTINCT FROM p_barred
        -- Race: an ask may have been made since, and let the session's time stand still.
        OR s.state_version <> p_decided_version
    THEN
        code := 'redo';
        RETURN;
    END IF;
    code := 'ok';
    IF s.status <> ALL (p_from) THEN
        RETURN;
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        p_tenant, p_session, p_actor, s.epoch, s.fence, gate.control_epoch,
        s.control_revision + 1, ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session;
    PERFORM placet.session_finish_v1(s, p_status, p_why, NULL, w.io_at);
END
$$;
