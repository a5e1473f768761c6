-- Does a kill of this agent stand? Most tenants have never seen a control: these are spared the
-- look.
CREATE FUNCTION placet.agent_killed_v1(p_tenant uuid, p_epoch bigint, p_agent text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN p_epoch > 0 AND EXISTS (
        SELECT FROM placet.authority_control AS c
        WHERE c.tenant_id = p_tenant AND c.kind = 'agent' AND c.target = p_agent
          AND c.effect = 'kill' AND c.lifted_epoch IS NULL);
END
$$;

-- The tools that are killed now; null where none is.
CREATE FUNCTION placet.tools_killed_v1(p_tenant uuid, p_epoch bigint)
RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    IF p_epoch = 0 THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT array_agg(DISTINCT c.target ORDER BY c.target)
        FROM placet.authority_control AS c
        WHERE c.tenant_id = p_tenant AND c.kind = 'tool' AND c.effect = 'kill'
          AND c.lifted_epoch IS NULL);
END
$$;

-- The tools whose controls were set or lifted since that epoch; null where there is none.
CREATE FUNCTION placet.tools_controlled_since_v1(p_tenant uuid, p_seen bigint, p_now bigint)
RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    IF p_seen = p_now THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT array_agg(DISTINCT c.target ORDER BY c.target)
        FROM placet.authority_control AS c
        WHERE c.tenant_id = p_tenant AND c.kind = 'tool'
          AND greatest(c.set_epoch, c.lifted_epoch) > p_seen);
END
$$;
