-- A log has grown: the tenant's index follows it.
CREATE FUNCTION placet.audit_due_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM placet.work_due_put_v1('index_audit', NEW.tenant_id, clock_timestamp());
    RETURN NULL;
END
$$;
