-- Open a session with its first event, on an issuer's assertion where one came. The tenant is the
-- transaction's own.
CREATE FUNCTION placet.session_open_v1(
    p_row jsonb, p_state bytea, p_actor uuid,
    p_event uuid, p_type text, p_salt bytea, p_body bytea, p_asserted jsonb,
    OUT code text, OUT created_at timestamptz, OUT epoch bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    gate record;
    w record;
    r placet.replay_session;
    v_store record;
    v_issuer uuid := (p_asserted ->> 'issuer_id')::uuid;
BEGIN
    SELECT * INTO gate FROM placet.gate_pass_v1(v_tenant);
    SELECT * INTO v_store FROM placet.storage_epoch_v1();
    IF NOT v_store.is_current THEN
        code := 'recovering';
        RETURN;
    END IF;
    r := jsonb_populate_record(NULL::placet.replay_session, p_row);
    IF r.activation_id IS NOT NULL THEN
        -- Race: the activation may have been ended before its time since the plan was read.
        SELECT least(r.authority_until, p.activated_until) INTO r.authority_until
        FROM placet.plans_plan AS p
        WHERE p.tenant_id = v_tenant AND p.plan_id = r.plan_id
          AND p.activation_id = r.activation_id;
        IF NOT FOUND THEN
            code := 'authority_expired';
            RETURN;
        END IF;
    END IF;
    -- Race: the plan was read before the gate, and what it named may have ended since.
    code := placet.session_barred_v1(
        v_tenant, gate.control_epoch, gate.killed_by, r.artifact_id, r.authority_until, r.agent);
    IF code IS NOT NULL THEN
        RETURN;
    END IF;
    IF p_asserted IS NOT NULL THEN
        -- Race: the issuer was read before the gate. Its clock may be half a minute ahead of ours.
        code := CASE
            WHEN EXISTS (
                SELECT FROM placet.authority_issuer_revocation AS i
                WHERE i.tenant_id = v_tenant AND i.issuer_id = v_issuer)
                THEN 'assertion_issuer_revoked'
            WHEN (p_asserted ->> 'issued_at')::timestamptz
                > clock_timestamp() + interval '30 seconds' THEN 'assertion_early'
            WHEN (p_asserted ->> 'expires_at')::timestamptz <= clock_timestamp()
                THEN 'assertion_expired'
        END;
        IF code IS NOT NULL THEN
            RETURN;
        END IF;
        -- Invariant: an assertion opens one session.
        INSERT INTO placet.replay_assertion (
            tenant_id, issuer_id, assertion_id, session_id, used_at)
        VALUES (v_tenant, v_issuer, (p_asserted ->> 'assertion_id')::uuid, r.session_id,
                clock_timestamp())
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            code := 'assertion_used';
            RETURN;
        END IF;
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        v_tenant, r.session_id, p_actor, v_store.epoch, 0, gate.control_epoch, 0,
        ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        1, decode(repeat('00', 32), 'hex'), '-infinity');
    created_at := w.io_at;
    epoch := v_store.epoch;
    INSERT INTO placet.replay_session (
        tenant_id, session_id, plan_id, agent, environment, mode, tier, status,
        artifact_id, compiled_session_hash, contract_hash, state_version, control_revision,
        current_phase, total_tool_calls, total_step_count, state, holder, epoch, fence,
        lease_expires_at, next_request_seq, next_seq, head, last_event_at, next_due_at,
        opened_by, created_at, authority_until, activation_id, labels, filtered, waited_us, principal)
    VALUES (
        v_tenant, r.session_id, r.plan_id, r.agent, r.environment, r.mode, r.tier, 'active',
        r.artifact_id, r.compiled_session_hash, r.contract_hash, 1, 0,
        r.current_phase, 0, 0, p_state, NULL, v_store.epoch, 0,
        '-infinity', 1, w.io_next_seq, w.io_head, w.io_at, 'infinity', p_actor, w.io_at,
        r.authority_until, r.activation_id, '{}', '[]', 0, coalesce(r.principal, '{}'));
    code := 'ok';
END
$$;
