-- Keep a receipt, always; and settle its call with it when it may and the facts still hold.
-- The first event tells of the receipt; the others tell of the settlement and go with it.
CREATE FUNCTION placet.receipt_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid, p_epoch bigint, p_fence bigint,
    p_call uuid, p_receipt uuid, p_idempotency_key text, p_fingerprint bytea, p_status text,
    p_evidence_level text, p_arguments_hash bytea, p_output_hash bytea, p_output bytea,
    p_external_ref text, p_error text, p_started_at timestamptz, p_completed_at timestamptz,
    p_decided_version bigint, p_next jsonb, p_state bytea, p_cost bigint,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT facts jsonb, OUT receipt_id uuid, OUT late boolean,
    OUT conflicting boolean, OUT applied boolean, OUT status text, OUT execution_state text,
    OUT commit_state text, OUT evidence_level text, OUT state_version bigint,
    OUT current_phase text, OUT settled_at timestamptz, OUT replayed boolean,
    OUT moved boolean, OUT stopped text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    c placet.replay_pending_call;
    had placet.replay_execution_receipt;
    w record;
    v_at timestamptz;
    v_on_time boolean;
    v_moves boolean;
    v_signed boolean;
    v_key_id text;
    v_from int := 1;
    v_to int := 1;
BEGIN
    replayed := false;
    moved := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, false);
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
    -- A host's word counts while its key does; its key is the one that the event names.
    IF p_evidence_level = 'executor_attested' THEN
        v_key_id := convert_from(p_bodies[1], 'UTF8')::jsonb #>> '{attested_by,key_id}';
        IF NOT placet.host_attests_v1(s.tenant_id, s.environment, c.tool_name, v_key_id) THEN
            code := 'unattested';
            RETURN;
        END IF;
    END IF;
    -- Of which call a host's word tells is held against what is known of it, before it is kept.
    IF v_key_id IS NOT NULL AND p_decided_version = -2 THEN
        code := 'redo';
        facts := placet.session_facts_v1(s) || jsonb_build_object(
            'call', placet.call_facts_v1(c));
        RETURN;
    END IF;
    status := c.status;
    execution_state := c.execution_state;
    commit_state := c.commit_state;
    evidence_level := c.evidence_level;
    state_version := s.state_version;
    current_phase := s.current_phase;
    settled_at := c.settled_at;
    SELECT * INTO had FROM placet.replay_execution_receipt AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
      AND r.pending_call_id = p_call AND r.idempotency_key = p_idempotency_key;
    replayed := FOUND;
    late := e.is_old
        OR NOT ((s.epoch, s.fence) = (p_epoch, p_fence) AND s.status IN ('active', 'closing'));
    conflicting := (c.status NOT IN ('granted', 'unknown', 'settled')
            AND NOT (c.status = 'shadowed' AND (c.counts OR c.settled_at IS NOT NULL)))
        OR c.arguments_hash <> p_arguments_hash
        OR (c.settled_at IS NOT NULL AND c.execution_state <> p_status)
        OR (c.execution_state IN ('succeeded', 'failed') AND p_status IN ('succeeded', 'failed')
            AND c.execution_state <> p_status)
        -- Whoever said otherwise, and however late: two words against each other settle nothing.
        OR (p_status IN ('succeeded', 'failed') AND EXISTS (
            SELECT FROM placet.replay_execution_receipt AS o
            WHERE o.tenant_id = s.tenant_id AND o.session_id = s.session_id
              AND o.pending_call_id = p_call AND o.status IN ('succeeded', 'failed')
              AND o.status <> p_status));
    v_on_time := NOT late AND NOT conflicting AND (
        c.status = 'granted' OR (c.status = 'shadowed' AND c.settled_at IS NULL
            AND c.execution_state <> 'unknown'));
    -- Of a call of which nobody knows what became, the signed word of its tool's host tells.
    v_signed := NOT late AND NOT conflicting AND c.status = 'unknown'
        AND p_evidence_level = 'executor_attested' AND p_status IN ('succeeded', 'failed');
    -- What a call cost may be told again, also when it is known what became of it; and that it went
    -- wrong, while nobody knows.
    v_moves := v_on_time OR v_signed OR (NOT late AND NOT conflicting AND (
        p_cost IS NOT NULL
        OR (p_status IN ('failed', 'timed_out') AND c.execution_state = 'unknown')));
    -- Kept before: the same answer, unless it was kept without the settlement that it may bring.
    IF replayed THEN
        receipt_id := had.receipt_id;
        v_on_time := v_on_time AND NOT had.late AND NOT had.conflicting
            AND c.execution_state IN ('not_started', 'started');
        v_signed := v_signed AND NOT had.late AND NOT had.conflicting;
        v_moves := v_on_time OR v_signed;
        late := had.late;
        conflicting := had.conflicting;
        applied := coalesce(c.settled_by = had.receipt_id, false);
        stopped := CASE WHEN s.stopped_by_call = p_call AND NOT had.late AND NOT had.conflicting
                        THEN s.ended_why END;
        IF had.fingerprint <> p_fingerprint THEN
            code := 'idempotency_conflict';
            RETURN;
        END IF;
        -- It was kept as the reporter's own word, and a host that came since makes it no better.
        IF p_evidence_level = 'executor_attested' AND had.evidence_level <> p_evidence_level THEN
            code := 'unattested';
            RETURN;
        END IF;
        IF NOT v_moves OR p_decided_version IS NULL THEN
            RETURN;
        END IF;
        v_from := 2;
    END IF;
    -- A settlement is decided on facts; other facts than those ask for another decision. A null
    -- version asks for no settlement: the receipt alone is kept, and somebody settles later.
    IF v_moves AND p_decided_version IS NOT NULL AND (
        s.state_version <> p_decided_version OR (replayed AND p_receipt <> had.receipt_id)
        -- Whether it settles the call is judged on where the call stands, which is no fact.
        OR CASE WHEN v_signed
                THEN p_next ->> 'status' IS NOT NULL AND p_next ->> 'status' <> 'settled'
                ELSE v_on_time <> coalesce(p_next ->> 'status' IS NOT NULL, false) END
        -- Only what never began is abandoned.
        OR (p_next ->> 'status' = 'abandoned' AND c.execution_state <> 'not_started'))
    THEN
        code := 'redo';
        facts := placet.session_facts_v1(s) || jsonb_build_object(
            'call', placet.call_facts_v1(c), 'receipt_id', receipt_id);
        RETURN;
    END IF;
    -- A word that is not good enough was kept before, and is no better now.
    IF replayed AND p_next ->> 'status' IS NULL THEN
        RETURN;
    END IF;
    moved := v_moves AND p_decided_version IS NOT NULL AND p_next IS NOT NULL;
    applied := moved AND p_next ->> 'status' IS NOT NULL;
    v_to := CASE WHEN moved THEN array_length(p_events, 1) ELSE 1 END;
    v_at := clock_timestamp();
    -- What one host did not begin frees nothing while another one may take its grant.
    IF applied AND v_key_id IS NOT NULL AND (p_next ->> 'frees_effect_key')::boolean
        AND c.grant_expires_at > v_at
        AND (convert_from(p_bodies[1], 'UTF8')::jsonb #>> '{attested_by,never_begun}')::boolean
        AND NOT placet.host_alone_v1(
            s.tenant_id, s.environment, c.tool_name, v_key_id, c.grant_control_epoch)
    THEN
        code := 'usable';
        RETURN;
    END IF;
    IF NOT replayed THEN
        receipt_id := p_receipt;
        INSERT INTO placet.replay_execution_receipt (
            tenant_id, session_id, receipt_id, pending_call_id, idempotency_key, fingerprint,
            tool_name, status, evidence_level, arguments_hash, output_hash, output, external_ref,
            error, started_at, completed_at, epoch, fence, late, conflicting, reported_by,
            received_at, attested_by, cost_micros)
        VALUES (
            s.tenant_id, s.session_id, p_receipt, p_call, p_idempotency_key, p_fingerprint,
            c.tool_name, p_status, p_evidence_level, p_arguments_hash, p_output_hash, p_output,
            p_external_ref, p_error, p_started_at, p_completed_at, p_epoch, p_fence, late,
            conflicting, e.actor, v_at, v_key_id, p_cost);
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision + (moved AND p_next ->> 'stop' IS NOT NULL)::int,
        p_events[v_from:v_to], p_types[v_from:v_to], p_salts[v_from:v_to], p_bodies[v_from:v_to],
        s.next_seq, s.head, s.last_event_at);
    IF applied THEN
        status := p_next ->> 'status';
        execution_state := p_next ->> 'execution_state';
        commit_state := p_next ->> 'commit_state';
        evidence_level := p_evidence_level;
        settled_at := CASE WHEN (p_next ->> 'settles')::boolean THEN v_at END;
        UPDATE placet.replay_pending_call AS r
        SET status = receipt_v1.status, execution_state = receipt_v1.execution_state,
            commit_state = receipt_v1.commit_state, evidence_level = p_evidence_level,
            settled_at = receipt_v1.settled_at,
            settled_by = CASE WHEN receipt_v1.settled_at IS NOT NULL THEN p_receipt END,
            committed_at = CASE WHEN receipt_v1.commit_state = 'committed' THEN v_at END,
            counts = c.counts AND NOT (p_next ->> 'frees_effect_key')::boolean
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = p_call;
        IF p_next -> 'left' ? 'is_wide' THEN
            PERFORM placet.slices_free_v1(s, p_next -> 'left', v_at);
        END IF;
        IF (p_next ->> 'frees_effect_key')::boolean THEN
            UPDATE placet.replay_effect_key AS k SET released_at = v_at
            WHERE k.tenant_id = s.tenant_id AND k.session_id = s.session_id
              AND k.call_id = p_call AND k.released_at IS NULL;
        END IF;
        IF s.status = 'closing' OR p_next ->> 'session_status' = 'closing' THEN
            PERFORM placet.work_due_put_v1('sweep_session', s.session_id, v_at);
        END IF;
    END IF;
    IF moved THEN
        PERFORM placet.session_leave_v1(s, p_next -> 'left', v_at);
    END IF;
    UPDATE placet.replay_session AS r
    SET next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at,
        state_version = s.state_version + (moved AND p_state <> s.state)::int,
        state = CASE WHEN moved THEN p_state ELSE s.state END,
        current_phase = CASE WHEN moved THEN p_next ->> 'phase' ELSE s.current_phase END,
        status = CASE WHEN applied THEN coalesce(p_next ->> 'session_status', s.status)
                      ELSE s.status END,
        next_due_at = CASE WHEN applied AND (
                                s.status = 'closing' OR p_next ->> 'session_status' = 'closing')
                           THEN least(s.next_due_at, v_at)
                           ELSE s.next_due_at END
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
    RETURNING r.state_version, r.current_phase INTO state_version, current_phase;
    IF applied AND p_next ->> 'session_status' = 'closing' THEN
        PERFORM placet.session_asks_end_v1(s, w.io_at);
    END IF;
    IF moved AND p_next ->> 'stop' IS NOT NULL THEN
        stopped := p_next #>> '{stop,limit}';
        PERFORM placet.session_finish_v1(s, 'killed', stopped, p_call, w.io_at);
    END IF;
END
$$;
