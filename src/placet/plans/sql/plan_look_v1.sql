-- What the plan of an agent in an environment is known by: an equal stamp, an equal answer.
-- Reads as the tenant that is set. No row where there is no plan.
CREATE FUNCTION placet.plan_stamp_v1(
    p_agent text, p_environment text, OUT plan_id uuid, OUT stamp text
)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT
        p.plan_id,
        concat_ws(
            '.', p.plan_id, p.version,
            -- An approval that ran out changes the answer, whether or not the row has moved.
            (p.approval_expires_at <= clock_timestamp())::text,
            (
                SELECT string_agg(k.key_id || k.purpose, '.' ORDER BY k.created_at, k.key_id)
                FROM placet.authority_server_key AS k
            )
        )
    FROM placet.plans_plan AS p
    WHERE p.tenant_id = placet.tenant() AND p.agent = p_agent AND p.environment = p_environment
$$;

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
