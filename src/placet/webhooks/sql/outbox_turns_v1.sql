-- Take the next tenants whose webhooks are due, each once, but for those that have their turn now.
-- One piece of work per tenant is leased: it comes back if whoever took it dies.
CREATE FUNCTION placet.outbox_take_v1(p_running uuid[], p_limit int, p_lease_seconds int)
RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH turns AS (
        SELECT d.tenant_id, min(d.due_at) AS due_at FROM placet.work_due AS d
        WHERE d.kind = 'send_webhooks' AND d.due_at <= clock_timestamp()
          AND d.tenant_id <> ALL (p_running)
        GROUP BY d.tenant_id ORDER BY min(d.due_at) LIMIT p_limit
    ), picked AS (
        SELECT p.tenant_id, p.ref FROM turns AS t CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.ref FROM placet.work_due AS d
            WHERE d.tenant_id = t.tenant_id AND d.kind = 'send_webhooks' AND d.due_at = t.due_at
            LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS p
    )
    UPDATE placet.work_due AS w
    SET due_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    FROM picked AS p
    WHERE w.tenant_id = p.tenant_id AND w.kind = 'send_webhooks' AND w.ref = p.ref
    RETURNING w.tenant_id
$$;

-- Remove what says that somebody has to look after the current tenant's webhooks, up to a number.
CREATE FUNCTION placet.outbox_clear_v1(p_limit int)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- Race: what somebody else holds is left, and costs one look for nothing.
    DELETE FROM placet.work_due AS w USING (
        SELECT d.ref FROM placet.work_due AS d
        WHERE d.tenant_id = placet.tenant() AND d.kind = 'send_webhooks'
        LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) AS gone
    WHERE w.tenant_id = placet.tenant() AND w.kind = 'send_webhooks' AND w.ref = gone.ref
$$;
