-- The facts that decisions read: the session's state and the times that its columns hold.
CREATE FUNCTION placet.session_facts_v1(s placet.replay_session)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'state', convert_from(s.state, 'UTF8'),
        'state_version', s.state_version,
        'control_revision', s.control_revision,
        'status', s.status,
        'mode', s.mode,
        'agent', s.agent,
        'environment', s.environment,
        'artifact_id', s.artifact_id,
        'tenant_id', s.tenant_id,
        'at', clock_timestamp(),
        'committed_at', coalesce((
            SELECT jsonb_object_agg(c.call_id, c.committed_at)
            FROM placet.replay_pending_call AS c
            WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
              AND c.call_id IN (
                  SELECT (m.value ->> 'call_id')::uuid
                  FROM jsonb_each(convert_from(s.state, 'UTF8')::jsonb -> 'committed') AS t,
                       jsonb_array_elements(t.value) AS m)), '{}'::jsonb))
$$;

-- Why what was approved as this artifact grants nothing any more; null while it may.
CREATE FUNCTION placet.session_barred_v1(
    p_tenant uuid, p_epoch bigint, p_killed_by uuid, p_artifact uuid,
    p_authority_until timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_revoked boolean := false;
BEGIN
    -- Most tenants have never seen a control: these are spared the look.
    IF p_epoch > 0 THEN
        v_revoked := EXISTS (
            SELECT FROM placet.authority_control AS c
            WHERE c.tenant_id = p_tenant AND c.kind = 'artifact'
              AND c.target = p_artifact::text AND c.effect = 'kill' AND c.lifted_epoch IS NULL);
    END IF;
    RETURN CASE
        WHEN p_killed_by IS NOT NULL THEN 'tenant_killed'
        WHEN v_revoked THEN 'artifact_revoked'
        WHEN p_authority_until <= clock_timestamp() THEN 'authority_expired'
    END;
END
$$;

-- Was a control that reaches this session set or lifted since that epoch? No other matters here.
CREATE FUNCTION placet.session_controlled_since_v1(
    s placet.replay_session, p_seen bigint, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF p_seen = p_now THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM placet.authority_control AS c
        WHERE c.tenant_id = s.tenant_id
          AND (c.kind <> 'artifact' OR c.target = s.artifact_id::text)
          AND greatest(c.set_epoch, c.lifted_epoch) > p_seen);
END
$$;

-- Enter a session: who is asking, the gate where it is needed, then the session's lock.
-- `code` is `ok`, or says why the caller may not be here; `barred` says why nothing more may be
-- granted here. It is for the caller to weigh, since a request that was answered before is answered
-- again even then.
CREATE FUNCTION placet.session_enter_v1(
    p_key_id text, p_secret_hash bytea, p_scopes text[], p_session uuid, p_gate boolean,
    OUT code text, OUT actor uuid, OUT scopes text[], OUT control_epoch bigint,
    OUT barred text, OUT s placet.replay_session
)
LANGUAGE plpgsql AS $$
DECLARE
    who record;
    gate record;
BEGIN
    SELECT * INTO who FROM placet.authenticate_v1(p_key_id, p_secret_hash);
    IF who.code <> 'ok' THEN
        code := who.code;
        RETURN;
    END IF;
    IF NOT p_scopes && who.scopes THEN
        code := 'forbidden';
        RETURN;
    END IF;
    IF p_gate THEN
        SELECT * INTO gate FROM placet.gate_pass_v1(who.tenant_id);
        control_epoch := gate.control_epoch;
    END IF;
    SELECT r.* INTO s FROM placet.replay_session AS r
    -- A key bound to an agent reaches that agent's sessions there, and waits for no other.
    WHERE r.tenant_id = who.tenant_id AND r.session_id = p_session
      AND (who.agent IS NULL OR who.agent = r.agent)
      AND (who.environment IS NULL OR who.environment = r.environment)
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    -- Race: outside the gate the epoch is read after the lock, or a wide kill between the two would
    -- let the epochs of this session's events fall.
    IF NOT p_gate THEN
        SELECT * INTO gate FROM placet.gate_read_v1(who.tenant_id);
        control_epoch := gate.control_epoch;
    END IF;
    -- Race: the clock and the controls are read after the wait for the lock, not before.
    barred := placet.session_barred_v1(
        who.tenant_id, gate.control_epoch, gate.killed_by, s.artifact_id, s.authority_until);
    code := 'ok';
    actor := who.actor_id;
    scopes := who.scopes;
END
$$;

-- May this holder write now? Asked under the session's lock, in the statement that writes.
CREATE FUNCTION placet.session_writer_v1(
    s placet.replay_session, p_holder text, p_epoch bigint, p_fence bigint)
RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN s.status <> 'active' THEN 'session_' || s.status
        WHEN s.holder IS DISTINCT FROM p_holder OR (s.epoch, s.fence) <> (p_epoch, p_fence)
            THEN 'lease_lost'
        WHEN s.lease_expires_at <= clock_timestamp() THEN 'lease_lost'
        ELSE 'ok'
    END
$$;
