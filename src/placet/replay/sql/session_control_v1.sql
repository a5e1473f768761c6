-- Put a control on one session: labels, labels taken away again, tools taken away, or the word that
-- it was bypassed. Needs no lease; what stands already is answered and not said twice. With an
-- idempotency key, the first answer is kept for it, whatever became of the session since.
CREATE FUNCTION placet.session_control_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid, p_scopes text[],
    p_action text, p_labels jsonb, p_names jsonb, p_reason text, p_most int,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    p_route text, p_key text, p_fingerprint bytea,
    OUT code text, OUT status text, OUT labels jsonb, OUT filtered jsonb,
    OUT state_version bigint, OUT control_revision bigint, OUT replayed boolean, OUT answer bytea
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    w record;
    had placet.idempotency_answer;
    v_ends boolean;
    v_moves boolean;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, p_scopes, p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    SELECT * INTO had FROM placet.idempotency_answer AS a
    WHERE a.tenant_id = s.tenant_id AND a.actor_id = e.actor AND a.route = p_route
      AND a.key = p_key;
    IF FOUND THEN
        code := CASE WHEN had.fingerprint = p_fingerprint THEN 'kept'
                     ELSE 'idempotency_conflict' END;
        answer := CASE WHEN code = 'kept' THEN had.body END;
        RETURN;
    END IF;
    status := s.status;
    state_version := s.state_version;
    control_revision := s.control_revision;
    labels := s.labels || coalesce(p_labels, '{}');
    filtered := s.filtered;
    IF p_action = 'clear_labels' THEN
        SELECT coalesce(jsonb_object_agg(n.key, n.value), '{}') INTO labels
        FROM jsonb_each(s.labels) AS n WHERE NOT p_names ? n.key;
    ELSIF p_action = 'filter' THEN
        SELECT jsonb_agg(n.tool ORDER BY n.tool COLLATE "C") INTO filtered
        FROM (SELECT DISTINCT t.tool
              FROM jsonb_array_elements_text(s.filtered || p_names) AS t(tool)) AS n;
    END IF;
    v_moves := labels <> s.labels OR filtered <> s.filtered;
    replayed := CASE p_action WHEN 'bypass' THEN s.compromised_at IS NOT NULL ELSE NOT v_moves END;
    -- That a session was bypassed is kept whatever became of it; the rest is for one that goes on.
    code := CASE
        WHEN replayed OR p_action = 'bypass' THEN 'ok'
        WHEN s.status <> 'active' THEN 'session_' || s.status
        WHEN p_action = 'label' AND NOT 'operate' = ANY (e.scopes) AND EXISTS (
            SELECT FROM jsonb_each_text(s.labels) AS n
            WHERE p_labels ? n.key AND p_labels ->> n.key <> n.value) THEN 'label_taken'
        WHEN (SELECT count(*) FROM jsonb_object_keys(labels)) > p_most
            OR jsonb_array_length(filtered) > p_most THEN 'controls_full'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    control_revision := s.control_revision + (NOT replayed)::int;
    -- Decisions read labels and filter, so that the version of what they read rises with these.
    state_version := s.state_version + v_moves::int;
    IF p_key IS NOT NULL THEN
        answer := convert_to(jsonb_build_object(
            'session_id', s.session_id, 'status', status, 'labels', labels,
            'filtered_tools', filtered, 'state_version', state_version,
            'control_revision', control_revision, 'replayed', replayed)::text, 'UTF8');
        -- Race: the same key may be used for another session at the same time.
        INSERT INTO placet.idempotency_answer (
            tenant_id, actor_id, route, key, fingerprint, status, body, created_at)
        VALUES (
            s.tenant_id, e.actor, p_route, p_key, p_fingerprint, 200, answer, clock_timestamp())
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            code := 'idempotency_conflict';
            RETURN;
        END IF;
    END IF;
    IF replayed THEN
        RETURN;
    END IF;
    v_ends := p_action = 'bypass' AND s.status IN ('active', 'closing');
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch, control_revision,
        ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET labels = session_control_v1.labels, filtered = session_control_v1.filtered,
        state_version = session_control_v1.state_version,
        control_revision = session_control_v1.control_revision,
        compromised_at = CASE WHEN p_action = 'bypass' THEN w.io_at ELSE s.compromised_at END,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    IF v_ends THEN
        status := 'compromised';
        PERFORM placet.session_finish_v1(s, 'compromised', p_reason, NULL, w.io_at);
    END IF;
END
$$;
