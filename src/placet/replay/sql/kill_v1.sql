-- Stop a session for ever. Needs no lease; waits for nothing but the session's own row.
CREATE FUNCTION placet.kill_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid, p_reason text,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT status text, OUT control_revision bigint, OUT unconfirmed uuid[],
    OUT replayed boolean
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    w record;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['operate'], p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    IF s.status = 'completed' THEN
        code := 'session_completed';
        RETURN;
    END IF;
    control_revision := s.control_revision;
    status := 'killed';
    SELECT coalesce(array_agg(c.call_id ORDER BY c.call_id), '{}') INTO unconfirmed
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
      AND c.status IN ('granted', 'unknown');
    IF s.status = 'killed' THEN
        replayed := true;
        RETURN;
    END IF;
    control_revision := s.control_revision + 1;
    UPDATE placet.replay_pending_call AS c
    SET status = CASE WHEN c.status = 'held' THEN 'blocked' ELSE 'cancelled' END,
        blocked_why = CASE WHEN c.status = 'held' THEN 'response_refused' ELSE c.blocked_why END
    WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
      AND c.status IN ('held', 'awaiting_approval');
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision + 1, ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET status = 'killed', control_revision = kill_v1.control_revision,
        ended_at = coalesce(s.ended_at, w.io_at), ended_why = coalesce(s.ended_why, p_reason),
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
END
$$;
