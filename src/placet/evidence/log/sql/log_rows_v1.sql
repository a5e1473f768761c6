-- How many entries of a log one part of its time holds, and so how many rows a look may pass over.
CREATE FUNCTION placet.log_part_v1()
RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN 65536;
END
$$;

-- Between which times a look at the current tenant's queues reads. Rows that were taken stay in an
-- index for as long as anybody holds an old snapshot; so a look begins shortly before the last row
-- that a round took (p_part null), and what was committed late is looked for one part of the log's
-- time after the other: part k begins when the event of entry k * log_part_v1() was written. The
-- newest part, which is -1 too, has no end; behind it the numbers begin from the first part again.
CREATE FUNCTION placet.log_span_v1(p_part bigint, OUT start timestamptz, OUT stop timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    v_width bigint := placet.log_part_v1();
    v_size bigint;
    v_part bigint;
BEGIN
    SELECT l.size, l.mark - interval '10 seconds' INTO v_size, start
    FROM placet.evidence_log AS l WHERE l.tenant_id = v_tenant;
    -- Race: the clock may have been put back since.
    start := CASE WHEN start IS NULL THEN '-infinity'
                  ELSE least(start, clock_timestamp() - interval '10 seconds') END;
    stop := 'infinity';
    IF p_part IS NULL THEN
        RETURN;
    END IF;
    v_size := coalesce(v_size, 0);
    v_part := CASE WHEN p_part < 0 THEN v_size / v_width ELSE p_part % (v_size / v_width + 1) END;
    IF v_part = v_size / v_width THEN
        start := least(start, placet.log_time_v1(v_part * v_width));
    ELSE
        start := placet.log_time_v1(v_part * v_width);
        stop := coalesce(placet.log_time_v1((v_part + 1) * v_width), 'infinity');
    END IF;
END
$$;

-- When the event of an entry of the current tenant's log was written: of the first one, since ever.
CREATE FUNCTION placet.log_time_v1(p_index bigint)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_index = 0 THEN
        RETURN '-infinity';
    END IF;
    RETURN (
        SELECT e.at FROM placet.evidence_log_entry AS l JOIN placet.event AS e
            ON e.tenant_id = l.tenant_id AND e.stream_id = l.stream_id AND e.seq = l.seq
        WHERE l.tenant_id = placet.tenant() AND l.index = p_index);
END
$$;

-- Rows of the current tenant's queue of events that a look meets, the oldest first. By index alone:
-- a queue is empty when its plan is made, and may hold many dead rows when it is used.
CREATE FUNCTION placet.log_rows_v1(p_part bigint, p_limit bigint)
RETURNS SETOF placet.event_log_pending LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    v_span record;
BEGIN
    SELECT * INTO v_span FROM placet.log_span_v1(p_part);
    RETURN QUERY SELECT p.* FROM placet.event_log_pending AS p
    WHERE p.tenant_id = v_tenant AND p.at >= v_span.start AND p.at < v_span.stop
    ORDER BY p.at, p.stream_id, p.from_seq LIMIT p_limit;
END
$$;

-- The same of its queue of streams that ended.
CREATE FUNCTION placet.log_seals_v1(p_part bigint, p_limit bigint)
RETURNS SETOF placet.event_seal_pending LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    v_span record;
BEGIN
    SELECT * INTO v_span FROM placet.log_span_v1(p_part);
    RETURN QUERY SELECT p.* FROM placet.event_seal_pending AS p
    WHERE p.tenant_id = v_tenant AND p.at >= v_span.start AND p.at < v_span.stop
    ORDER BY p.at, p.stream_id LIMIT p_limit;
END
$$;

-- Remove rows of both queues whose events have entered and whose ends were told.
CREATE FUNCTION placet.log_taken_v1(
    p_at timestamptz[], p_streams uuid[], p_froms bigint[],
    p_sealed_at timestamptz[], p_sealed uuid[])
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_tenant uuid := placet.tenant();
BEGIN
    DELETE FROM placet.event_log_pending AS p
    USING unnest(p_at, p_streams, p_froms) AS r(at, stream_id, from_seq)
    WHERE p.tenant_id = v_tenant AND p.at = r.at AND p.stream_id = r.stream_id
      AND p.from_seq = r.from_seq;
    DELETE FROM placet.event_seal_pending AS p
    USING unnest(p_sealed_at, p_sealed) AS r(at, stream_id)
    WHERE p.tenant_id = v_tenant AND p.at = r.at AND p.stream_id = r.stream_id;
END
$$;
