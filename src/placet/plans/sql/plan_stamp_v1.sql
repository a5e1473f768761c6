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
            -- A database that was set back may reach a version again, with something else in it.
            extract(epoch FROM p.updated_at)::text, coalesce(p.approval_id::text, '-'),
            -- An approval that ran out changes the answer, whether or not the row has moved.
            (p.approval_expires_at <= clock_timestamp())::text,
            -- So does an activation that ended.
            (p.activated_until <= clock_timestamp())::text,
            (
                SELECT string_agg(k.key_id || k.purpose, '.' ORDER BY k.created_at, k.key_id)
                FROM placet.authority_server_key AS k
            )
        )
    FROM placet.plans_plan AS p
    WHERE p.tenant_id = placet.tenant() AND p.agent = p_agent AND p.environment = p_environment
$$;
