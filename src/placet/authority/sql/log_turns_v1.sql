-- Give a new tenant its turn at its log, for ever: its row in `work_due` is moved on, never removed.
CREATE FUNCTION placet.log_begin_v1()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO placet.work_due (tenant_id, kind, ref, due_at)
    VALUES (NEW.tenant_id, 'log_events', NEW.tenant_id, clock_timestamp())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- Tell whether the current tenant's log has something to do: events or ends of streams that wait,
-- or entries that a checkpoint is owed for, so many of them or for so long. By index alone: a queue
-- is empty when its plan is made, and may hold many dead rows when it is used.
CREATE FUNCTION placet.log_waits_v1(p_entries bigint, p_seconds int)
RETURNS boolean LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    v_tenant uuid := placet.tenant();
BEGIN
    RETURN EXISTS (
            SELECT FROM placet.evidence_log AS l LEFT JOIN LATERAL (
                SELECT c.size, c.at FROM placet.authority_checkpoint AS c
                WHERE c.tenant_id = v_tenant ORDER BY c.epoch DESC, c.size DESC LIMIT 1
            ) AS last ON true
            WHERE l.tenant_id = v_tenant AND l.owed > coalesce(last.size, 0)
              AND (last.at IS NULL OR l.owed - last.size >= p_entries
                   OR last.at <= clock_timestamp() - make_interval(secs => p_seconds)))
        OR EXISTS (SELECT FROM placet.event_seal_pending AS s WHERE s.tenant_id = v_tenant)
        OR EXISTS (SELECT FROM placet.event_log_pending AS p WHERE p.tenant_id = v_tenant);
END
$$;

-- Take the tenants whose log has something to do, whoever had its turn longest ago first. A taken
-- one comes back by itself after its lease.
CREATE FUNCTION placet.log_turns_v1(
    p_limit int, p_lease_seconds int, p_entries bigint, p_seconds int)
RETURNS SETOF placet.work_due LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due record;
    taken placet.work_due;
    n int := 0;
BEGIN
    FOR due IN
        SELECT d.tenant_id, d.due_at FROM placet.work_due AS d
        WHERE d.kind = 'log_events' AND d.due_at <= clock_timestamp() ORDER BY d.due_at
    LOOP
        PERFORM set_config('placet.tenant', due.tenant_id::text, true);
        CONTINUE WHEN NOT placet.log_waits_v1(p_entries, p_seconds);
        UPDATE placet.work_due AS w
        SET due_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
        FROM (
            SELECT d.ref FROM placet.work_due AS d
            WHERE d.tenant_id = due.tenant_id AND d.kind = 'log_events'
              AND d.ref = due.tenant_id AND d.due_at = due.due_at FOR UPDATE SKIP LOCKED
        ) AS free
        WHERE w.tenant_id = due.tenant_id AND w.kind = 'log_events' AND w.ref = free.ref
        RETURNING w.* INTO taken;
        CONTINUE WHEN NOT FOUND;
        RETURN NEXT taken;
        n := n + 1;
        EXIT WHEN n >= p_limit;
    END LOOP;
    PERFORM set_config('placet.tenant', '', true);
END
$$;

-- The newest checkpoint of every tenant that has one, over all tenants.
CREATE FUNCTION placet.checkpoints_newest_v1(OUT tenant_id uuid, OUT epoch bigint, OUT size bigint)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    each uuid;
BEGIN
    FOR each IN SELECT d.tenant_id FROM placet.work_due AS d WHERE d.kind = 'log_events' LOOP
        PERFORM set_config('placet.tenant', each::text, true);
        SELECT c.tenant_id, c.epoch, c.size INTO tenant_id, epoch, size
        FROM placet.authority_checkpoint AS c
        WHERE c.tenant_id = each ORDER BY c.epoch DESC, c.size DESC LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('placet.tenant', '', true);
END
$$;
