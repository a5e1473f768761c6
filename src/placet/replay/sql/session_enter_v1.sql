-- The facts that decisions read: the session's state, and what stands in rows and columns of it.
-- `kept` is what commits left that the state still names, `amounts` what counts for aggregates.
CREATE FUNCTION placet.session_facts_v1(s placet.replay_session)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_state jsonb := convert_from(s.state, 'UTF8');
    v_kept jsonb;
    v_until timestamptz;
    v_epoch bigint;
BEGIN
    -- The epoch is read before what it stands for: at worst that is looked at once more.
    SELECT r.control_epoch INTO v_epoch FROM placet.gate_read_v1(s.tenant_id) AS r;
    SELECT jsonb_agg(jsonb_build_object(
        'kind', k.kind, 'name', k.name, 'call_id', k.call_id, 'at', k.kept_at,
        'value', convert_from(k.value, 'UTF8')) ORDER BY k.number)
    INTO v_kept
    FROM (
        SELECT m.*
        FROM jsonb_object_keys(v_state -> 'remembered') AS t(tool) CROSS JOIN LATERAL (
            SELECT r.* FROM placet.replay_kept AS r
            WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
              AND r.kind = 'memory' AND r.name = t.tool
            ORDER BY r.number DESC LIMIT 256) AS m
        UNION ALL
        SELECT r.*
        FROM (SELECT 'slot' AS kind, e.* FROM jsonb_each_text(v_state -> 'slots') AS e
              UNION ALL
              SELECT 'first', e.* FROM jsonb_each_text(v_state -> 'firsts') AS e) AS n
        JOIN placet.replay_kept AS r
            ON r.tenant_id = s.tenant_id AND r.session_id = s.session_id
           AND r.kind = n.kind AND r.name = n.key AND r.number = n.value::bigint) AS k;
    IF s.waiting_since IS NOT NULL THEN
        SELECT max(c.deadline_at) INTO v_until
        FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
          AND c.status = 'awaiting_approval';
    END IF;
    RETURN jsonb_build_object(
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
        'created_at', s.created_at,
        'waiting_since', s.waiting_since,
        'waiting_until', v_until,
        'waited_us', s.waited_us,
        'labels', s.labels,
        'filtered', s.filtered,
        'principal', s.principal,
        'standing', placet.standing_facts_v1(s),
        'killed_tools', coalesce(to_jsonb(placet.tools_killed_v1(s.tenant_id, v_epoch)), '[]'),
        'control_epoch', v_epoch,
        'recovering', placet.recovering_v1(s.tenant_id),
        'kept', coalesce(v_kept, '[]'),
        'amounts', placet.session_amounts_v1(s));
END
$$;

-- The call of a session as the rules take it: what a grant of it was given on, and what is left of
-- its response.
CREATE FUNCTION placet.call_facts_v1(c placet.replay_pending_call)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'call_id', c.call_id, 'tool_name', c.tool_name,
        'arguments', convert_from(c.arguments, 'UTF8'), 'status', c.status, 'counts', c.counts,
        'phase', c.phase_at_grant, 'step', c.step_id, 'cost_micros', c.cost_micros,
        'since', coalesce(c.granted_at, c.proposed_at), 'is_settled', c.settled_at IS NOT NULL,
        'is_unknown', c.execution_state = 'unknown',
        'is_begun', c.execution_state <> 'not_started',
        'others', (
            SELECT count(*) FROM placet.replay_pending_call AS o
            WHERE o.tenant_id = c.tenant_id AND o.session_id = c.session_id
              AND o.prepared_request_id = c.prepared_request_id AND o.counts
              AND o.call_id <> c.call_id));
END
$$;

-- Why what was approved as this artifact grants nothing any more; null while it may.
CREATE FUNCTION placet.session_barred_v1(
    p_tenant uuid, p_epoch bigint, p_killed_by uuid, p_artifact uuid,
    p_authority_until timestamptz, p_agent text)
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
        WHEN placet.agent_killed_v1(p_tenant, p_epoch, p_agent) THEN 'agent_killed'
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
          -- A kill of a tool reaches calls of that tool, and no session as a whole.
          AND CASE c.kind WHEN 'tenant' THEN true
                          WHEN 'agent' THEN c.target = s.agent
                          WHEN 'artifact' THEN c.target = s.artifact_id::text END
          AND greatest(c.set_epoch, c.lifted_epoch) > p_seen);
END
$$;

-- Enter a session: who is asking, the gate where it is needed, then the session's lock.
-- `code` is `ok`, or says why the caller may not be here; `barred` says why nothing more may be
-- granted here. It is for the caller to weigh, since a request that was answered before is answered
-- again even then. `is_old` says that the session stands in an epoch before the present one: what
-- comes with its fence is of before a restore.
CREATE FUNCTION placet.session_enter_v1(
    p_key_id text, p_secret_hash bytea, p_scopes text[], p_session uuid, p_gate boolean,
    OUT code text, OUT actor uuid, OUT scopes text[], OUT control_epoch bigint,
    OUT barred text, OUT s placet.replay_session, OUT is_old boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    who record;
    gate record;
    v_store record;
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
        who.tenant_id, gate.control_epoch, gate.killed_by, s.artifact_id, s.authority_until,
        s.agent);
    -- Invariant: nothing is granted on a server that the epoch was not raised for, nor in a session
    -- that has not come into the present epoch.
    SELECT * INTO v_store FROM placet.storage_epoch_v1();
    is_old := s.epoch < v_store.epoch;
    IF NOT v_store.is_current OR (is_old AND s.ended_at IS NULL) THEN
        barred := 'recovering';
    END IF;
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
