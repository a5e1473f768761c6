-- Write what grants and commits leave for later rules: amounts, what is kept, and costs.
-- `p_left` has a list for each: `opens`, `commits`, `releases`, `kept`, `costs`; null for nothing.
CREATE FUNCTION placet.session_leave_v1(
    s placet.replay_session, p_left jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_left IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO placet.replay_amount (
        tenant_id, session_id, call_id, name, value, opened_at, committed_at)
    SELECT s.tenant_id, s.session_id, o.call_id, o.name, o.value, p_at,
           CASE WHEN o.is_committed THEN p_at END
    FROM jsonb_to_recordset(p_left -> 'opens') AS o(
        call_id uuid, name text, value text, is_committed boolean);
    UPDATE placet.replay_amount AS a SET committed_at = p_at
    FROM jsonb_array_elements_text(p_left -> 'commits') AS c(call_id)
    WHERE a.tenant_id = s.tenant_id AND a.session_id = s.session_id
      AND a.call_id = c.call_id::uuid AND a.committed_at IS NULL;
    IF p_left ? 'is_wide' THEN
        UPDATE placet.replay_wide_amount AS w SET committed_at = p_at
        FROM jsonb_array_elements_text(p_left -> 'commits') AS c(call_id)
        WHERE w.tenant_id = s.tenant_id AND w.session_id = s.session_id
          AND w.call_id = c.call_id::uuid AND w.committed_at IS NULL;
        UPDATE placet.replay_tally_mark AS m SET committed_at = p_at
        FROM jsonb_array_elements_text(p_left -> 'commits') AS c(call_id)
        WHERE m.tenant_id = s.tenant_id AND m.session_id = s.session_id
          AND m.call_id = c.call_id::uuid AND m.committed_at IS NULL;
        DELETE FROM placet.replay_tally_mark AS m
        USING jsonb_array_elements_text(p_left -> 'releases') AS c(call_id)
        WHERE m.tenant_id = s.tenant_id AND m.session_id = s.session_id
          AND m.call_id = c.call_id::uuid;
    END IF;
    UPDATE placet.replay_amount AS a SET released_at = p_at
    FROM jsonb_array_elements_text(p_left -> 'releases') AS c(call_id)
    WHERE a.tenant_id = s.tenant_id AND a.session_id = s.session_id
      AND a.call_id = c.call_id::uuid AND a.released_at IS NULL;
    INSERT INTO placet.replay_kept (
        tenant_id, session_id, kind, name, number, call_id, value, kept_at)
    SELECT s.tenant_id, s.session_id, k.kind, k.name, k.number, k.call_id,
           convert_to(k.value, 'UTF8'), p_at
    FROM jsonb_to_recordset(p_left -> 'kept') AS k(
        kind text, name text, number bigint, call_id uuid, value text);
    UPDATE placet.replay_pending_call AS r SET cost_micros = c.micros
    FROM jsonb_to_recordset(p_left -> 'costs') AS c(call_id uuid, micros bigint)
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id AND r.call_id = c.call_id;
END
$$;

-- End a session for ever: its status and why, and whatever waited in it for approval is cancelled.
-- The caller writes the event; `p_call` is the call at which a limit did it, if one did.
CREATE FUNCTION placet.session_finish_v1(
    s placet.replay_session, p_status text, p_why text, p_call uuid, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE placet.replay_session AS r
    SET status = p_status, control_revision = s.control_revision + 1,
        ended_at = coalesce(s.ended_at, p_at), ended_why = coalesce(s.ended_why, p_why),
        stopped_by_call = coalesce(p_call, s.stopped_by_call)
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    PERFORM placet.session_asks_end_v1(s, p_at);
END
$$;

-- Cancel what waits for people in a session that takes no new calls: nothing grants it any more.
CREATE FUNCTION placet.session_asks_end_v1(s placet.replay_session, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE placet.replay_pending_call AS c
    SET status = CASE WHEN c.status = 'held' THEN 'blocked' ELSE 'cancelled' END,
        blocked_why = CASE WHEN c.status = 'held' THEN 'response_refused' ELSE c.blocked_why END
    WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
      AND c.status IN ('held', 'awaiting_approval');
    PERFORM placet.session_waits_v1(s, p_at);
END
$$;

-- Let a session's time run on where nothing of it waits for people any more since `p_at`.
CREATE FUNCTION placet.session_waits_v1(s placet.replay_session, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE placet.replay_session AS r
    SET waiting_since = NULL,
        waited_us = r.waited_us + greatest(
            0, (extract(epoch FROM p_at - r.waiting_since) * 1000000)::bigint)
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id
      AND r.waiting_since IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM placet.replay_pending_call AS c
          WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id
            AND c.status = 'awaiting_approval');
END
$$;
