-- Count a signed vote on calls of one step that wait for people. The current tenant's transaction
-- has verified it; here the calls are looked at once more under the session's lock. Comes last in
-- a transaction, because the session's writers wait for it from here on.
CREATE FUNCTION placet.ask_vote_v1(
    p_session uuid, p_voter uuid, p_vote uuid, p_decision text, p_key_id text, p_envelope bytea,
    p_reason text, p_whole boolean, p_calls jsonb,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    OUT code text, OUT closed uuid[]
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    s placet.replay_session;
    gate record;
    w record;
    v_at timestamptz;
    v_met int;
    v_denies boolean := false;
BEGIN
    SELECT r.* INTO s FROM placet.replay_session AS r
    WHERE r.tenant_id = v_tenant AND r.session_id = p_session FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        code := 'not_found';
        RETURN;
    END IF;
    SELECT * INTO gate FROM placet.gate_read_v1(v_tenant);
    v_at := clock_timestamp();
    -- Does every call still wait? A kill, a claim, the sweeper or another vote may have been first.
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid)
    JOIN placet.replay_pending_call AS c
        ON c.tenant_id = v_tenant AND c.session_id = p_session AND c.call_id = n.call_id
       AND c.status = 'awaiting_approval' AND c.deadline_at > v_at;
    -- A session that does not go on, or whose authority has ended for good, grants nothing more;
    -- a kill of its agent or tenant may be lifted again.
    IF v_met <> jsonb_array_length(p_calls) OR s.status <> 'active' OR placet.session_barred_v1(
        v_tenant, gate.control_epoch, NULL, s.artifact_id, s.authority_until, s.agent)
        IN ('artifact_revoked', 'authority_expired')
    THEN
        code := 'ask_closed';
        RETURN;
    END IF;
    -- Race: the outcome was decided on so many earlier votes; another one makes it stale.
    SELECT count(*) INTO v_met
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, seen bigint, view_hash bytea)
    LEFT JOIN placet.replay_ask AS a
        ON a.tenant_id = v_tenant AND a.session_id = p_session AND a.call_id = n.call_id
    WHERE coalesce(a.votes, 0) = n.seen AND coalesce(a.status, 'open') = 'open'
      AND coalesce(a.view_hash, n.view_hash) = n.view_hash;
    IF v_met <> jsonb_array_length(p_calls) THEN
        code := 'redo';
        RETURN;
    END IF;
    code := 'ok';
    INSERT INTO placet.replay_ask AS a (
        tenant_id, session_id, call_id, status, view, view_hash, votes, opened_at, decided_at)
    SELECT v_tenant, p_session, n.call_id, n.status, n.view, n.view_hash, 1, v_at,
           CASE WHEN n.status <> 'open' THEN v_at END
    FROM jsonb_to_recordset(p_calls) AS n(
        call_id uuid, status text, view bytea, view_hash bytea)
    ON CONFLICT (tenant_id, session_id, call_id) DO UPDATE
    SET status = excluded.status, votes = a.votes + 1, decided_at = excluded.decided_at;
    INSERT INTO placet.replay_ask_vote (
        tenant_id, session_id, call_id, voter_id, vote_id, decision, key_id, envelope, reason,
        voted_at)
    SELECT v_tenant, p_session, n.call_id, p_voter, p_vote, p_decision, p_key_id, p_envelope,
           p_reason, v_at
    FROM jsonb_to_recordset(p_calls) AS n(call_id uuid);
    -- A rejection ends its call, and under `reject_all` whatever else of its step still waits.
    WITH rejected AS (
        SELECT c.call_id, c.prepared_request_id
        FROM jsonb_to_recordset(p_calls) AS n(call_id uuid, status text)
        JOIN placet.replay_pending_call AS c
            ON c.tenant_id = v_tenant AND c.session_id = p_session AND c.call_id = n.call_id
        WHERE n.status = 'rejected'),
    ended AS (
        UPDATE placet.replay_pending_call AS c
        SET status = CASE WHEN c.call_id IN (SELECT r.call_id FROM rejected AS r) THEN 'denied'
                          WHEN c.status = 'held' THEN 'blocked' ELSE 'cancelled' END,
            blocked_why = CASE WHEN c.status = 'held' THEN 'response_refused'
                               ELSE c.blocked_why END
        WHERE c.tenant_id = v_tenant AND c.session_id = p_session
          AND c.status IN ('held', 'awaiting_approval')
          AND (c.call_id IN (SELECT r.call_id FROM rejected AS r)
               OR (p_whole AND c.prepared_request_id IN (
                    SELECT r.prepared_request_id FROM rejected AS r)))
        RETURNING c.call_id)
    SELECT array_agg(e.call_id ORDER BY e.call_id), count(*) > 0 INTO closed, v_denies
    FROM ended AS e;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, p_voter, s.epoch, s.fence, gate.control_epoch,
        s.control_revision, p_events, p_types, p_salts, p_bodies,
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    -- Fewer calls wait then, and how long a session waits is a fact that decisions read.
    SET state_version = s.state_version + v_denies::int,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    PERFORM placet.session_waits_v1(s, v_at);
END
$$;
