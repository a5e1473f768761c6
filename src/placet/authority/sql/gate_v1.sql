-- The lock of a tenant's control gate: granting and starting hold it shared, wide controls alone.
CREATE FUNCTION placet.gate_lock_key_v1(p_tenant uuid)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || right(replace(p_tenant::text, '-', ''), 15))::bit(60)::bigint
$$;

-- Say what is in force. Outside the gate this is a courtesy, good enough to refuse and never to
-- grant on.
CREATE FUNCTION placet.gate_read_v1(
    p_tenant uuid, OUT control_epoch bigint, OUT killed_by uuid)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT g.control_epoch INTO control_epoch
    FROM placet.authority_control_gate AS g WHERE g.tenant_id = p_tenant;
    SELECT c.control_id INTO killed_by
    FROM placet.authority_control AS c
    WHERE c.tenant_id = p_tenant AND c.kind = 'tenant' AND c.effect = 'kill'
      AND c.lifted_epoch IS NULL
    LIMIT 1;
    control_epoch := coalesce(control_epoch, 0);
END
$$;

-- Pass the gate: hold it shared to the end of the transaction, and say what is in force.
-- The reads follow the lock in statements of their own, so they see what a kill committed.
CREATE FUNCTION placet.gate_pass_v1(
    p_tenant uuid, OUT control_epoch bigint, OUT killed_by uuid)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(placet.gate_lock_key_v1(p_tenant));
    SELECT r.control_epoch, r.killed_by INTO control_epoch, killed_by
    FROM placet.gate_read_v1(p_tenant) AS r;
END
$$;

-- Put a control wider than one session in force for the current tenant: the gate alone, one row,
-- one event. Comes last in a transaction, because grants wait for it from here on.
CREATE FUNCTION placet.control_add_v1(
    p_control uuid, p_kind text, p_target text, p_effect text, p_reason text, p_actor uuid,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT control_epoch bigint, OUT set_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    had placet.authority_control%ROWTYPE;
BEGIN
    -- A kill may wait longer than other work: it waits for grants under way, and wins in the end.
    PERFORM set_config('lock_timeout', '4s', true);
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
    SELECT * INTO had FROM placet.authority_control AS c
    WHERE c.tenant_id = v_tenant AND c.control_id = p_control;
    IF FOUND THEN
        code := CASE WHEN (had.kind, had.target, had.effect, had.reason)
                        = (p_kind, p_target, p_effect, p_reason)
                     THEN 'ok' ELSE 'idempotency_conflict' END;
        control_epoch := had.set_epoch;
        set_at := had.set_at;
        RETURN;
    END IF;
    INSERT INTO placet.authority_control_gate AS g (tenant_id, control_epoch)
    VALUES (v_tenant, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET control_epoch = g.control_epoch + 1
    RETURNING g.control_epoch INTO control_epoch;
    set_at := clock_timestamp();
    INSERT INTO placet.authority_control (
        tenant_id, control_id, kind, target, effect, reason, set_epoch, lifted_epoch, set_by,
        set_at)
    VALUES (v_tenant, p_control, p_kind, p_target, p_effect, p_reason, control_epoch, NULL,
            p_actor, set_at);
    PERFORM placet.event_append_v1(
        placet.tenant_stream_v1(v_tenant, 'control'), 'control', p_actor, ARRAY[p_event],
        ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body]);
    code := 'ok';
END
$$;

-- Put a control in force for whoever holds this key.
CREATE FUNCTION placet.control_set_v1(
    p_key_id text, p_secret_hash bytea, p_control uuid, p_kind text, p_target text,
    p_effect text, p_reason text,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT control_epoch bigint, OUT set_at timestamptz
)
LANGUAGE plpgsql AS $$
DECLARE
    who record;
    made record;
BEGIN
    SELECT * INTO who FROM placet.authenticate_v1(p_key_id, p_secret_hash);
    IF who.code <> 'ok' THEN
        code := 'unauthenticated';
        RETURN;
    END IF;
    IF NOT 'operate' = ANY (who.scopes) THEN
        code := 'forbidden';
        RETURN;
    END IF;
    SELECT * INTO made FROM placet.control_add_v1(
        p_control, p_kind, p_target, p_effect, p_reason, who.actor_id,
        p_event, p_type, p_salt, p_body);
    code := made.code;
    control_epoch := made.control_epoch;
    set_at := made.set_at;
END
$$;
