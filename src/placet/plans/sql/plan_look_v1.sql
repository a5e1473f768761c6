-- Who holds each of these keys, and what the plan that it asks for is known by: one row for each
-- question, in their order. Each question is answered as the tenant of its own key.
CREATE FUNCTION placet.plan_look_v1(
    p_key_ids text[], p_secret_hashes bytea[], p_agents text[], p_environments text[]
)
RETURNS TABLE (
    code text, tenant_id uuid, actor_id uuid, scopes text[], agent text, environment text,
    plan_id uuid, stamp text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who record;
BEGIN
    FOR i IN 1 .. cardinality(p_key_ids) LOOP
        SELECT * INTO who FROM placet.authenticate_v1(p_key_ids[i], p_secret_hashes[i]);
        code := who.code;
        tenant_id := who.tenant_id;
        actor_id := who.actor_id;
        scopes := who.scopes;
        agent := who.agent;
        environment := who.environment;
        plan_id := NULL;
        stamp := NULL;
        IF who.code = 'ok' THEN
            SELECT s.plan_id, s.stamp INTO plan_id, stamp
            FROM placet.plan_stamp_v1(p_agents[i], p_environments[i]) AS s;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
