-- Give a new tenant its turn at its log, for ever: its row in `work_due` is neither moved nor removed.
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
-- or entries that a checkpoint is owed for, so many of them or for so long. With a part, whether
-- anything waits in it that was committed late (`log_span_v1`). By index alone: a queue is empty
-- when its plan is made, and may hold many dead rows when it is used.
CREATE FUNCTION placet.log_waits_v1(p_entries bigint, p_seconds int, p_part bigint)
RETURNS boolean LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    v_span record;
BEGIN
    IF p_part IS NULL AND EXISTS (
            SELECT FROM placet.evidence_log AS l LEFT JOIN LATERAL (
                SELECT c.size, c.at FROM placet.authority_checkpoint AS c
                WHERE c.tenant_id = v_tenant ORDER BY c.epoch DESC, c.size DESC LIMIT 1
            ) AS last ON true
            WHERE l.tenant_id = v_tenant AND l.owed > coalesce(last.size, 0)
              AND (last.at IS NULL OR l.owed - last.size >= p_entries
                   OR last.at <= clock_timestamp() - make_interval(secs => p_seconds))) THEN
        RETURN true;
    END IF;
    SELECT * INTO v_span FROM placet.log_span_v1(p_part);
    RETURN EXISTS (
            SELECT FROM placet.event_log_pending AS p WHERE p.tenant_id = v_tenant
              AND p.at >= v_span.start AND p.at < v_span.stop)
        OR EXISTS (
            SELECT FROM placet.event_seal_pending AS p WHERE p.tenant_id = v_tenant
              AND p.at >= v_span.start AND p.at < v_span.stop);
END
$$;

-- The tenants whose log has something to do, by id from behind `p_after` and round again. Nothing is
-- written: a row that were moved on at each turn would leave one behind for as long as anybody holds
-- an old snapshot. Whoever comes second finds the head of a log taken.
CREATE FUNCTION placet.log_turns_v1(
    p_after uuid, p_limit int, p_entries bigint, p_seconds int, p_part bigint)
RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    each uuid;
    n int := 0;
BEGIN
    FOR each IN
        SELECT d.tenant_id FROM placet.work_due AS d WHERE d.kind = 'log_events'
        ORDER BY d.tenant_id <= p_after, d.tenant_id
    LOOP
        PERFORM set_config('placet.tenant', each::text, true);
        CONTINUE WHEN NOT placet.log_waits_v1(p_entries, p_seconds, p_part);
        RETURN NEXT each;
        n := n + 1;
        EXIT WHEN n >= p_limit;
    END LOOP;
    PERFORM set_config('placet.tenant', '', true);
END
$$;

-- The newest checkpoint of every tenant that has one, over all tenants.
CREATE FUNCTION placet.checkpoints_newest_v1(
    OUT tenant_id uuid, OUT epoch bigint, OUT size bigint, OUT root bytea
)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    each uuid;
BEGIN
    FOR each IN SELECT d.tenant_id FROM placet.work_due AS d WHERE d.kind = 'log_events' LOOP
        PERFORM set_config('placet.tenant', each::text, true);
        SELECT c.tenant_id, c.epoch, c.size, c.root INTO tenant_id, epoch, size, root
        FROM placet.authority_checkpoint AS c
        WHERE c.tenant_id = each ORDER BY c.epoch DESC, c.size DESC LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('placet.tenant', '', true);
END
$$;
