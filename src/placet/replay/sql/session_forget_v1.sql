-- Blank every copy of what these bodies of a session say, and of the arguments and outputs of the
-- calls that they are about. The caller holds the session, has written down the erasure, and
-- deletes the bodies afterwards.
CREATE FUNCTION placet.session_forget_v1(p_tenant uuid, p_session uuid, p_seqs bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_calls uuid[];
    v_requests uuid[];
    v_receipts uuid[];
    v_types text[];
BEGIN
    SELECT array_agg(DISTINCT e.type) INTO v_types
    FROM placet.event AS e
    WHERE e.tenant_id = p_tenant AND e.stream_id = p_session AND e.seq = ANY (p_seqs);
    -- `json` and not `jsonb`: a text may hold a character that the latter does not take.
    SELECT array_agg(DISTINCT n.call_id::uuid) FILTER (WHERE n.call_id IS NOT NULL),
           array_agg(DISTINCT n.request_id::uuid) FILTER (WHERE n.request_id IS NOT NULL),
           array_agg(DISTINCT n.receipt_id::uuid) FILTER (WHERE n.receipt_id IS NOT NULL)
    INTO v_calls, v_requests, v_receipts
    FROM placet.event_body AS b
    CROSS JOIN LATERAL (SELECT convert_from(b.body, 'UTF8')::json AS said) AS j
    CROSS JOIN LATERAL (VALUES
        (j.said ->> 'call_id', j.said ->> 'prepared_request_id', j.said ->> 'receipt_id'),
        (j.said ->> 'new_call_id', NULL, NULL)) AS n(call_id, request_id, receipt_id)
    WHERE b.tenant_id = p_tenant AND b.stream_id = p_session AND b.seq = ANY (p_seqs);
    PERFORM placet.calls_forget_v1(p_tenant, p_session, v_calls);
    -- Those that these bodies tell of; one that came later keeps what it brought. No two receipts
    -- of a call have one key.
    UPDATE placet.replay_execution_receipt AS r
    SET output = NULL, output_hash = NULL, external_ref = NULL, error = NULL,
        fingerprint = ''::bytea, idempotency_key = r.receipt_id::text
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session AND r.receipt_id = ANY (v_receipts);
    -- What was answered to a proposal tells of each of its calls, and may tell of labels.
    UPDATE placet.replay_prepared_request AS r
    SET prepared_request_json = '{"model": null, "offered_tools": []}',
        narrowing_json = '{"tools": [], "hidden": []}',
        answer = CASE WHEN r.answer IS NOT NULL THEN '{}'::bytea END
    WHERE r.tenant_id = p_tenant AND r.session_id = p_session
      AND (r.prepared_request_id = ANY (v_requests) OR 'SessionLabelled' = ANY (v_types) OR EXISTS (
          SELECT FROM placet.replay_pending_call AS c
          WHERE c.tenant_id = p_tenant AND c.session_id = p_session
            AND c.prepared_request_id = r.prepared_request_id AND c.call_id = ANY (v_calls)));
    UPDATE placet.replay_claim AS k SET answer = '{}'::bytea
    WHERE k.tenant_id = p_tenant AND k.session_id = p_session
      AND (k.call_id = ANY (v_calls) OR k.prepared_request_id = ANY (v_requests));
    UPDATE placet.replay_session AS s
    SET principal = CASE WHEN 'SessionOpened' = ANY (v_types) THEN '{}' ELSE s.principal END,
        labels = CASE WHEN 'SessionLabelled' = ANY (v_types) THEN '{}' ELSE s.labels END,
        filtered = CASE WHEN 'ToolsFiltered' = ANY (v_types) THEN '[]' ELSE s.filtered END,
        ended_why = CASE WHEN s.ended_why IS NOT NULL AND v_types && ARRAY[
            'SessionClosed', 'SessionStopped', 'SessionBypassed'] THEN '(erased)'
            ELSE s.ended_why END
    WHERE s.tenant_id = p_tenant AND s.session_id = p_session;
    DELETE FROM placet.replay_session_snapshot AS n
    WHERE n.tenant_id = p_tenant AND n.session_id = p_session;
    -- Previews of a window show some of its calls. Any of them can be computed anew.
    DELETE FROM placet.studio_impact AS i USING placet.studio_impact_session AS n
    WHERE n.tenant_id = p_tenant AND n.session_id = p_session
      AND i.tenant_id = n.tenant_id AND i.impact_id = n.impact_id;
    -- What a rule said of a call may tell its arguments.
    UPDATE placet.studio_shadow_tally AS y
    SET example = jsonb_set(jsonb_set(jsonb_set(
        y.example, '{arguments}', 'null'),
        '{before,reasons}', '[]', false), '{after,reasons}', '[]', false)
    WHERE y.tenant_id = p_tenant AND y.example ->> 'session_id' = p_session::text;
END
$$;

-- Blank what is kept of these calls of a session: arguments, values, views and words.
-- Their hashes stay: a receipt that comes late is held to them, and an effect happens once.
CREATE FUNCTION placet.calls_forget_v1(p_tenant uuid, p_session uuid, p_calls uuid[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE placet.replay_pending_call AS c
    SET arguments = '{}'::bytea, tool_call_id = '(erased)', reasons = '[]'
    WHERE c.tenant_id = p_tenant AND c.session_id = p_session AND c.call_id = ANY (p_calls);
    UPDATE placet.replay_ask AS a SET view = ''::bytea
    WHERE a.tenant_id = p_tenant AND a.session_id = p_session AND a.call_id = ANY (p_calls);
    UPDATE placet.replay_ask_edit AS d SET reason = '(erased)'
    WHERE d.tenant_id = p_tenant AND d.session_id = p_session
      AND (d.call_id = ANY (p_calls) OR d.new_call_id = ANY (p_calls));
    UPDATE placet.replay_settlement AS t SET reason = '(erased)'
    WHERE t.tenant_id = p_tenant AND t.session_id = p_session AND t.call_id = ANY (p_calls);
    DELETE FROM placet.replay_kept AS k
    WHERE k.tenant_id = p_tenant AND k.session_id = p_session AND k.call_id = ANY (p_calls);
    UPDATE placet.replay_amount AS m SET value = '0'
    WHERE m.tenant_id = p_tenant AND m.session_id = p_session AND m.call_id = ANY (p_calls);
END
$$;

-- Refuse every change of a row but one: that columns which this trigger names become blank, once
-- bodies of the session were erased. A receipt's key becomes its id.
CREATE FUNCTION placet.copy_change_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_old jsonb := to_jsonb(OLD);
    v_new jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        v_new := to_jsonb(NEW);
        IF v_old - TG_ARGV = v_new - TG_ARGV
            AND NOT EXISTS (
                SELECT FROM unnest(TG_ARGV) AS name
                WHERE v_new ->> name IS NOT NULL
                  AND v_new ->> name NOT IN ('(erased)', '\x', '\x7b7d')
                  AND v_new ->> name IS DISTINCT FROM v_new ->> 'receipt_id')
            AND EXISTS (
                SELECT FROM placet.audit_erasure AS x
                WHERE x.tenant_id = OLD.tenant_id AND x.stream_id = OLD.session_id)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Refuse every change of what a commit left but one: its end, once bodies of its session were
-- erased.
CREATE FUNCTION placet.kept_change_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM placet.audit_erasure AS x
        WHERE x.tenant_id = OLD.tenant_id AND x.stream_id = OLD.session_id)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Refuse every change of a preview but one: its end, once bodies of a session that it shows calls
-- of were erased.
CREATE FUNCTION placet.impact_change_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM placet.studio_impact_session AS n
        JOIN placet.audit_erasure AS x
            ON x.tenant_id = n.tenant_id AND x.stream_id = n.session_id
        WHERE n.tenant_id = OLD.tenant_id AND n.impact_id = OLD.impact_id)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Keep no snapshot of a session whose bodies were erased: none could be made of what is left.
CREATE FUNCTION placet.snapshot_kept_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Race: an erasure holds the session, and removes the snapshots that it finds.
    PERFORM FROM placet.replay_session AS s
    WHERE s.tenant_id = NEW.tenant_id AND s.session_id = NEW.session_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM placet.audit_erasure AS x
        WHERE x.tenant_id = NEW.tenant_id AND x.stream_id = NEW.session_id)
    THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
