-- Put an event before every endpoint of its tenant that asked for its type, and wake a sender.
-- The trigger on `event` names the types, so that no other event pays for this.
CREATE FUNCTION placet.outbox_put_v1()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO placet.webhooks_delivery (
        tenant_id, endpoint_id, event_id, stream_id, seq, event_type, occurred_at, status,
        attempts, next_at, claim_number)
    SELECT NEW.tenant_id, w.endpoint_id, NEW.event_id, NEW.stream_id, NEW.seq, NEW.type, NEW.at,
           'due', 0, NEW.at, 0
    FROM placet.webhooks_endpoint AS w
    WHERE w.tenant_id = NEW.tenant_id AND w.status = 'active'
      AND (w.event_types = '[]'::jsonb OR w.event_types @> to_jsonb(NEW.type));
    -- Race: a row of its own for each event, so that no write waits for another here.
    IF FOUND THEN
        PERFORM placet.work_due_put_v1('send_webhooks', NEW.event_id, NEW.at);
    END IF;
    RETURN NULL;
END
$$;
