-- Count calls that ran without a grant, once for each idempotency key, and stop the session where
-- that reaches the contract's limit. Needs no lease. The last event says that the session was
-- stopped, and stands only where that is so: one that has ended is not stopped again.
CREATE FUNCTION placet.unguarded_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_route text, p_idempotency_key text, p_fingerprint bytea,
    p_decided_version bigint, p_state bytea, p_stop text,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT facts jsonb, OUT answer bytea
)
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    s placet.replay_session;
    had placet.idempotency_answer;
    w record;
    v_stops boolean;
    v_to int;
BEGIN
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    SELECT * INTO had FROM placet.idempotency_answer AS a
    WHERE a.tenant_id = s.tenant_id AND a.actor_id = e.actor AND a.route = p_route
      AND a.key = p_idempotency_key;
    IF FOUND THEN
        code := CASE WHEN had.fingerprint = p_fingerprint THEN 'replayed'
                     ELSE 'idempotency_conflict' END;
        answer := CASE WHEN code = 'replayed' THEN had.body END;
        RETURN;
    END IF;
    IF s.state_version <> p_decided_version THEN
        code := 'redo';
        facts := placet.session_facts_v1(s);
        RETURN;
    END IF;
    v_stops := p_stop IS NOT NULL AND s.status IN ('active', 'closing');
    answer := convert_to(jsonb_build_object(
        'session_id', s.session_id,
        'status', CASE WHEN v_stops THEN 'killed' ELSE s.status END,
        'unguarded', (convert_from(p_state, 'UTF8')::jsonb ->> 'unguarded')::bigint,
        'state_version', s.state_version + 1,
        'control_revision', s.control_revision + v_stops::int,
        'stopped', CASE WHEN v_stops THEN p_stop END)::text, 'UTF8');
    -- Race: the same key may be used for another session at the same time.
    INSERT INTO placet.idempotency_answer (
        tenant_id, actor_id, route, key, fingerprint, status, body, created_at)
    VALUES (
        s.tenant_id, e.actor, p_route, p_idempotency_key, p_fingerprint, 200, answer,
        clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        code := 'idempotency_conflict';
        RETURN;
    END IF;
    v_to := array_length(p_events, 1) - (p_stop IS NOT NULL AND NOT v_stops)::int;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision + v_stops::int,
        p_events[1:v_to], p_types[1:v_to], p_salts[1:v_to], p_bodies[1:v_to],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET state = p_state, state_version = s.state_version + 1,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    IF v_stops THEN
        PERFORM placet.session_finish_v1(s, 'killed', p_stop, NULL, w.io_at);
    END IF;
END
$$;
