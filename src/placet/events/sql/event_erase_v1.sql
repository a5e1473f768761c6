-- Erase bodies of one stream of the current tenant with their salts and with every copy of what they
-- say, and tell of it in the tenant's `erasures` stream. Nothing else deletes a body.
-- DEFINER: the application may delete none. `p_seqs` are events whose bodies are there; where that
-- is not so any more nothing is done, and the code is `redo`. `p_body` must say what is done here.
CREATE FUNCTION placet.event_erase_v1(
    p_stream uuid, p_erasure uuid, p_why text, p_seqs bigint[],
    p_actor uuid, p_event uuid, p_salt bytea, p_body bytea,
    OUT code text, OUT erased bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    v_said jsonb := convert_from(p_body, 'UTF8')::jsonb;
    v_kind text;
    v_at timestamptz;
BEGIN
    erased := 0;
    v_kind := placet.event_erasable_v1(v_tenant, p_stream, p_why);
    IF v_kind NOT IN ('session', 'workspace', 'run') THEN
        code := v_kind;
        RETURN;
    END IF;
    IF NOT v_said @> jsonb_build_object(
        'stream_id', p_stream, 'erasure_id', p_erasure, 'why', p_why,
        'count', cardinality(p_seqs), 'from_seq', (SELECT min(q) FROM unnest(p_seqs) AS q),
        'to_seq', (SELECT max(q) FROM unnest(p_seqs) AS q))
    THEN
        code := 'misstated';
        RETURN;
    END IF;
    -- Race: whoever was here first has held the stream until its bodies were gone.
    SELECT count(DISTINCT b.seq) INTO erased
    FROM placet.event_body AS b
    JOIN placet.event AS e
        ON e.tenant_id = b.tenant_id AND e.stream_id = b.stream_id AND e.seq = b.seq
    WHERE b.tenant_id = v_tenant AND b.stream_id = p_stream AND b.seq = ANY (p_seqs)
      AND placet.event_type_goes_v1(v_kind, e.type);
    IF erased = 0 OR erased <> cardinality(p_seqs) THEN
        code := 'redo';
        erased := 0;
        RETURN;
    END IF;
    v_at := clock_timestamp();
    -- Neighbours become one row: the distance between a sequence and its place among those given
    -- is the same for all of them. The trigger on bodies looks for these rows.
    INSERT INTO placet.audit_erasure (
        tenant_id, stream_id, from_seq, to_seq, erasure_id, why, erased_at)
    SELECT v_tenant, p_stream, min(r.seq), max(r.seq), p_erasure, p_why, v_at
    FROM (
        SELECT q AS seq, q - row_number() OVER (ORDER BY q) AS run FROM unnest(p_seqs) AS q
    ) AS r
    GROUP BY r.run;
    IF v_kind = 'session' THEN
        PERFORM placet.session_forget_v1(v_tenant, p_stream, p_seqs);
    ELSIF v_kind = 'workspace' THEN
        PERFORM placet.workspace_forget_v1(v_tenant, p_stream, p_seqs);
    END IF;
    -- Answers that are kept for a repeat of their request tell nothing any more. Their keys stand
    -- for as long as it may come: an import that is sent again would bring in what went.
    UPDATE placet.idempotency_answer AS a SET body = '{}'::bytea
    FROM placet.idempotency_stream AS n
    WHERE n.tenant_id = v_tenant AND n.stream_id = p_stream AND a.tenant_id = n.tenant_id
      AND a.actor_id = n.actor_id AND a.route = n.route AND a.key = n.key;
    DELETE FROM placet.idempotency_stream AS o USING placet.idempotency_stream AS n
    WHERE n.tenant_id = v_tenant AND n.stream_id = p_stream AND o.tenant_id = n.tenant_id
      AND o.actor_id = n.actor_id AND o.route = n.route AND o.key = n.key;
    DELETE FROM placet.event_body AS b
    WHERE b.tenant_id = v_tenant AND b.stream_id = p_stream AND b.seq = ANY (p_seqs);
    PERFORM placet.folds_forget_v1(v_tenant, p_stream, p_seqs);
    PERFORM placet.artifacts_forget_v1(v_tenant, p_stream, p_seqs);
    PERFORM placet.stream_pruned_v1(v_tenant, p_stream);
    PERFORM placet.event_append_v1(
        placet.tenant_stream_v1(v_tenant, 'erasures'), 'erasures', p_actor,
        ARRAY[p_event], ARRAY['BodiesErased'], ARRAY[p_salt], ARRAY[p_body]);
    code := 'ok';
END
$$;

-- Hold a stream until the transaction ends, and say whether bodies of it may go: its kind, or why
-- not: `unknown`, `kept` (never), `open`, `unsettled` (nobody knows what became of some call).
-- A run gives no authority: on a person's request its bodies go while it is open too.
CREATE FUNCTION placet.event_erasable_v1(p_tenant uuid, p_stream uuid, p_why text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_kind text;
BEGIN
    PERFORM FROM placet.replay_session AS s
    WHERE s.tenant_id = p_tenant AND s.session_id = p_stream FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN CASE
            WHEN NOT EXISTS (
                SELECT FROM placet.replay_session_seal AS l
                WHERE l.tenant_id = p_tenant AND l.session_id = p_stream) THEN 'open'
            WHEN EXISTS (
                SELECT FROM placet.replay_pending_call AS c
                WHERE c.tenant_id = p_tenant AND c.session_id = p_stream
                  AND c.status IN ('granted', 'unknown')) THEN 'unsettled'
            ELSE 'session'
        END;
    END IF;
    SELECT t.kind INTO v_kind FROM placet.event_stream AS t
    WHERE t.tenant_id = p_tenant AND t.stream_id = p_stream FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF v_kind = 'run' THEN
        RETURN CASE
            WHEN p_why = 'retention' AND NOT EXISTS (
                SELECT FROM placet.event_close AS k
                WHERE k.tenant_id = p_tenant AND k.stream_id = p_stream) THEN 'open'
            ELSE 'run'
        END;
    ELSIF v_kind <> 'workspace' THEN
        RETURN 'kept';
    ELSIF EXISTS (
        SELECT FROM placet.studio_workspace AS w
        WHERE w.tenant_id = p_tenant AND w.workspace_id = p_stream
          AND w.status = 'archived' AND w.active_approval_id IS NULL)
    THEN
        RETURN 'workspace';
    END IF;
    RETURN 'open';
END
$$;

-- Say whether the body of an event of this type may be erased in a stream of this kind.
-- Of a workspace only what people wrote in words: all else tells how authority came about.
CREATE FUNCTION placet.event_type_goes_v1(p_kind text, p_type text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_kind IN ('session', 'run') OR (p_kind = 'workspace' AND p_type IN (
        'ApprovalRequestClosed', 'DraftAbandoned', 'DriftDecided', 'DriftOpened',
        'WorkspaceArchived'))
$$;

-- Let go of the artifacts of these events, and of their bytes where no other event has them.
CREATE FUNCTION placet.artifacts_forget_v1(p_tenant uuid, p_stream uuid, p_seqs bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_digests bytea[];
BEGIN
    WITH gone AS (
        DELETE FROM placet.event_artifact_link AS l
        WHERE l.tenant_id = p_tenant AND l.stream_id = p_stream AND l.seq = ANY (p_seqs)
        RETURNING l.digest
    )
    SELECT array_agg(DISTINCT g.digest) INTO v_digests FROM gone AS g;
    DELETE FROM placet.event_artifact AS a
    WHERE a.tenant_id = p_tenant AND a.digest = ANY (v_digests)
      AND NOT EXISTS (
          SELECT FROM placet.event_artifact_link AS l
          WHERE l.tenant_id = p_tenant AND l.digest = a.digest);
END
$$;

-- Refuse every change of bytes but one: their end, once no event has them.
CREATE FUNCTION placet.artifact_change_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
            SELECT FROM placet.audit_erasure AS x WHERE x.tenant_id = OLD.tenant_id)
        AND NOT EXISTS (
            SELECT FROM placet.event_artifact_link AS l
            WHERE l.tenant_id = OLD.tenant_id AND l.digest = OLD.digest)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Refuse every change of a body, or of what hangs on it, but one: its end, once an erasure of it
-- was written down.
CREATE FUNCTION placet.body_change_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM placet.audit_erasure AS x
        WHERE x.tenant_id = OLD.tenant_id AND x.stream_id = OLD.stream_id
          AND OLD.seq BETWEEN x.from_seq AND x.to_seq)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% refused: its rows are never changed', tg_op, tg_table_schema,
        tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Keep no artifact of an event whose body was erased, and no checkpoint of a stream that lost any,
-- or whose origins did: what is made of a body would outlive it. DEFINER: the application may hold
-- no stream.
CREATE FUNCTION placet.after_erasure_v1()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_stream uuid := NEW.stream_id;
    v_from bigint := 1;
    v_to bigint := 9223372036854775807;
BEGIN
    IF TG_TABLE_NAME = 'event_artifact_link' THEN
        v_from := NEW.seq;
        v_to := NEW.seq;
    END IF;
    LOOP
        -- Race: an erasure holds the stream, and removes the copies that it finds.
        PERFORM FROM placet.replay_session AS s
        WHERE s.tenant_id = NEW.tenant_id AND s.session_id = v_stream FOR NO KEY UPDATE;
        PERFORM FROM placet.event_stream AS t
        WHERE t.tenant_id = NEW.tenant_id AND t.stream_id = v_stream FOR NO KEY UPDATE;
        IF EXISTS (
            SELECT FROM placet.audit_erasure AS x
            WHERE x.tenant_id = NEW.tenant_id AND x.stream_id = v_stream
              AND x.from_seq <= v_to AND x.to_seq >= v_from)
        THEN
            RETURN NULL;
        END IF;
        EXIT WHEN TG_TABLE_NAME = 'event_artifact_link';
        SELECT f.origin_id, f.origin_seq INTO v_stream, v_to FROM placet.event_fork AS f
        WHERE f.tenant_id = NEW.tenant_id AND f.stream_id = v_stream;
        EXIT WHEN NOT FOUND;
    END LOOP;
    RETURN NEW;
END
$$;
