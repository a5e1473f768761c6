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
