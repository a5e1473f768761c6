-- Grant what people said yes to, or refuse it for good: decided again on the session's present
-- facts, and written once. The claim's id makes a repeated claim the same one.
CREATE FUNCTION placet.claim_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint,
    p_call uuid, p_claim uuid, p_approved uuid[],
    p_decided_version bigint, p_holds_from timestamptz, p_holds_until timestamptz,
    p_tools_told bigint,
    p_calls jsonb, p_answer bytea, p_state bytea, p_phase text, p_closes boolean, p_granted int,
    p_left jsonb,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT facts jsonb, OUT taken bytea[], OUT answer bytea, OUT signable uuid[],
    OUT request_seq bigint, OUT state_version bigint, OUT control_revision bigint,
    OUT epoch bigint, OUT fence bigint, OUT grant_control_epoch bigint,
    OUT grant_control_revision bigint, OUT granted_at timestamptz, OUT decided_at timestamptz,
    OUT call_status text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    c placet.replay_pending_call;
    k placet.replay_claim;
    w record;
    v_at timestamptz;
    v_due timestamptz;
    v_until timestamptz;
    v_approved uuid[];
    v_status text;
    v_counted boolean;
    v_met int;
BEGIN
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
    call_status := c.status;
    request_seq := c.step_id;
    state_version := s.state_version;
    control_revision := s.control_revision;
    -- Was it answered before? The first decision is the answer; what follows only says whether its
    -- grants may still be signed.
    SELECT * INTO k FROM placet.replay_claim AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.claim_id = p_claim;
    IF FOUND THEN
        IF k.call_id <> p_call OR k.holder <> p_holder THEN
            code := 'idempotency_conflict';
            RETURN;
        END IF;
        code := 'replayed';
        facts := placet.session_facts_v1(s);
        answer := k.answer;
        decided_at := k.claimed_at;
        epoch := k.epoch;
        fence := k.fence;
        grant_control_epoch := k.control_epoch;
        grant_control_revision := k.control_revision;
        granted_at := k.claimed_at;
        signable := placet.grants_signable_v1(
            s, e.barred, p_holder, k.prepared_request_id, k.claimed_at, e.control_epoch);
        RETURN;
    END IF;
    IF e.barred IS NOT NULL THEN
        code := e.barred;
        RETURN;
    END IF;
    code := placet.session_writer_v1(s, p_holder, p_epoch, p_fence);
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    v_at := clock_timestamp();
    SELECT r.status INTO v_status FROM placet.replay_ask AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = p_call;
    code := CASE
        WHEN c.status <> 'awaiting_approval' OR c.deadline_at <= v_at THEN 'ask_closed'
        WHEN v_status IS DISTINCT FROM 'approved' THEN 'ask_open'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    -- What people said yes to in this step, and may still be claimed.
    SELECT coalesce(array_agg(r.call_id ORDER BY r.call_id), '{}'), min(r.deadline_at)
    INTO v_approved, v_until
    FROM placet.replay_pending_call AS r
    JOIN placet.replay_ask AS a
        ON a.tenant_id = r.tenant_id AND a.session_id = r.session_id AND a.call_id = r.call_id
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
      AND r.prepared_request_id = c.prepared_request_id AND r.status = 'awaiting_approval'
      AND r.deadline_at > v_at AND a.status = 'approved';
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid)
    JOIN placet.replay_pending_call AS r
        ON r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = n.call_id
       AND r.status IN ('awaiting_approval', 'held');
    -- Invariant: what was decided on is what stands here under the lock, the yeses among it.
    IF s.state_version <> p_decided_version OR v_approved <> p_approved
        OR v_at < p_holds_from OR v_at >= p_holds_until
        OR placet.tools_moved_v1(s.tenant_id, p_tools_told, e.control_epoch)
        OR v_met <> jsonb_array_length(p_calls)
    THEN
        code := 'redo';
    END IF;
    IF code = 'ok' THEN
        taken := placet.effects_taken_v1(s, p_calls);
        IF taken IS NOT NULL OR placet.grants_killed_v1(s.tenant_id, p_calls, e.control_epoch) THEN
            code := 'redo';
        END IF;
    END IF;
    -- A denial that rests on what other sessions take must still rest on it.
    IF code = 'ok' AND p_left ? 'wide' AND NOT placet.slices_hold_v1(s, p_left -> 'wide') THEN
        code := 'redo';
    END IF;
    IF code = 'redo' THEN
        facts := placet.session_facts_v1(s) || placet.claim_facts_v1(s, c, v_approved)
            || placet.slices_told_v1(s, p_left -> 'wide')
            || placet.tallies_told_v1(s, p_left -> 'tallied');
        RETURN;
    END IF;

    v_due := s.next_due_at;
    v_counted := EXISTS (
        SELECT FROM placet.replay_pending_call AS r
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.prepared_request_id = c.prepared_request_id AND r.granted_at IS NOT NULL);
    BEGIN
        UPDATE placet.replay_pending_call AS r
        SET status = n.status, blocked_why = n.blocked_why, commit_state = n.commit_state,
            granted_at = CASE WHEN n.status = 'granted' THEN v_at END,
            grant_expires_at = CASE WHEN n.status = 'granted'
                THEN v_at + make_interval(secs => n.grant_ms / 1000.0) END,
            grant_epoch = CASE WHEN n.status = 'granted' THEN s.epoch END,
            grant_fence = CASE WHEN n.status = 'granted' THEN s.fence END,
            grant_control_epoch = CASE WHEN n.status = 'granted' THEN e.control_epoch END,
            grant_control_revision = CASE WHEN n.status = 'granted' THEN s.control_revision END,
            counts = n.status = 'granted',
            phase_at_grant = CASE WHEN n.status = 'granted' THEN s.current_phase END
        FROM jsonb_to_recordset(p_calls) AS n(
            call_id uuid, status text, blocked_why text, commit_state text,
            grant_ms double precision)
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.call_id = n.call_id;
        IF p_left ? 'wide' THEN
            PERFORM placet.slices_take_v1(s, p_left -> 'wide', v_at);
        END IF;
        IF p_left ? 'tallied' THEN
            PERFORM placet.tallies_take_v1(s, p_left -> 'tallied', v_at);
        END IF;
        -- Race: two sessions may want one effect; the unique index lets one have it, and the
        -- sorted order keeps two that want several from waiting on each other.
        INSERT INTO placet.replay_effect_key (
            tenant_id, session_id, call_id, agent, environment, tool_name, effect_key, taken_at)
        SELECT s.tenant_id, s.session_id, n.call_id, s.agent, s.environment, n.tool_name,
               n.effect_key, v_at
        FROM jsonb_to_recordset(p_calls) AS n(
            call_id uuid, tool_name text, effect_key bytea, status text)
        WHERE n.status = 'granted' AND n.effect_key IS NOT NULL
        ORDER BY n.effect_key;
        IF p_left ? 'wide' OR p_left ? 'tallied' OR jsonb_path_exists(
            p_calls, '$[*] ? (@.effect_key != null)')
        THEN
            PERFORM placet.decision_lasts_v1(s, least(p_holds_until, v_until));
        END IF;
        INSERT INTO placet.replay_claim (
            tenant_id, session_id, claim_id, call_id, prepared_request_id, answer, holder, epoch,
            fence, control_epoch, control_revision, claimed_at)
        VALUES (s.tenant_id, s.session_id, p_claim, p_call, c.prepared_request_id, p_answer,
                p_holder, s.epoch, s.fence, e.control_epoch, s.control_revision, v_at);
        SELECT least(v_due, min(v_at + make_interval(secs => n.grant_ms / 1000.0)))
        INTO v_due
        FROM jsonb_to_recordset(p_calls) AS n(status text, grant_ms double precision)
        WHERE n.status = 'granted';
        IF p_closes THEN
            v_due := least(v_due, v_at);
        END IF;
        IF v_due < s.next_due_at THEN
            PERFORM placet.work_due_put_v1('sweep_session', s.session_id, v_due);
        END IF;
        SELECT * INTO w FROM placet.event_write_v1(
            s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
            s.control_revision, p_events, p_types, p_salts, p_bodies,
            s.next_seq, s.head, s.last_event_at);
        UPDATE placet.replay_session AS r
        -- Fewer calls wait now, and how long a session waits is a fact that decisions read.
        SET state_version = s.state_version + 1,
            state = p_state,
            current_phase = p_phase,
            status = CASE WHEN p_closes THEN 'closing' ELSE s.status END,
            total_tool_calls = s.total_tool_calls + p_granted,
            total_step_count = s.total_step_count + (p_granted > 0 AND NOT v_counted)::int,
            next_due_at = v_due,
            next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
        RETURNING r.state_version INTO state_version;
        PERFORM placet.session_leave_v1(s, p_left, v_at);
        IF p_closes THEN
            PERFORM placet.session_asks_end_v1(s, v_at);
        ELSE
            PERFORM placet.session_waits_v1(s, v_at);
        END IF;
        IF p_left ? 'tallied' THEN
            PERFORM placet.tallies_clean_v1(s, p_left -> 'tallied');
        END IF;
    EXCEPTION
        WHEN unique_violation THEN
            taken := placet.effects_taken_v1(s, p_calls);
            code := 'redo';
            facts := placet.session_facts_v1(s) || placet.claim_facts_v1(s, c, v_approved);
            RETURN;
        WHEN SQLSTATE 'PL004' THEN
            code := 'allowance_full';
            RETURN;
        WHEN SQLSTATE 'PL003' THEN
            code := 'redo';
            facts := placet.session_facts_v1(s) || placet.claim_facts_v1(s, c, v_approved)
                || placet.slices_told_v1(s, p_left -> 'wide')
                || placet.tallies_told_v1(s, p_left -> 'tallied');
            RETURN;
    END;
    answer := p_answer;
    SELECT array_agg(n.call_id) INTO signable
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
    WHERE n.status = 'granted';
    epoch := s.epoch;
    fence := s.fence;
    grant_control_epoch := e.control_epoch;
    grant_control_revision := s.control_revision;
    granted_at := CASE WHEN p_granted > 0 THEN v_at END;
    decided_at := v_at;
END
$$;

-- What a claim is decided on beside the session's facts: the calls of the step, and the yeses.
CREATE FUNCTION placet.claim_facts_v1(
    s placet.replay_session, c placet.replay_pending_call, p_approved uuid[])
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'prepared_request_id', c.prepared_request_id,
            'approved', to_jsonb(p_approved),
            'step', jsonb_agg(jsonb_build_object(
                'call_id', r.call_id, 'ordinal', r.ordinal, 'tool_call_id', r.tool_call_id,
                'tool', r.tool_name, 'arguments', convert_from(r.arguments, 'UTF8'),
                'status', r.status, 'counts', r.counts) ORDER BY r.ordinal))
        FROM placet.replay_pending_call AS r
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.prepared_request_id = c.prepared_request_id);
END
$$;
