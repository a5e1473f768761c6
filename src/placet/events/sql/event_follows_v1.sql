-- Belt and braces: whatever writes an event, it must follow the one before it, and under no lower
-- fence. The functions that write hold the stream's lock; this catches one that forgot.
CREATE FUNCTION placet.event_follows_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before record;
BEGIN
    IF NEW.seq = 1 THEN
        IF NEW.prev = decode(repeat('00', 32), 'hex') THEN
            RETURN NEW;
        END IF;
    ELSE
        SELECT e.leaf, e.epoch, e.fence, e.at INTO before
        FROM placet.event AS e
        WHERE e.tenant_id = NEW.tenant_id AND e.stream_id = NEW.stream_id AND e.seq = NEW.seq - 1;
        IF before.leaf = NEW.prev AND (before.epoch, before.fence) <= (NEW.epoch, NEW.fence)
            AND before.at <= NEW.at
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'event % does not follow the one before it', NEW.seq
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
