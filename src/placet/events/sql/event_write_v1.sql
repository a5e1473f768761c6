-- Chain and write a run of events of one stream, whose lock the caller holds.
-- Takes the stream's next sequence, last leaf and last time; gives them back moved on.
CREATE FUNCTION placet.event_write_v1(
    p_tenant uuid, p_stream uuid, p_actor uuid,
    p_epoch bigint, p_fence bigint, p_control_epoch bigint, p_control_revision bigint,
    p_ids uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    INOUT io_next_seq bigint, INOUT io_head bytea, INOUT io_at timestamptz
)
LANGUAGE plpgsql AS $$
DECLARE
    first_seq bigint := io_next_seq;
    n int := coalesce(array_length(p_ids, 1), 0);
    v_body_hash bytea;
    v_leaf bytea;
BEGIN
    IF n = 0 THEN
        RETURN;
    END IF;
    -- Invariant: time never runs backwards within a stream, whatever the machine's clock does.
    io_at := greatest(clock_timestamp(), io_at);
    FOR i IN 1..n LOOP
        v_body_hash := sha256(
            '\x706c616365742e6576656e745f626f64792e763100'::bytea  -- placet.event_body.v1
            || p_salts[i] || p_bodies[i]);
        v_leaf := placet.event_leaf_v1(
            p_tenant, p_stream, p_ids[i], p_actor, p_epoch, p_fence,
            p_control_epoch, p_control_revision, io_at, io_next_seq, io_head, v_body_hash,
            p_types[i]);
        INSERT INTO placet.event (
            tenant_id, stream_id, seq, event_id, actor_id, epoch, fence, control_epoch,
            control_revision, at, type, prev, body_hash, leaf)
        VALUES (
            p_tenant, p_stream, io_next_seq, p_ids[i], p_actor, p_epoch, p_fence, p_control_epoch,
            p_control_revision, io_at, p_types[i], io_head, v_body_hash, v_leaf);
        INSERT INTO placet.event_body (tenant_id, stream_id, seq, salt, body)
        VALUES (p_tenant, p_stream, io_next_seq, p_salts[i], p_bodies[i]);
        io_head := v_leaf;
        io_next_seq := io_next_seq + 1;
    END LOOP;
    INSERT INTO placet.event_log_pending (tenant_id, stream_id, from_seq, to_seq, at)
    VALUES (p_tenant, p_stream, first_seq, io_next_seq - 1, io_at);
END
$$;
