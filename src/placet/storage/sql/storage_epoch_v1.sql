-- Which cluster and which of its timelines this is, as it stands now. A restore and a failover begin
-- another timeline; a copy by pg_dump stands in another cluster. Null while the server only follows.
CREATE FUNCTION placet.storage_here_v1(OUT system_identifier text, OUT timeline bigint)
LANGUAGE plpgsql AS $$
BEGIN
    -- A connection never changes its cluster, and asking costs a look into a file.
    system_identifier := current_setting('placet.system_identifier', true);
    IF coalesce(system_identifier, '') = '' THEN
        SELECT c.system_identifier::text INTO system_identifier FROM pg_control_system() AS c;
        PERFORM set_config('placet.system_identifier', system_identifier, false);
    END IF;
    IF NOT pg_is_in_recovery() THEN
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint;
    END IF;
END
$$;

-- The epoch of all authority, and whether it was raised for this server: where it was not, nobody
-- knows what a restore or a failover took away, and nothing is granted.
-- DEFINER: only the owner reaches the row.
CREATE FUNCTION placet.storage_epoch_v1(OUT epoch bigint, OUT is_current boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.epoch, (e.system_identifier, e.timeline) IS NOT DISTINCT FROM
                    (h.system_identifier, h.timeline)
    INTO epoch, is_current
    FROM placet.storage_epoch AS e, placet.storage_here_v1() AS h;
    is_current := coalesce(is_current, false);
END
$$;

-- All that is known of the epoch, for whoever looks after the service.
CREATE FUNCTION placet.storage_epoch_read_v1(
    OUT epoch bigint, OUT system_identifier text, OUT timeline bigint, OUT raised_at timestamptz,
    OUT here_system_identifier text, OUT here_timeline bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.epoch, e.system_identifier, e.timeline, e.raised_at,
           h.system_identifier, h.timeline
    INTO epoch, system_identifier, timeline, raised_at, here_system_identifier, here_timeline
    FROM placet.storage_epoch AS e, placet.storage_here_v1() AS h;
END
$$;
