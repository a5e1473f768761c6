-- Prepare and propose at once, for callers with no model turn of their own: both, or neither.
-- The id of the prepared request follows from the caller's idempotency key, so that the same key
-- again finds what was answered first.
CREATE FUNCTION placet.calls_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_holder text, p_epoch bigint, p_fence bigint,
    p_prepared uuid, p_request_hash bytea, p_proposal_hash bytea,
    p_decided_version bigint, p_holds_from timestamptz, p_holds_until timestamptz,
    p_tools_told bigint,
    p_calls jsonb, p_answer bytea, p_state bytea, p_phase text, p_closes boolean, p_granted int,
    p_left jsonb, p_stop jsonb,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    p_request jsonb, p_narrowing jsonb, p_ttl_seconds int,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT facts jsonb, OUT taken bytea[], OUT answer bytea, OUT signable uuid[],
    OUT request_seq bigint, OUT state_version bigint, OUT control_revision bigint,
    OUT epoch bigint, OUT fence bigint, OUT grant_control_epoch bigint,
    OUT grant_control_revision bigint, OUT granted_at timestamptz, OUT decided_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    n record;
    p record;
BEGIN
    -- The gate comes before the session's lock, and both parts find them taken.
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash, ARRAY['runtime'], p_session, true);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    BEGIN
        IF NOT EXISTS (
            SELECT FROM placet.replay_prepared_request AS r
            WHERE r.tenant_id = (e.s).tenant_id AND r.session_id = p_session
              AND r.prepared_request_id = p_prepared)
        THEN
            SELECT * INTO n FROM placet.preflight_v1(
                p_key_id, p_secret_hash, p_session, p_holder, p_epoch, p_fence,
                p_decided_version, p_holds_from, p_holds_until, p_tools_told,
                p_prepared, p_request_hash, p_request, p_narrowing, p_ttl_seconds,
                p_event, p_type, p_salt, p_body);
            IF n.code <> 'ok' THEN
                code := n.code;
                facts := n.facts;
                RETURN;
            END IF;
        END IF;
        SELECT * INTO p FROM placet.propose_v1(
            p_key_id, p_secret_hash, p_session, p_holder, p_epoch, p_fence,
            p_prepared, p_request_hash, p_proposal_hash,
            p_decided_version, p_holds_from, p_holds_until, p_tools_told,
            p_calls, p_answer, p_state, p_phase, p_closes, p_granted, p_left, p_stop,
            p_events, p_types, p_salts, p_bodies);
        -- Invariant: a request that was prepared here and not consumed leaves nothing.
        IF p.code NOT IN ('ok', 'replayed') THEN
            RAISE EXCEPTION 'the calls were not registered' USING ERRCODE = 'PL002';
        END IF;
    EXCEPTION
        WHEN SQLSTATE 'PL002' THEN
            code := CASE
                WHEN p.code = 'prepared_request_consumed' THEN 'idempotency_conflict'
                ELSE p.code
            END;
            facts := p.facts;
            taken := p.taken;
            RETURN;
    END;
    code := p.code;
    facts := p.facts;
    answer := p.answer;
    signable := p.signable;
    request_seq := p.request_seq;
    state_version := p.state_version;
    control_revision := p.control_revision;
    epoch := p.epoch;
    fence := p.fence;
    grant_control_epoch := p.grant_control_epoch;
    grant_control_revision := p.grant_control_revision;
    granted_at := p.granted_at;
    decided_at := p.decided_at;
END
$$;
