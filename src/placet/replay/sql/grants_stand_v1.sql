-- May a grant still be used that was given under these controls? Not once the session's controls
-- changed, nor once a control was set or lifted that reaches the session or, where one is named,
-- the tool.
CREATE FUNCTION placet.grant_stands_v1(
    s placet.replay_session, p_tool text, p_revision bigint, p_seen bigint, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN s.control_revision = p_revision
        AND NOT placet.session_controlled_since_v1(s, p_seen, p_now)
        AND (p_tool = ANY (placet.tools_controlled_since_v1(s.tenant_id, p_seen, p_now)))
            IS NOT TRUE;
END
$$;

-- The calls of a response that were granted at that time and whose grants may be signed anew: those
-- that could still be begun under them, by the holder whom they were given to.
CREATE FUNCTION placet.grants_signable_v1(
    s placet.replay_session, p_barred text, p_holder text, p_prepared uuid, p_at timestamptz,
    p_now bigint)
RETURNS uuid[] LANGUAGE plpgsql AS $$
BEGIN
    IF p_barred IS NOT NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT array_agg(c.call_id)
        FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
          AND c.prepared_request_id = p_prepared AND c.granted_at = p_at
          AND c.status = 'granted' AND c.execution_state IN ('not_started', 'started')
          AND c.grant_expires_at > clock_timestamp()
          AND placet.session_writer_v1(s, p_holder, c.grant_epoch, c.grant_fence) = 'ok'
          AND placet.grant_stands_v1(
              s, c.tool_name, c.grant_control_revision, c.grant_control_epoch, p_now));
END
$$;

-- The effect keys of these calls that are taken already; null where none is.
CREATE FUNCTION placet.effects_taken_v1(s placet.replay_session, p_calls jsonb)
RETURNS bytea[] LANGUAGE plpgsql AS $$
DECLARE
    v_taken bytea[];
BEGIN
    -- A session that only records takes no effect, so its own calls tell what it would have.
    IF s.mode = 'shadow' THEN
        RETURN (
            SELECT array_agg(c.effect_key)
            FROM jsonb_to_recordset(p_calls) AS c(effect_key bytea, counts boolean)
            WHERE c.counts AND (
                EXISTS (
                    SELECT FROM placet.replay_effect_key AS k
                    WHERE k.tenant_id = s.tenant_id AND k.agent = s.agent
                      AND k.environment = s.environment AND k.effect_key = c.effect_key
                      AND k.released_at IS NULL)
                OR EXISTS (
                    SELECT FROM placet.replay_pending_call AS o
                    WHERE o.tenant_id = s.tenant_id AND o.session_id = s.session_id
                      AND o.effect_key = c.effect_key AND o.counts)
                OR placet.effect_orphaned_v1(s, c.effect_key)));
    END IF;
    v_taken := (
        SELECT array_agg(k.effect_key)
        FROM placet.replay_effect_key AS k
        WHERE k.tenant_id = s.tenant_id AND k.agent = s.agent AND k.environment = s.environment
          AND k.released_at IS NULL
          AND k.effect_key IN (
              SELECT c.effect_key
              FROM jsonb_to_recordset(p_calls) AS c(effect_key bytea, status text)
              WHERE c.status = 'granted' AND c.effect_key IS NOT NULL));
    RETURN v_taken || (
        SELECT array_agg(c.effect_key)
        FROM jsonb_to_recordset(p_calls) AS c(effect_key bytea, status text)
        WHERE c.status = 'granted' AND c.effect_key IS NOT NULL
          AND placet.effect_orphaned_v1(s, c.effect_key));
END
$$;

-- Was a tool killed or lifted since that epoch, or a recovery closed? Whoever was told of kills or
-- of a recovery then decided on them; null is for who knows of none, and is told of a kill where one
-- of its grants meets one.
CREATE FUNCTION placet.tools_moved_v1(p_tenant uuid, p_told bigint, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    -- The end of a recovery makes grants wider, as the lifting of a kill does.
    RETURN p_told IS NOT NULL AND p_told <> p_now
        AND (placet.tools_controlled_since_v1(p_tenant, p_told, p_now) IS NOT NULL
             OR placet.recovery_closed_since_v1(p_tenant, p_told));
END
$$;

-- Is one of these calls granted whose tool is killed? The policy denies it, with a reason, on facts
-- that name the tool.
CREATE FUNCTION placet.grants_killed_v1(p_tenant uuid, p_calls jsonb, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_killed text[] := placet.tools_killed_v1(p_tenant, p_now);
BEGIN
    RETURN v_killed IS NOT NULL AND EXISTS (
        SELECT FROM jsonb_to_recordset(p_calls) AS c(tool_name text, status text)
        WHERE c.status = 'granted' AND c.tool_name = ANY (v_killed));
END
$$;

-- Hold a decision to its time once more, after it has waited for what others use: raises PL003 where
-- it, the lease or the session's authority has ended meanwhile, and it is asked anew why.
CREATE FUNCTION placet.decision_lasts_v1(s placet.replay_session, p_until timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF least(p_until, s.lease_expires_at, s.authority_until) <= clock_timestamp() THEN
        RAISE EXCEPTION 'a decision has outlived its time' USING ERRCODE = 'PL003';
    END IF;
END
$$;
