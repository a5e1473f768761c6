-- Raise the control epoch of the current tenant without a control, so that what was written before
-- a change can be told from what came after it: outside the gate, the epoch is read first and what
-- the change is about afterwards. Comes last in a transaction, and is followed by the event in this
-- stream that tells of the change: its row is locked before the gate, as everywhere.
CREATE FUNCTION placet.gate_raise_v1(p_stream uuid, p_kind text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    v_epoch bigint;
BEGIN
    INSERT INTO placet.event_stream (tenant_id, stream_id, kind, next_seq, head, last_at)
    VALUES (v_tenant, p_stream, p_kind, 1, decode(repeat('00', 32), 'hex'), '-infinity')
    ON CONFLICT DO NOTHING;
    PERFORM FROM placet.event_stream AS s
    WHERE s.tenant_id = v_tenant AND s.stream_id = p_stream FOR NO KEY UPDATE;
    PERFORM set_config('lock_timeout', '4s', true);
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
    INSERT INTO placet.authority_control_gate AS g (tenant_id, control_epoch)
    VALUES (v_tenant, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET control_epoch = g.control_epoch + 1
    RETURNING g.control_epoch INTO v_epoch;
    RETURN v_epoch;
END
$$;
