-- Note of which sessions a preview shows calls, so that an erasure of one of them finds it. DEFINER:
-- nobody else writes those notes.
CREATE FUNCTION placet.impact_named_v1()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO placet.studio_impact_session (tenant_id, session_id, impact_id)
    SELECT DISTINCT s.tenant_id, s.session_id, NEW.impact_id
    FROM regexp_matches(
        encode(NEW.report_json, 'escape'),
        '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS f(found)
    JOIN placet.replay_session AS s
        ON s.tenant_id = NEW.tenant_id AND s.session_id = f.found[1]::uuid;
    RETURN NULL;
END
$$;
