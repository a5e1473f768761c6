-- Bind a model request to the state of the session: a prepared request, single use, that expires.
CREATE FUNCTION placet.preflight_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint,
    p_decided_version bigint, p_holds_from timestamptz, p_holds_until timestamptz,
    p_tools_told bigint,
    p_prepared uuid, p_request_hash bytea, p_request jsonb, p_narrowing jsonb, p_ttl_seconds int,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT facts jsonb, OUT request_seq bigint, OUT expires_at timestamptz,
    OUT state_version bigint, OUT control_revision bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    w record;
    v_at timestamptz;
BEGIN
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    IF e.barred IS NOT NULL THEN
        code := e.barred;
        RETURN;
    END IF;
    code := placet.session_writer_v1(s, p_holder, p_epoch, p_fence);
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    v_at := clock_timestamp();
    IF s.state_version <> p_decided_version OR v_at < p_holds_from OR v_at >= p_holds_until
        OR placet.tools_moved_v1(s.tenant_id, p_tools_told, e.control_epoch)
        -- What is killed is offered to no model, unless the session only records.
        OR (s.mode = 'enforce' AND p_narrowing -> 'tools'
            ?| placet.tools_killed_v1(s.tenant_id, e.control_epoch))
    THEN
        code := 'redo';
        facts := placet.session_facts_v1(s);
        RETURN;
    END IF;
    request_seq := s.next_request_seq;
    expires_at := v_at + make_interval(secs => p_ttl_seconds);
    state_version := s.state_version;
    control_revision := s.control_revision;
    INSERT INTO placet.replay_prepared_request (
        tenant_id, session_id, prepared_request_id, request_seq, state_version, control_epoch,
        control_revision, request_hash, prepared_request_json, narrowing_json, created_at,
        expires_at)
    VALUES (
        s.tenant_id, s.session_id, p_prepared, request_seq, s.state_version, e.control_epoch,
        s.control_revision, p_request_hash, p_request, p_narrowing, v_at, expires_at);
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision, ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET next_request_seq = s.next_request_seq + 1,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
END
$$;
