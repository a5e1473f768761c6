-- Close a session: it takes no new calls, and whatever waited for approval is cancelled.
-- The first event says so; the second, that nothing was left open, stands only where that is true.
CREATE FUNCTION placet.session_close_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint, p_reason text,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT status text, OUT cancelled uuid[], OUT unsettled uuid[],
    OUT state_version bigint, OUT control_revision bigint, OUT replayed boolean
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    w record;
    n int := 1;
    v_at timestamptz;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime', 'operate'], p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    status := s.status;
    state_version := s.state_version;
    control_revision := s.control_revision;
    SELECT coalesce(array_agg(c.call_id ORDER BY c.call_id)
               FILTER (WHERE c.status IN ('held', 'awaiting_approval')), '{}'),
           coalesce(array_agg(c.call_id ORDER BY c.call_id)
               FILTER (WHERE c.status IN ('granted', 'unknown')), '{}')
    INTO cancelled, unsettled
    FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
      AND c.status IN ('granted', 'unknown', 'held', 'awaiting_approval');
    -- A session that closes already, with nothing left to cancel, was closed before.
    IF s.status = 'completed' OR (s.status = 'closing' AND cancelled = '{}') THEN
        replayed := true;
        RETURN;
    END IF;
    -- A key that is not an agent's needs no lease: an operator may close what hangs.
    code := CASE
        WHEN s.status NOT IN ('active', 'closing') THEN 'session_' || s.status
        WHEN e.barred <> 'authority_expired' THEN e.barred
        WHEN 'operate' = ANY (e.scopes) AND NOT 'runtime' = ANY (e.scopes) THEN 'ok'
        WHEN s.holder IS DISTINCT FROM p_holder OR (s.epoch, s.fence) <> (p_epoch, p_fence)
            THEN 'lease_lost'
        WHEN s.lease_expires_at <= clock_timestamp() THEN 'lease_lost'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    status := 'closing';
    IF unsettled = '{}' THEN
        status := 'completed';
        n := 2;
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision, p_events[1:n], p_types[1:n], p_salts[1:n], p_bodies[1:n],
        s.next_seq, s.head, s.last_event_at);
    IF status = 'completed' THEN
        v_at := w.io_at;
    END IF;
    UPDATE placet.replay_session AS r
    SET status = session_close_v1.status, ended_at = v_at,
        ended_why = CASE WHEN v_at IS NOT NULL THEN p_reason END,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    PERFORM placet.session_asks_end_v1(s, w.io_at);
END
$$;
