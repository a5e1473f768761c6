-- What the calls of a session that count give to the aggregates of its contract: no more than can
-- still matter. What no failure can take back any more is told together where one number says it
-- all, and what has left its window is not told. A window is taken a minute longer than it is, for
-- clocks that are set back.
CREATE FUNCTION placet.session_amounts_v1(s placet.replay_session)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_rules jsonb;
    v_amounts jsonb;
BEGIN
    -- Most contracts have no aggregates: their sessions are spared the look at the contract.
    IF NOT EXISTS (
        SELECT FROM placet.replay_amount AS a
        WHERE a.tenant_id = s.tenant_id AND a.session_id = s.session_id)
    THEN
        RETURN '[]';
    END IF;
    SELECT convert_from(r.runtime_projection_json, 'UTF8')::jsonb -> 'aggregates' INTO v_rules
    FROM placet.authority_artifact AS r
    WHERE r.tenant_id = s.tenant_id AND r.artifact_id = s.artifact_id;
    WITH counting AS MATERIALIZED (
        SELECT a.name, a.value, a.committed_at AS at, r.op, CASE
            WHEN a.committed_at IS NULL THEN 'apart'
            WHEN r.op IN ('sum', 'count') AND r.window_seconds IS NULL THEN 'summed'
            WHEN r.op IN ('sum', 'count') THEN 'apart'
            -- What committed at its grant may yet fail.
            WHEN a.committed_at = a.opened_at AND EXISTS (
                SELECT FROM placet.replay_pending_call AS c
                WHERE c.tenant_id = a.tenant_id AND c.session_id = a.session_id
                  AND c.call_id = a.call_id AND c.settled_at IS NULL) THEN 'apart'
            WHEN r.op = 'distinct' THEN 'latest'
            WHEN r.window_seconds IS NULL THEN r.op
            ELSE 'apart'
        END AS told
        FROM placet.replay_amount AS a
        JOIN jsonb_to_recordset(v_rules) AS r(name text, op text, window_seconds double precision)
            ON r.name = a.name
        WHERE a.tenant_id = s.tenant_id AND a.session_id = s.session_id AND a.released_at IS NULL
          AND (a.committed_at IS NULL OR r.window_seconds IS NULL
               OR a.committed_at
                   > clock_timestamp() - make_interval(secs => r.window_seconds + 60))
    ), told AS (
        SELECT n.name, n.value, n.at FROM counting AS n WHERE n.told = 'apart'
        UNION ALL
        SELECT n.name, n.value, max(n.at) FROM counting AS n WHERE n.told = 'latest'
        GROUP BY n.name, n.value
        UNION ALL
        SELECT n.name, sum(n.value::numeric)::text, max(n.at)
        FROM counting AS n WHERE n.told = 'summed' GROUP BY n.name
        UNION ALL
        SELECT n.name,
               (CASE n.told WHEN 'max' THEN max(n.value::numeric)
                            ELSE min(n.value::numeric) END)::text,
               max(n.at)
        FROM counting AS n WHERE n.told IN ('max', 'min') GROUP BY n.name, n.told
    )
    SELECT jsonb_agg(jsonb_build_object('name', t.name, 'value', t.value, 'at', t.at)
                     ORDER BY t.at NULLS LAST)
    INTO v_amounts FROM told AS t;
    RETURN coalesce(v_amounts, '[]');
END
$$;
