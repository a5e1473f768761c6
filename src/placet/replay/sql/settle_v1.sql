-- Take a call out of `granted` or `unknown`: an operator with a reason, the holder with a receipt, or
-- whoever of them cites the read by which the contract's rule settles an unknown call.
CREATE FUNCTION placet.settle_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint,
    p_settlement uuid, p_call uuid, p_outcome text, p_receipt uuid, p_reason text,
    p_reconciled_by uuid, p_decided_version bigint, p_evidence_level text, p_next jsonb,
    p_state bytea, p_operator boolean,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT facts jsonb, OUT status text, OUT execution_state text,
    OUT commit_state text, OUT evidence_level text, OUT state_version bigint,
    OUT current_phase text, OUT settled_at timestamptz, OUT replayed boolean,
    OUT stopped text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    c placet.replay_pending_call;
    had placet.replay_settlement;
    cited placet.replay_execution_receipt;
    w record;
    v_at timestamptz;
    v_operator boolean;
    v_stops boolean;
    v_to int;
    v_read jsonb;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime', 'operate'], p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    -- An agent's own key is never an operator's word, whatever else it carries.
    v_operator := 'operate' = ANY (e.scopes) AND NOT 'runtime' = ANY (e.scopes);
    SELECT * INTO c FROM placet.replay_pending_call AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = p_call;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    status := c.status;
    execution_state := c.execution_state;
    commit_state := c.commit_state;
    evidence_level := c.evidence_level;
    state_version := s.state_version;
    current_phase := s.current_phase;
    settled_at := c.settled_at;
    SELECT * INTO had FROM placet.replay_settlement AS r
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
      AND r.settlement_id = p_settlement;
    IF FOUND THEN
        replayed := true;
        stopped := CASE WHEN s.stopped_by_call = p_call THEN s.ended_why END;
        -- Where a read tells, its reader need not say the outcome.
        code := CASE WHEN (had.call_id, had.outcome, had.reason)
                            = (p_call, coalesce(p_outcome, had.outcome), p_reason)
                        AND had.receipt_id IS NOT DISTINCT FROM p_receipt
                        AND had.reconciled_by IS NOT DISTINCT FROM p_reconciled_by
                     THEN 'ok' ELSE 'idempotency_conflict' END;
        RETURN;
    END IF;
    -- A session that has ended takes no lease, so there the last holder may still settle.
    IF NOT v_operator THEN
        code := CASE
            WHEN s.status = 'active'
                THEN placet.session_writer_v1(s, p_holder, p_epoch, p_fence)
            WHEN s.holder IS DISTINCT FROM p_holder OR (s.epoch, s.fence) <> (p_epoch, p_fence)
                THEN 'lease_lost'
            ELSE 'ok'
        END;
        -- What was held before a restore settles nothing after it.
        IF code = 'ok' AND e.is_old THEN
            code := 'lease_lost';
        END IF;
        IF code <> 'ok' THEN
            RETURN;
        END IF;
    END IF;
    IF c.status NOT IN ('granted', 'unknown') THEN
        code := 'transition_not_allowed';
        RETURN;
    END IF;
    IF p_reconciled_by IS NOT NULL AND c.status <> 'unknown' THEN
        code := 'transition_not_allowed';
        RETURN;
    END IF;
    IF p_receipt IS NOT NULL THEN
        SELECT * INTO cited FROM placet.replay_execution_receipt AS r
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
          AND r.receipt_id = p_receipt AND r.pending_call_id = p_call;
        IF NOT FOUND THEN
            code := 'not_found';
            RETURN;
        END IF;
        -- A host's word counts while its key does; without it the reporter's own is left.
        IF cited.evidence_level = 'executor_attested' AND NOT placet.host_attests_v1(
            s.tenant_id, s.environment, c.tool_name, cited.attested_by)
        THEN
            cited.evidence_level := 'client_reported';
        END IF;
    END IF;
    -- While a grant lives its tool may still be run by whoever holds it, whatever was reported or is
    -- said here, and a failure would free the effect for another. Of a call that is unknown, what
    -- its host signed is known.
    IF v_operator AND p_outcome = 'failed' AND c.grant_expires_at > clock_timestamp()
        AND (c.status = 'granted'
            OR (cited.evidence_level, cited.status)
                IS DISTINCT FROM ('executor_attested', 'failed'))
    THEN
        code := 'grant_lives';
        RETURN;
    END IF;
    -- What one host says of a failure, that it never began the call say, ends no grant that another
    -- host may still take.
    IF p_outcome = 'failed' AND c.grant_expires_at > clock_timestamp()
        AND (cited.evidence_level, cited.status) = ('executor_attested', 'failed')
        AND NOT placet.host_alone_v1(
            s.tenant_id, s.environment, c.tool_name, cited.attested_by, c.grant_control_epoch)
    THEN
        code := 'grant_lives';
        RETURN;
    END IF;
    IF p_reconciled_by IS NOT NULL THEN
        v_read := placet.read_facts_v1(c, p_reconciled_by);
        IF v_read IS NULL THEN
            code := 'not_found';
            RETURN;
        END IF;
    END IF;
    IF p_decided_version IS DISTINCT FROM s.state_version OR p_operator <> v_operator
        OR (v_read IS NULL AND NOT v_operator
            AND p_evidence_level IS DISTINCT FROM cited.evidence_level)
        -- Race: a report may have come since the read was judged, or a host's key been revoked.
        OR (v_read IS NOT NULL AND (
            (v_read ->> 'is_disputed')::boolean OR (v_read -> 'told') - p_outcome <> '[]'
            OR (v_read ->> 'is_attested')::boolean <> (p_evidence_level = 'externally_verified')))
    THEN
        code := 'redo';
        facts := placet.session_facts_v1(s) || jsonb_build_object(
            'operator', v_operator,
            'call', placet.call_facts_v1(c), 'read', v_read,
            'receipt', CASE WHEN cited.receipt_id IS NOT NULL THEN jsonb_build_object(
                'receipt_id', cited.receipt_id, 'status', cited.status,
                'evidence_level', cited.evidence_level, 'cost_micros', cited.cost_micros,
                'output', convert_from(cited.output, 'UTF8')) END);
        RETURN;
    END IF;
    v_at := clock_timestamp();
    -- What has ended is not stopped again; the event of the stop is the last one.
    v_stops := p_next ->> 'stop' IS NOT NULL AND s.status IN ('active', 'closing');
    v_to := cardinality(p_events) - (p_next ->> 'stop' IS NOT NULL AND NOT v_stops)::int;
    status := p_next ->> 'status';
    execution_state := p_next ->> 'execution_state';
    commit_state := p_next ->> 'commit_state';
    evidence_level := p_evidence_level;
    settled_at := v_at;
    INSERT INTO placet.replay_settlement (
        tenant_id, session_id, settlement_id, call_id, outcome, receipt_id, evidence_level,
        reason, settled_by, settled_at, reconciled_by)
    VALUES (
        s.tenant_id, s.session_id, p_settlement, p_call, p_outcome, p_receipt,
        p_evidence_level, p_reason, e.actor, v_at, p_reconciled_by);
    UPDATE placet.replay_pending_call AS r
    SET status = settle_v1.status, execution_state = settle_v1.execution_state,
        commit_state = settle_v1.commit_state, evidence_level = p_evidence_level,
        settled_at = v_at, settled_by = coalesce(p_receipt, p_settlement),
        committed_at = CASE WHEN settle_v1.commit_state = 'committed' THEN v_at END,
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
    PERFORM placet.session_leave_v1(s, p_next -> 'left', v_at);
    IF s.status = 'closing' OR p_next ->> 'session_status' = 'closing' THEN
        PERFORM placet.work_due_put_v1('sweep_session', s.session_id, v_at);
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, s.epoch, s.fence, e.control_epoch,
        s.control_revision + v_stops::int,
        p_events[1:v_to], p_types[1:v_to], p_salts[1:v_to], p_bodies[1:v_to],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at,
        state_version = s.state_version + (p_state <> s.state)::int, state = p_state,
        current_phase = p_next ->> 'phase',
        -- An ended session stays ended: only an active one begins to close.
        status = CASE WHEN s.status = 'active' THEN coalesce(p_next ->> 'session_status', s.status)
                      ELSE s.status END
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
    RETURNING r.state_version, r.current_phase INTO state_version, current_phase;
    IF s.status = 'active' AND p_next ->> 'session_status' = 'closing' THEN
        PERFORM placet.session_asks_end_v1(s, w.io_at);
    END IF;
    IF v_stops THEN
        stopped := p_next #>> '{stop,limit}';
        PERFORM placet.session_finish_v1(s, 'killed', stopped, p_call, w.io_at);
    END IF;
END
$$;
