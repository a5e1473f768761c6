-- Seal a session's stream in the statement that ends the session: its count and its last leaf. The
-- tenant's stream of seals tells of it later. What it held of wider allowances is given back.
-- The trigger on `replay_session` waits for `ended_at`, so that no other write pays for this.
CREATE FUNCTION placet.session_seal_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO placet.replay_session_seal (
        tenant_id, session_id, status, last_seq, head, sealed_at)
    VALUES (
        NEW.tenant_id, NEW.session_id, NEW.status, NEW.next_seq - 1, NEW.head, NEW.ended_at);
    INSERT INTO placet.event_seal_pending (
        tenant_id, stream_id, kind, last_seq, last_leaf, status, at)
    VALUES (
        NEW.tenant_id, NEW.session_id, 'session', NEW.next_seq - 1, NEW.head, NEW.status,
        clock_timestamp());
    PERFORM placet.slices_return_v1(NEW.tenant_id, NEW.session_id);
    RETURN NULL;
END
$$;
