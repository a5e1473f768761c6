-- End the authority of every session under an activation that is over before its time. The gate
-- alone, so that no grant is under way and no session is being opened; comes last in a transaction.
CREATE FUNCTION placet.session_cut_v1(p_artifact uuid, p_activation uuid, OUT cut bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_tenant uuid := placet.tenant();
BEGIN
    -- As a kill, this may wait longer than other work, and wins in the end.
    PERFORM set_config('lock_timeout', '4s', true);
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
    -- Race: receipts of several sessions lock them in this order, and pass no gate.
    PERFORM FROM placet.replay_session AS r
    WHERE r.tenant_id = v_tenant AND r.artifact_id = p_artifact AND r.ended_at IS NULL
      AND r.activation_id = p_activation AND r.authority_until > clock_timestamp()
    ORDER BY r.session_id FOR NO KEY UPDATE;
    UPDATE placet.replay_session AS r
    SET authority_until = clock_timestamp()
    WHERE r.tenant_id = v_tenant AND r.artifact_id = p_artifact AND r.ended_at IS NULL
      AND r.activation_id = p_activation AND r.authority_until > clock_timestamp();
    GET DIAGNOSTICS cut = ROW_COUNT;
END
$$;
