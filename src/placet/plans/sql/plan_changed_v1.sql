-- Tell whoever listens that a plan is new or has moved, once that is committed.
-- Plans move when people decide, or at a first attach: no governed call waits for this.
CREATE FUNCTION placet.plan_changed_v1()
RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('placet_plan', NEW.plan_id::text);
    RETURN NULL;
END
$$;
