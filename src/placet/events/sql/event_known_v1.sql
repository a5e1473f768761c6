-- Tell whether an event stands in a stream, or in what the stream was forked from, up to the fork.
CREATE FUNCTION placet.event_known_v1(p_tenant uuid, p_stream uuid, p_event uuid)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_stream uuid := p_stream;
    v_until bigint := 9223372036854775807;
BEGIN
    LOOP
        IF EXISTS (
            SELECT FROM placet.event_place AS p
            WHERE p.tenant_id = p_tenant AND p.stream_id = v_stream AND p.event_id = p_event
                AND p.seq <= v_until)
        THEN
            RETURN true;
        END IF;
        SELECT f.origin_id, f.origin_seq INTO v_stream, v_until FROM placet.event_fork AS f
        WHERE f.tenant_id = p_tenant AND f.stream_id = v_stream;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END LOOP;
END
$$;
