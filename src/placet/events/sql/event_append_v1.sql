-- Append to an ordinary stream of the current tenant: make it if it is new, lock it, write.
-- The epoch and the control revisions are those of the tenant's gate at this moment.
CREATE FUNCTION placet.event_append_v1(
    p_stream uuid, p_kind text, p_actor uuid,
    p_ids uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT last_seq bigint, OUT at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    s placet.event_stream%ROWTYPE;
    w record;
    v_control bigint;
    v_epoch bigint;
BEGIN
    INSERT INTO placet.event_stream (tenant_id, stream_id, kind, next_seq, head, last_at)
    VALUES (v_tenant, p_stream, p_kind, 1, decode(repeat('00', 32), 'hex'), '-infinity')
    ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT s FROM placet.event_stream
    WHERE tenant_id = v_tenant AND stream_id = p_stream FOR NO KEY UPDATE;
    SELECT g.control_epoch INTO v_control
    FROM placet.authority_control_gate g WHERE g.tenant_id = v_tenant;
    SELECT o.epoch INTO v_epoch FROM placet.storage_epoch_v1() AS o;
    SELECT * INTO w FROM placet.event_write_v1(
        v_tenant, p_stream, p_actor, v_epoch, 0, coalesce(v_control, 0), 0,
        p_ids, p_types, p_salts, p_bodies, s.next_seq, s.head, s.last_at);
    UPDATE placet.event_stream
    SET next_seq = w.io_next_seq, head = w.io_head, last_at = w.io_at
    WHERE tenant_id = v_tenant AND stream_id = p_stream;
    last_seq := w.io_next_seq - 1;
    at := w.io_at;
END
$$;
