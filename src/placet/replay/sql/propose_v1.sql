-- Consume a prepared request: register every call of a model's response and grant what may run.
CREATE FUNCTION placet.propose_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint,
    p_prepared uuid, p_request_hash bytea, p_proposal_hash bytea,
    p_decided_version bigint, p_holds_from timestamptz, p_holds_until timestamptz,
    p_tools_told bigint,
    p_calls jsonb, p_answer bytea, p_state bytea, p_phase text, p_closes boolean, p_granted int,
    p_left jsonb, p_stop jsonb,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT facts jsonb, OUT taken bytea[], OUT answer bytea, OUT signable uuid[],
    OUT request_seq bigint, OUT state_version bigint, OUT control_revision bigint,
    OUT epoch bigint, OUT fence bigint, OUT grant_control_epoch bigint,
    OUT grant_control_revision bigint, OUT granted_at timestamptz, OUT decided_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    q placet.replay_prepared_request;
    w record;
    v_at timestamptz;
    v_due timestamptz;
    v_asks boolean;
BEGIN
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, true);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    SELECT * INTO q FROM placet.replay_prepared_request AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
      AND r.prepared_request_id = p_prepared;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    -- Was it answered before? The first decisions are the answer; what follows only says whether
    -- their grants may still be signed.
    IF q.consumed_at IS NOT NULL THEN
        IF q.proposal_hash <> p_proposal_hash OR q.consumed_holder <> p_holder THEN
            code := 'prepared_request_consumed';
            RETURN;
        END IF;
        code := 'replayed';
        facts := placet.session_facts_v1(s);
        answer := q.answer;
        request_seq := q.request_seq;
        decided_at := q.consumed_at;
        state_version := s.state_version;
        control_revision := s.control_revision;
        -- A grant is signed anew only for a call that could still be begun under it.
        signable := placet.grants_signable_v1(
            s, e.barred, p_holder, p_prepared, q.consumed_at, e.control_epoch);
        SELECT c.grant_epoch, c.grant_fence, c.grant_control_epoch, c.grant_control_revision,
               c.granted_at
        INTO epoch, fence, grant_control_epoch, grant_control_revision, granted_at
        FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
          AND c.prepared_request_id = p_prepared AND c.granted_at = q.consumed_at LIMIT 1;
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
    code := CASE
        WHEN q.request_hash <> p_request_hash THEN 'request_hash_mismatch'
        WHEN q.expires_at <= v_at THEN 'prepared_request_expired'
        WHEN NOT placet.grant_stands_v1(
            s, NULL, q.control_revision, q.control_epoch, e.control_epoch)
            THEN 'stale_control'
        WHEN s.state_version <> p_decided_version OR v_at < p_holds_from OR v_at >= p_holds_until
            OR placet.tools_moved_v1(s.tenant_id, p_tools_told, e.control_epoch)
            THEN 'redo'
        ELSE 'ok'
    END;
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
    -- Nobody is asked what a standing grant answers that this process has not seen.
    IF code = 'ok' AND p_calls @> '[{"status": "awaiting_approval"}]'
        AND placet.standing_unseen_v1(s, p_calls, v_at)
    THEN
        code := 'redo';
    END IF;
    -- What waits for people has a bound: the sweeper and whoever takes over read all of it.
    IF code = 'ok' AND s.waiting_since IS NOT NULL
        AND p_calls @> '[{"status": "awaiting_approval"}]' AND 256 < (
            SELECT count(*) FROM placet.replay_pending_call AS c
            WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
              AND c.status = 'awaiting_approval') + (
            SELECT count(*) FROM jsonb_to_recordset(p_calls) AS c(status text)
            WHERE c.status = 'awaiting_approval')
    THEN
        code := 'asks_full';
    END IF;
    IF code <> 'ok' THEN
        IF code = 'redo' THEN
            facts := placet.session_facts_v1(s) || placet.slices_told_v1(s, p_left -> 'wide')
                || placet.tallies_told_v1(s, p_left -> 'tallied');
        END IF;
        RETURN;
    END IF;

    v_due := s.next_due_at;
    BEGIN
        UPDATE placet.replay_prepared_request AS r
        SET consumed_at = v_at, consumed_epoch = s.epoch, consumed_fence = s.fence,
            consumed_holder = p_holder, decided_version = s.state_version,
            proposal_hash = p_proposal_hash, answer = p_answer
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.prepared_request_id = p_prepared AND r.consumed_at IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the prepared request was consumed' USING ERRCODE = 'PL001';
        END IF;
        INSERT INTO placet.replay_pending_call (
            tenant_id, session_id, call_id, prepared_request_id, step_id, ordinal, tool_call_id,
            tool_name, arguments_hash, arguments, verdict, layer, reasons, blocked_why,
            effect_key, commit_requirement, start_required, evidence_level, execution_state,
            commit_state, status, proposed_at, deadline_at, granted_at, grant_expires_at,
            grant_epoch, grant_fence, grant_control_epoch, grant_control_revision,
            counts, phase_at_grant)
        SELECT s.tenant_id, s.session_id, c.call_id, p_prepared, q.request_seq, c.ordinal,
               c.tool_call_id, c.tool_name, c.arguments_hash, c.arguments, c.verdict, c.layer,
               c.reasons, c.blocked_why, c.effect_key, c.commit_requirement, c.start_required,
               'none', 'not_started', c.commit_state, c.status, v_at,
               v_at + make_interval(secs => c.ask_seconds),
               CASE WHEN c.status = 'granted' THEN v_at END,
               CASE WHEN c.status = 'granted'
                    THEN v_at + make_interval(secs => c.grant_ms / 1000.0) END,
               CASE WHEN c.status = 'granted' THEN s.epoch END,
               CASE WHEN c.status = 'granted' THEN s.fence END,
               CASE WHEN c.status = 'granted' THEN e.control_epoch END,
               CASE WHEN c.status = 'granted' THEN s.control_revision END,
               c.counts, CASE WHEN c.counts THEN s.current_phase END
        FROM jsonb_to_recordset(p_calls) AS c(
            call_id uuid, ordinal bigint, tool_call_id text, tool_name text,
            arguments_hash bytea, arguments bytea, verdict text, layer bigint, reasons jsonb,
            blocked_why text, effect_key bytea, commit_requirement text, start_required boolean,
            commit_state text, status text, ask_seconds double precision,
            grant_ms double precision, counts boolean);
        IF p_left ? 'wide' THEN
            PERFORM placet.slices_take_v1(s, p_left -> 'wide', v_at);
        END IF;
        IF p_left ? 'tallied' THEN
            PERFORM placet.tallies_take_v1(s, p_left -> 'tallied', v_at);
        END IF;
        IF jsonb_path_exists(p_calls, '$[*].standing_id ? (@ != null)')
            AND NOT placet.standing_take_v1(s, p_calls, v_at)
        THEN
            RAISE EXCEPTION 'a standing grant answers no more' USING ERRCODE = 'PL003';
        END IF;
        -- Race: two sessions may want one effect; the unique index lets one have it, and the
        -- sorted order keeps two that want several from waiting on each other.
        INSERT INTO placet.replay_effect_key (
            tenant_id, session_id, call_id, agent, environment, tool_name, effect_key, taken_at)
        SELECT s.tenant_id, s.session_id, c.call_id, s.agent, s.environment, c.tool_name,
               c.effect_key, v_at
        FROM jsonb_to_recordset(p_calls) AS c(
            call_id uuid, tool_name text, effect_key bytea, status text)
        WHERE c.status = 'granted' AND c.effect_key IS NOT NULL
        ORDER BY c.effect_key;
        IF p_left ? 'wide' OR p_left ? 'tallied' OR jsonb_path_exists(
            p_calls, '$[*] ? (@.effect_key != null || @.standing_id != null)')
        THEN
            PERFORM placet.decision_lasts_v1(s, least(p_holds_until, q.expires_at));
        END IF;
        PERFORM placet.session_leave_v1(s, p_left, v_at);
        SELECT bool_or(c.status = 'awaiting_approval'), least(v_due, min(coalesce(
                v_at + make_interval(secs => c.ask_seconds),
                CASE WHEN c.status = 'granted'
                     THEN v_at + make_interval(secs => c.grant_ms / 1000.0) END)))
        INTO v_asks, v_due
        FROM jsonb_to_recordset(p_calls) AS c(
            status text, ask_seconds double precision, grant_ms double precision);
        IF p_closes THEN
            v_due := least(v_due, v_at);
        END IF;
        IF v_due < s.next_due_at THEN
            PERFORM placet.work_due_put_v1('sweep_session', s.session_id, v_due);
        END IF;
        SELECT * INTO w FROM placet.event_write_v1(
            s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
            s.control_revision + (p_stop IS NOT NULL)::int, p_events, p_types, p_salts, p_bodies,
            s.next_seq, s.head, s.last_event_at);
        UPDATE placet.replay_session AS r
        -- An ask lets the session's time stand still, and that is a fact that decisions read.
        SET state_version = s.state_version
                + (p_state <> s.state OR coalesce(v_asks, false))::int,
            state = p_state,
            current_phase = p_phase,
            status = CASE WHEN p_closes THEN 'closing' ELSE s.status END,
            total_tool_calls = s.total_tool_calls + p_granted,
            total_step_count = s.total_step_count + (p_granted > 0)::int,
            next_due_at = v_due,
            waiting_since = coalesce(s.waiting_since, CASE WHEN v_asks THEN v_at END),
            next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
        RETURNING r.state_version INTO state_version;
        IF p_closes THEN
            PERFORM placet.session_asks_end_v1(s, v_at);
        END IF;
        IF p_stop IS NOT NULL THEN
            PERFORM placet.session_finish_v1(
                s, 'killed', p_stop ->> 'limit', (p_stop ->> 'call_id')::uuid, w.io_at);
        END IF;
        IF p_left ? 'tallied' THEN
            PERFORM placet.tallies_clean_v1(s, p_left -> 'tallied');
        END IF;
    EXCEPTION
        WHEN unique_violation THEN
            taken := placet.effects_taken_v1(s, p_calls);
            code := 'redo';
            facts := placet.session_facts_v1(s);
            RETURN;
        WHEN SQLSTATE 'PL004' THEN
            code := 'allowance_full';
            RETURN;
        WHEN SQLSTATE 'PL003' THEN
            code := 'redo';
            facts := placet.session_facts_v1(s) || placet.slices_told_v1(s, p_left -> 'wide')
                || placet.tallies_told_v1(s, p_left -> 'tallied');
            RETURN;
        WHEN SQLSTATE 'PL001' THEN
            code := 'prepared_request_consumed';
            RETURN;
    END;
    answer := p_answer;
    SELECT array_agg(c.call_id) INTO signable
    FROM jsonb_to_recordset(p_calls) AS c(call_id uuid, status text)
    WHERE c.status = 'granted';
    request_seq := q.request_seq;
    control_revision := s.control_revision;
    epoch := s.epoch;
    fence := s.fence;
    grant_control_epoch := e.control_epoch;
    grant_control_revision := s.control_revision;
    granted_at := CASE WHEN p_granted > 0 THEN v_at END;
    decided_at := v_at;
END
$$;
