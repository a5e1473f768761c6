-- Note which streams a kept answer names, so that an erasure of one of them finds it, and that
-- answers of the tenant are to be swept. DEFINER: nobody else reads or writes those notes.
CREATE FUNCTION placet.answer_named_v1()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_stream uuid;
BEGIN
    FOR v_stream IN
        SELECT DISTINCT f.found[1]::uuid AS stream
        FROM regexp_matches(
            encode(NEW.body, 'escape'),
            '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS f(found)
        ORDER BY stream
    LOOP
        CONTINUE WHEN NOT placet.stream_held_v1(NEW.tenant_id, v_stream);
        -- Race: what an answer tells may have been read before an erasure that has ended since,
        -- and that took a few seconds at most. A repeat has no second effect, and is told nothing.
        IF EXISTS (
            SELECT FROM placet.audit_erasure AS x
            WHERE x.tenant_id = NEW.tenant_id AND x.stream_id = v_stream
              AND x.erased_at > NEW.created_at - interval '1 minute')
        THEN
            UPDATE placet.idempotency_answer AS a SET body = '{}'::bytea
            WHERE a.tenant_id = NEW.tenant_id AND a.actor_id = NEW.actor_id
              AND a.route = NEW.route AND a.key = NEW.key;
            RETURN NULL;
        END IF;
        INSERT INTO placet.idempotency_stream (tenant_id, stream_id, actor_id, route, key)
        VALUES (NEW.tenant_id, v_stream, NEW.actor_id, NEW.route, NEW.key)
        ON CONFLICT DO NOTHING;
    END LOOP;
    IF NOT EXISTS (
        SELECT FROM placet.work_due AS w
        WHERE w.tenant_id = NEW.tenant_id AND w.kind = 'sweep_answers' AND w.ref = NEW.tenant_id)
    THEN
        PERFORM placet.work_due_put_v1(
            'sweep_answers', NEW.tenant_id, clock_timestamp() + interval '7 days');
    END IF;
    RETURN NULL;
END
$$;

-- Say whether there is such a stream. One that may lose bodies at any moment is held until the
-- transaction ends: whoever erases waits, and then finds what this one has kept.
CREATE FUNCTION placet.stream_held_v1(p_tenant uuid, p_stream uuid)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_kind text;
BEGIN
    PERFORM FROM placet.replay_session_seal AS l
    WHERE l.tenant_id = p_tenant AND l.session_id = p_stream;
    IF FOUND THEN
        PERFORM FROM placet.replay_session AS s
        WHERE s.tenant_id = p_tenant AND s.session_id = p_stream FOR NO KEY UPDATE;
        RETURN true;
    END IF;
    PERFORM FROM placet.replay_session AS s
    WHERE s.tenant_id = p_tenant AND s.session_id = p_stream;
    IF FOUND THEN
        RETURN true;
    END IF;
    SELECT t.kind INTO v_kind FROM placet.event_stream AS t
    WHERE t.tenant_id = p_tenant AND t.stream_id = p_stream;
    IF v_kind IN ('run', 'workspace') THEN
        PERFORM FROM placet.event_stream AS t
        WHERE t.tenant_id = p_tenant AND t.stream_id = p_stream FOR NO KEY UPDATE;
    END IF;
    RETURN coalesce(v_kind IN ('run', 'workspace'), false);
END
$$;
