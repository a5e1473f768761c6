-- Say that work is due for a thing of the current tenant; an earlier date wins.
CREATE FUNCTION placet.work_due_put_v1(p_kind text, p_ref uuid, p_due_at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO placet.work_due AS w (tenant_id, kind, ref, due_at)
    VALUES (placet.tenant(), p_kind, p_ref, p_due_at)
    ON CONFLICT (tenant_id, kind, ref) DO UPDATE SET due_at = excluded.due_at
    WHERE w.due_at > excluded.due_at
$$;

-- Take what is due, over all tenants, for as long as the lease says.
CREATE FUNCTION placet.work_due_take_v1(p_kind text, p_limit int, p_lease_seconds int)
RETURNS SETOF placet.work_due LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE placet.work_due AS w
    SET due_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    FROM (
        SELECT d.tenant_id, d.kind, d.ref FROM placet.work_due AS d
        WHERE d.kind = p_kind AND d.due_at <= clock_timestamp()
        ORDER BY d.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE w.tenant_id = due.tenant_id AND w.kind = due.kind AND w.ref = due.ref
    RETURNING w.*
$$;

-- The work that was taken with this date is done; null removes it, a date asks for it again.
CREATE FUNCTION placet.work_due_done_v1(
    p_kind text, p_ref uuid, p_taken timestamptz, p_next timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Race: a date that somebody put meanwhile is earlier than the one we took, and stays.
    IF p_next IS NULL THEN
        DELETE FROM placet.work_due
        WHERE tenant_id = placet.tenant() AND kind = p_kind AND ref = p_ref AND due_at = p_taken;
    ELSE
        UPDATE placet.work_due SET due_at = p_next
        WHERE tenant_id = placet.tenant() AND kind = p_kind AND ref = p_ref AND due_at = p_taken;
    END IF;
END
$$;
