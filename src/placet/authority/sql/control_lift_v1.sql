-- Lift a control for the second of two people: the gate alone, its row, its lift and one event.
-- Comes last in a transaction, because grants wait for it from here on.
CREATE FUNCTION placet.control_lift_v1(
    p_lift uuid, p_actor uuid, p_reason text,
    p_event uuid, p_type text, p_salt bytea, p_body bytea, p_vote bytea,
    OUT code text, OUT control_epoch bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    v_at timestamptz;
    l placet.authority_lift%ROWTYPE;
BEGIN
    PERFORM set_config('lock_timeout', '4s', true);
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
    -- Race: another may have confirmed this lift, or another lift of the control, before the gate.
    SELECT * INTO l FROM placet.authority_lift AS r
    WHERE r.tenant_id = v_tenant AND r.lift_id = p_lift;
    v_at := clock_timestamp();
    -- Invariant: nobody lifts alone.
    code := CASE
        WHEN l.lift_id IS NULL THEN 'not_found'
        WHEN l.asked_by = p_actor THEN 'two_people_needed'
        -- Invariant: both signed, or nobody could.
        WHEN (l.ask_vote IS NULL) <> (p_vote IS NULL) THEN 'two_people_needed'
        WHEN l.confirmed_at IS NOT NULL OR l.lapses_at <= v_at THEN 'lift_not_allowed'
        WHEN NOT EXISTS (
            SELECT FROM placet.authority_control AS c
            WHERE c.tenant_id = v_tenant AND c.control_id = l.control_id
              AND c.kind IN ('tenant', 'agent', 'tool') AND c.lifted_epoch IS NULL)
            THEN 'lift_not_allowed'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    UPDATE placet.authority_control_gate AS g SET control_epoch = g.control_epoch + 1
    WHERE g.tenant_id = v_tenant
    RETURNING g.control_epoch INTO control_epoch;
    UPDATE placet.authority_control AS c SET lifted_epoch = control_lift_v1.control_epoch
    WHERE c.tenant_id = v_tenant AND c.control_id = l.control_id AND c.lifted_epoch IS NULL;
    UPDATE placet.authority_lift AS r
    SET confirm_reason = p_reason, confirmed_by = p_actor, confirmed_at = v_at,
        lifted_epoch = control_lift_v1.control_epoch, confirm_vote = p_vote
    WHERE r.tenant_id = v_tenant AND r.lift_id = p_lift;
    PERFORM placet.event_append_v1(
        placet.tenant_stream_v1(v_tenant, 'control'), 'control', p_actor, ARRAY[p_event],
        ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body]);
END
$$;
