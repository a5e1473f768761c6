-- The id of a tenant's one stream of a kind: SHA-256 over both, its first half as UUID version 8.
CREATE FUNCTION placet.tenant_stream_v1(p_tenant uuid, p_kind text)
RETURNS uuid LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    raw bytea := substring(
        sha256(uuid_send(p_tenant) || convert_to(p_kind, 'UTF8')) FROM 1 FOR 16);
BEGIN
    raw := set_byte(raw, 6, (get_byte(raw, 6) & 15) | 128);
    raw := set_byte(raw, 8, (get_byte(raw, 8) & 63) | 128);
    RETURN encode(raw, 'hex')::uuid;
END
$$;

-- The leaf of one event: SHA-256 over a fixed binary header. See docs/reference/evidence.md.
CREATE FUNCTION placet.event_leaf_v1(
    p_tenant uuid, p_stream uuid, p_event uuid, p_actor uuid,
    p_epoch bigint, p_fence bigint, p_control_epoch bigint, p_control_revision bigint,
    p_at timestamptz, p_seq bigint, p_prev bytea, p_body_hash bytea, p_type text
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(
        '\x706c616365742e6576656e742e763100'::bytea  -- placet.event.v1 and a zero byte
        || uuid_send(p_tenant) || uuid_send(p_stream) || uuid_send(p_event) || uuid_send(p_actor)
        || int8send(p_epoch) || int8send(p_fence)
        || int8send(p_control_epoch) || int8send(p_control_revision)
        || timestamptz_send(p_at) || int8send(p_seq)
        || p_prev || p_body_hash
        || int2send(octet_length(convert_to(p_type, 'UTF8'))::int2) || convert_to(p_type, 'UTF8')
    )
$$;
