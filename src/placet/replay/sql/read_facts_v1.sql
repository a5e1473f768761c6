-- What a call says as the read that tells of another, for the rule that looks at its output; null
-- where this session has no such call. What stands in `told` was reported of the other one.
CREATE FUNCTION placet.read_facts_v1(c placet.replay_pending_call, p_read uuid)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    r placet.replay_pending_call;
    t placet.replay_execution_receipt;
    v_environment text;
BEGIN
    SELECT * INTO r FROM placet.replay_pending_call AS o
    WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id AND o.call_id = p_read;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO t FROM placet.replay_execution_receipt AS o
    WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id
      AND o.receipt_id = r.settled_by;
    SELECT o.environment INTO v_environment FROM placet.replay_session AS o
    WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id;
    RETURN jsonb_build_object(
        'tool_name', r.tool_name,
        'arguments', convert_from(r.arguments, 'UTF8'),
        'output', convert_from(t.output, 'UTF8'),
        'is_succeeded', r.status = 'settled' AND r.execution_state = 'succeeded'
            AND t.receipt_id IS NOT NULL,
        -- What began just before the grant ran out may still act for as long as the grant was good.
        'is_after', coalesce(
            r.granted_at >= c.grant_expires_at + (c.grant_expires_at - c.granted_at), false),
        -- A host's word counts while its key does; without it the reporter's own is left.
        'is_attested', coalesce(t.evidence_level = 'executor_attested'
            AND placet.host_attests_v1(c.tenant_id, v_environment, r.tool_name, t.attested_by),
            false),
        'is_disputed', EXISTS (
            SELECT FROM placet.replay_execution_receipt AS o
            WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id
              AND o.pending_call_id = r.call_id AND o.status IN ('succeeded', 'failed')
              AND (o.status, o.output_hash) IS DISTINCT FROM (t.status, t.output_hash)),
        'told', coalesce((
            SELECT jsonb_agg(DISTINCT o.status) FROM placet.replay_execution_receipt AS o
            WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id
              AND o.pending_call_id = c.call_id AND o.status IN ('succeeded', 'failed')), '[]'));
END
$$;
