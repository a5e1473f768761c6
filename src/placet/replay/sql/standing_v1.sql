-- Does a standing grant count: is it in force, and does its signer's word count where it was given?
CREATE FUNCTION placet.standing_counts_v1(g placet.replay_standing_grant, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN g.revoked_at IS NULL AND g.expires_at > p_at AND g.used < g.uses_max
        -- Invariant: one that was given before a restore answers nothing again. How often it was
        -- used, and whether it was revoked, may stand in what is lost.
        AND NOT EXISTS (
            SELECT FROM placet.authority_recovery AS r
            WHERE r.tenant_id = g.tenant_id AND r.began_at >= g.granted_at)
        AND NOT EXISTS (
            SELECT FROM placet.authority_key_revocation AS r
            WHERE r.tenant_id = g.tenant_id AND r.key_id = g.key_id)
        AND EXISTS (
            SELECT FROM placet.tenancy_actor AS a
            WHERE a.tenant_id = g.tenant_id AND a.actor_id = g.granted_by
              AND a.status = 'active')
        AND EXISTS (
            SELECT FROM placet.studio_workspace AS w
            WHERE w.tenant_id = g.tenant_id AND w.workspace_id = g.workspace_id
              AND w.status = 'active')
        AND NOT EXISTS (
            SELECT FROM placet.studio_workspace_removal AS r
            WHERE r.tenant_id = g.tenant_id AND r.workspace_id = g.workspace_id
              AND r.actor_id = g.granted_by AND r.removed_at >= g.granted_at);
END
$$;

-- The standing grants of an agent that count in an environment, the oldest first. Each is looked at
-- by whoever decides calls, so they have a bound, and what is beyond it answers nothing.
CREATE FUNCTION placet.standing_in_force_v1(
    p_tenant uuid, p_agent text, p_environment text, p_at timestamptz)
RETURNS SETOF placet.replay_standing_grant LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT g.* FROM placet.replay_standing_grant AS g
    WHERE g.tenant_id = p_tenant AND g.agent = p_agent AND g.environment = p_environment
      AND g.expires_at > p_at AND g.revoked_at IS NULL AND g.used < g.uses_max
      AND placet.standing_counts_v1(g, p_at)
    ORDER BY g.granted_at, g.standing_id LIMIT 256;
END
$$;

-- May another standing grant of the current tenant come into force? Asked in the statement that
-- puts it in force, under the lock of its workspace.
CREATE FUNCTION placet.standing_room_v1(p_agent text, p_environment text, p_tool text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_all bigint;
    v_same bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE g.tool_name = p_tool) INTO v_all, v_same
    FROM placet.standing_in_force_v1(
        placet.tenant(), p_agent, p_environment, clock_timestamp()) AS g;
    RETURN v_all < 256 AND v_same < 64;
END
$$;

-- The standing grants that count for a session, the oldest first. Rules that break-glass activated
-- have none.
CREATE FUNCTION placet.standing_facts_v1(s placet.replay_session)
RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF s.mode <> 'enforce' OR s.activation_id IS NOT NULL THEN
        RETURN '[]';
    END IF;
    RETURN coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'standing_id', g.standing_id, 'tool', g.tool_name,
            'rules', convert_from(g.rules, 'UTF8'), 'schema_hash', g.schema_hash,
            'checkpoint_hash', g.checkpoint_hash, 'left', g.uses_max - g.used)
            ORDER BY g.granted_at, g.standing_id)
        FROM placet.standing_in_force_v1(
            s.tenant_id, s.agent, s.environment, clock_timestamp()) AS g), '[]');
END
$$;

-- Would a call be asked about for which a standing grant counts that nobody looked at?
CREATE FUNCTION placet.standing_unseen_v1(s placet.replay_session, p_calls jsonb, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN s.mode = 'enforce' AND s.activation_id IS NULL AND EXISTS (
        SELECT FROM jsonb_to_recordset(p_calls) AS c(
            tool_name text, status text, standing_seen jsonb)
        JOIN placet.standing_in_force_v1(s.tenant_id, s.agent, s.environment, p_at) AS g
            ON g.tool_name = c.tool_name
        WHERE c.status = 'awaiting_approval'
          AND NOT c.standing_seen @> to_jsonb(g.standing_id));
END
$$;

-- Count the calls that standing grants answer for. False where one of them does not count any more
-- or has too few uses left; the caller then undoes everything.
CREATE FUNCTION placet.standing_take_v1(s placet.replay_session, p_calls jsonb, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    n record;
    g placet.replay_standing_grant;
BEGIN
    -- By id, so that two responses that want several do not wait on each other.
    FOR n IN
        SELECT c.standing_id, array_agg(c.call_id ORDER BY c.ordinal) AS calls
        FROM jsonb_to_recordset(p_calls) AS c(call_id uuid, ordinal bigint, standing_id uuid)
        WHERE c.standing_id IS NOT NULL GROUP BY c.standing_id ORDER BY c.standing_id
    LOOP
        SELECT * INTO g FROM placet.replay_standing_grant AS r
        WHERE r.tenant_id = s.tenant_id AND r.standing_id = n.standing_id
          AND r.agent = s.agent AND r.environment = s.environment
        FOR NO KEY UPDATE;
        -- Race: the clock and the signer's standing are read after the wait for the lock.
        IF NOT FOUND OR s.mode <> 'enforce' OR s.activation_id IS NOT NULL
            OR g.used + cardinality(n.calls) > g.uses_max
            OR NOT placet.standing_counts_v1(g, clock_timestamp())
        THEN
            RETURN false;
        END IF;
        UPDATE placet.replay_standing_grant AS r SET used = g.used + cardinality(n.calls)
        WHERE r.tenant_id = s.tenant_id AND r.standing_id = n.standing_id;
        INSERT INTO placet.replay_standing_use (
            tenant_id, standing_id, number, session_id, call_id, used_at)
        SELECT s.tenant_id, n.standing_id, g.used + c.number, s.session_id, c.call_id, p_at
        FROM unnest(n.calls) WITH ORDINALITY AS c(call_id, number);
    END LOOP;
    RETURN true;
END
$$;

-- Revoke a standing grant of the current tenant; comes late in a transaction, since calls that it
-- would answer wait for it from here on. Its event follows, later than those of all its uses.
CREATE FUNCTION placet.standing_revoke_v1(p_standing uuid, p_actor uuid, p_reason text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_tenant uuid := placet.tenant();
    g placet.replay_standing_grant;
BEGIN
    SELECT * INTO g FROM placet.replay_standing_grant AS r
    WHERE r.tenant_id = v_tenant AND r.standing_id = p_standing FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'not_found';
    END IF;
    IF g.revoked_at IS NOT NULL THEN
        RETURN 'transition_not_allowed';
    END IF;
    UPDATE placet.replay_standing_grant AS r
    SET revoked_by = p_actor, revoke_reason = p_reason, revoked_at = clock_timestamp()
    WHERE r.tenant_id = v_tenant AND r.standing_id = p_standing;
    RETURN 'ok';
END
$$;
