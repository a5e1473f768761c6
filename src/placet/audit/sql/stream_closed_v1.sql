-- Note that a stream closed, or that a closed one has a body again: what erases by age looks through
-- these notes alone, and takes each away with the last body. DEFINER: nobody else writes them.
CREATE FUNCTION placet.stream_closed_v1()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_class text := CASE WHEN TG_TABLE_NAME = 'event_close' THEN 'run' ELSE 'session' END;
    v_stream uuid;
    v_at timestamptz;
BEGIN
    IF TG_TABLE_NAME = 'replay_session_seal' THEN
        v_stream := NEW.session_id;
        v_at := NEW.sealed_at;
    ELSIF TG_TABLE_NAME = 'replay_session' THEN
        v_stream := NEW.session_id;
        v_at := NEW.ended_at;
    ELSE
        v_stream := NEW.stream_id;
        v_at := NEW.closed_at;
        -- The tenant's stream of seals tells where a run ended, as it tells of a session.
        INSERT INTO placet.event_seal_pending (
            tenant_id, stream_id, kind, last_seq, last_leaf, status, at)
        SELECT e.tenant_id, e.stream_id, 'run', e.seq, e.leaf, 'closed', clock_timestamp()
        FROM placet.event AS e
        WHERE e.tenant_id = NEW.tenant_id AND e.stream_id = NEW.stream_id AND e.seq = NEW.last_seq;
    END IF;
    INSERT INTO placet.audit_closed (tenant_id, stream_id, stream_class, closed_at)
    VALUES (NEW.tenant_id, v_stream, v_class, v_at)
    ON CONFLICT DO NOTHING;
    IF FOUND AND TG_OP = 'UPDATE' THEN
        UPDATE placet.audit_pruned AS d SET streams = d.streams - 1
        WHERE d.tenant_id = NEW.tenant_id AND d.stream_class = v_class;
    END IF;
    RETURN NULL;
END
$$;

-- Note that a closed stream has no body any more, where that is so: nothing looks through it again.
CREATE FUNCTION placet.stream_pruned_v1(p_tenant uuid, p_stream uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_class text;
BEGIN
    DELETE FROM placet.audit_closed AS c
    WHERE c.tenant_id = p_tenant AND c.stream_id = p_stream AND NOT EXISTS (
        SELECT FROM placet.event_body AS b
        WHERE b.tenant_id = p_tenant AND b.stream_id = p_stream)
    RETURNING c.stream_class INTO v_class;
    IF FOUND THEN
        INSERT INTO placet.audit_pruned AS d (tenant_id, stream_class, streams)
        VALUES (p_tenant, v_class, 1)
        ON CONFLICT (tenant_id, stream_class) DO UPDATE SET streams = d.streams + 1;
    END IF;
END
$$;
