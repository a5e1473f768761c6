-- Does this key's word count for that tool there? It is a live host's of that environment that
-- runs the tool.
CREATE FUNCTION placet.host_attests_v1(
    p_tenant uuid, p_environment text, p_tool text, p_key_id text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM placet.authority_tool_host AS h
        WHERE h.tenant_id = p_tenant AND h.key_id = p_key_id
          AND h.environment = p_environment AND h.tools ? p_tool
          AND NOT EXISTS (
            SELECT FROM placet.authority_tool_host_revocation AS r
            WHERE r.tenant_id = h.tenant_id AND r.host_id = h.host_id));
END
$$;

-- Is every grant of that tool there, given at this epoch or later, for the host of this key alone?
-- It was registered by then and still is, and no host of another name ever ran the tool there.
CREATE FUNCTION placet.host_alone_v1(
    p_tenant uuid, p_environment text, p_tool text, p_key_id text, p_epoch bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    h placet.authority_tool_host;
BEGIN
    IF NOT placet.host_attests_v1(p_tenant, p_environment, p_tool, p_key_id) THEN
        RETURN false;
    END IF;
    SELECT * INTO h FROM placet.authority_tool_host AS o
    WHERE o.tenant_id = p_tenant AND o.key_id = p_key_id;
    RETURN NOT EXISTS (
            SELECT FROM placet.authority_tool_host AS o
            WHERE o.tenant_id = p_tenant AND o.environment = p_environment
              AND o.tools ? p_tool AND o.name <> h.name)
        -- Whoever grants at the epoch of its event or later knows of the registration.
        AND EXISTS (
            SELECT FROM placet.event_stream AS t
            JOIN placet.event AS e
                ON e.tenant_id = t.tenant_id AND e.stream_id = t.stream_id
               AND e.type = 'ToolHostRegistered' AND e.control_epoch <= p_epoch
               AND e.at >= h.registered_at
            JOIN placet.event_body AS b
                ON b.tenant_id = e.tenant_id AND b.stream_id = e.stream_id AND b.seq = e.seq
            WHERE t.tenant_id = p_tenant AND t.kind = 'authority'
              AND convert_from(b.body, 'UTF8')::jsonb ->> 'host_id' = h.host_id::text);
END
$$;
