-- Put other arguments in the place of a call that waits for people: it is superseded by a new call
-- of the same step, which is asked about anew until the same deadline. The current tenant's
-- transaction has checked who asks and what; here the call is looked at once more under the
-- session's lock. Comes last in a transaction, because the session's writers wait from here on.
CREATE FUNCTION placet.ask_edit_v1(
    p_session uuid, p_call uuid, p_new uuid, p_ordinal bigint, p_seen bigint,
    p_editor uuid, p_reason text, p_arguments bytea, p_arguments_hash bytea, p_effect_key bytea,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    s placet.replay_session;
    c placet.replay_pending_call;
    gate record;
    w record;
    v_at timestamptz;
BEGIN
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = v_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    SELECT * INTO gate FROM placet.gate_read_v1(v_tenant);
    v_at := clock_timestamp();
    SELECT r.* INTO c FROM placet.replay_pending_call AS r
    WHERE r.tenant_id = v_tenant AND r.session_id = p_session AND r.call_id = p_call;
    -- Does it still wait? A kill, a claim, the sweeper or another edit may have been first. What is
    -- asked in a session that grants nothing more is asked of nobody.
    IF c.status IS DISTINCT FROM 'awaiting_approval' OR c.deadline_at <= v_at
        OR s.status <> 'active' OR placet.session_barred_v1(
            v_tenant, gate.control_epoch, NULL, s.artifact_id, s.authority_until, s.agent)
            IN ('artifact_revoked', 'authority_expired')
    THEN
        code := 'ask_closed';
        RETURN;
    END IF;
    -- Race: somebody may have voted since, and another call of the step may have been edited.
    IF p_seen <> coalesce((
            SELECT a.votes FROM placet.replay_ask AS a
            WHERE a.tenant_id = v_tenant AND a.session_id = p_session AND a.call_id = p_call), 0)
        OR EXISTS (
            SELECT FROM placet.replay_pending_call AS o
            WHERE o.tenant_id = v_tenant AND o.session_id = p_session
              AND o.prepared_request_id = c.prepared_request_id AND o.ordinal = p_ordinal)
    THEN
        code := 'redo';
        RETURN;
    END IF;
    code := 'ok';
    UPDATE placet.replay_pending_call AS r SET status = 'superseded'
    WHERE r.tenant_id = v_tenant AND r.session_id = p_session AND r.call_id = p_call;
    -- It was proposed when the call was that it replaces, so that nothing counts it again.
    INSERT INTO placet.replay_pending_call (
        tenant_id, session_id, call_id, prepared_request_id, step_id, ordinal, tool_call_id,
        tool_name, arguments_hash, arguments, verdict, layer, reasons, blocked_why, effect_key,
        commit_requirement, start_required, evidence_level, execution_state, commit_state, status,
        proposed_at, deadline_at, counts)
    VALUES (
        v_tenant, p_session, p_new, c.prepared_request_id, c.step_id, p_ordinal, c.tool_call_id,
        c.tool_name, p_arguments_hash, p_arguments, c.verdict, c.layer, c.reasons, NULL,
        p_effect_key, c.commit_requirement, c.start_required, 'none', 'not_started',
        'not_required', 'awaiting_approval', c.proposed_at, c.deadline_at, false);
    INSERT INTO placet.replay_ask_edit (
        tenant_id, session_id, call_id, new_call_id, editor_id, reason, edited_at)
    VALUES (v_tenant, p_session, p_call, p_new, p_editor, p_reason, v_at);
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, p_editor, s.epoch, s.fence, gate.control_epoch,
        s.control_revision, p_events, p_types, p_salts, p_bodies,
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    -- Which calls of the step wait is what a claim is decided on.
    SET state_version = s.state_version + 1,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
END
$$;
