-- What other sessions' calls take from an allowance: with a window what is open or was committed
-- within it, without one what the parent keeps, less what slices hold and the session's own use.
CREATE FUNCTION placet.allowance_others_v1(
    p_tenant uuid, p_session uuid, p_allowance uuid, p_window bigint)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz;
    v_taken numeric;
BEGIN
    IF p_window IS NULL THEN
        SELECT a.reserved - coalesce((
                SELECT sum(l.held) FROM placet.replay_slice AS l
                WHERE l.tenant_id = p_tenant AND l.allowance_id = p_allowance AND l.held > 0), 0)
            - coalesce((
                SELECT l.used FROM placet.replay_slice AS l
                WHERE l.tenant_id = p_tenant AND l.session_id = p_session
                  AND l.allowance_id = p_allowance), 0)
        INTO v_taken
        FROM placet.replay_allowance AS a
        WHERE a.tenant_id = p_tenant AND a.allowance_id = p_allowance;
        RETURN coalesce(v_taken, 0);
    END IF;
    v_since := clock_timestamp() - make_interval(secs => p_window);
    SELECT sum(w.value) INTO v_taken
    FROM (
        SELECT o.value, o.session_id FROM placet.replay_wide_amount AS o
        WHERE o.tenant_id = p_tenant AND o.allowance_id = p_allowance
          AND o.released_at IS NULL AND o.committed_at IS NULL
        UNION ALL
        SELECT o.value, o.session_id FROM placet.replay_wide_amount AS o
        WHERE o.tenant_id = p_tenant AND o.allowance_id = p_allowance
          AND o.released_at IS NULL AND o.committed_at > v_since) AS w
    WHERE w.session_id <> p_session;
    RETURN coalesce(v_taken, 0);
END
$$;

-- What all sessions' calls take from an allowance and what their slices hold, under its lock. With
-- a window the calls are added up, 100,000 at most: raises PL004 where so many count.
CREATE FUNCTION placet.allowance_total_v1(p_tenant uuid, p_allowance uuid, p_window bigint)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz;
    v_total numeric;
    v_calls bigint;
BEGIN
    IF p_window IS NULL THEN
        SELECT a.reserved INTO v_total FROM placet.replay_allowance AS a
        WHERE a.tenant_id = p_tenant AND a.allowance_id = p_allowance;
        RETURN v_total;
    END IF;
    v_since := clock_timestamp() - make_interval(secs => p_window);
    -- Race: one statement, since what a slice holds becomes a call's at any time.
    SELECT sum(w.value), sum(w.calls) INTO v_total, v_calls
    FROM (
        (SELECT o.value, 1 AS calls FROM placet.replay_wide_amount AS o
        WHERE o.tenant_id = p_tenant AND o.allowance_id = p_allowance
          AND o.released_at IS NULL AND o.committed_at IS NULL
        UNION ALL
        SELECT o.value, 1 FROM placet.replay_wide_amount AS o
        WHERE o.tenant_id = p_tenant AND o.allowance_id = p_allowance
          AND o.released_at IS NULL AND o.committed_at > v_since
        LIMIT 100000)
        UNION ALL
        SELECT l.held, 0 FROM placet.replay_slice AS l
        WHERE l.tenant_id = p_tenant AND l.allowance_id = p_allowance AND l.held > 0) AS w;
    IF v_calls >= 100000 THEN
        RAISE EXCEPTION 'too many calls count in a window' USING ERRCODE = 'PL004';
    END IF;
    RETURN coalesce(v_total, 0);
END
$$;

-- Call back what other sessions hold of an allowance and do not use; how much that was. Its parent
-- is locked. A slice that is being used is passed over, so that nobody waits for it.
CREATE FUNCTION placet.slices_call_back_v1(p_tenant uuid, p_session uuid, p_allowance uuid)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    l record;
    v_back numeric := 0;
BEGIN
    FOR l IN
        SELECT o.session_id, o.held FROM placet.replay_slice AS o
        WHERE o.tenant_id = p_tenant AND o.allowance_id = p_allowance AND o.held > 0
          AND o.session_id <> p_session
        ORDER BY o.session_id
        FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        UPDATE placet.replay_slice AS o SET held = 0
        WHERE o.tenant_id = p_tenant AND o.session_id = l.session_id
          AND o.allowance_id = p_allowance;
        v_back := v_back + l.held;
    END LOOP;
    UPDATE placet.replay_allowance AS a SET reserved = a.reserved - v_back
    WHERE a.tenant_id = p_tenant AND a.allowance_id = p_allowance
      AND a.window_seconds IS NULL AND v_back > 0;
    RETURN v_back;
END
$$;

-- Wait for the slices of others that are being used at this moment, where a session's calls need
-- what they may hold. Nobody is kept waiting by it: it comes before any slice or parent is locked,
-- and each lock is let go as soon as it was had.
CREATE FUNCTION placet.slices_wait_v1(
    s placet.replay_session, p_allowance jsonb, p_need numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a record;
    v_free uuid[];
    v_busy uuid;
    v_own numeric;
    v_left numeric;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(p_allowance) AS r(
        allowance_id uuid, window_seconds bigint, most numeric, is_below boolean);
    v_own := coalesce((
        SELECT l.held FROM placet.replay_slice AS l
        WHERE l.tenant_id = s.tenant_id AND l.session_id = s.session_id
          AND l.allowance_id = a.allowance_id), 0);
    IF v_own >= p_need THEN
        RETURN;
    END IF;
    v_left := a.most - (p_need - v_own) - placet.allowance_total_v1(
        s.tenant_id, a.allowance_id, a.window_seconds);
    IF v_left > 0 OR (v_left = 0 AND NOT a.is_below) OR v_left IS NULL THEN
        RETURN;
    END IF;
    BEGIN
        SELECT array_agg(f.session_id) INTO v_free
        FROM (
            SELECT o.session_id FROM placet.replay_slice AS o
            WHERE o.tenant_id = s.tenant_id AND o.allowance_id = a.allowance_id AND o.held > 0
              AND o.session_id <> s.session_id
            FOR NO KEY UPDATE SKIP LOCKED) AS f;
        RAISE EXCEPTION 'these are free' USING ERRCODE = 'PL005';
    EXCEPTION
        WHEN SQLSTATE 'PL005' THEN NULL;
    END;
    FOR v_busy IN
        SELECT o.session_id FROM placet.replay_slice AS o
        WHERE o.tenant_id = s.tenant_id AND o.allowance_id = a.allowance_id AND o.held > 0
          AND o.session_id <> s.session_id AND o.session_id <> ALL (coalesce(v_free, '{}'))
        ORDER BY o.session_id
    LOOP
        -- Race: whoever has it may wait for another of these, so none is kept while waiting.
        BEGIN
            PERFORM FROM placet.replay_slice AS o
            WHERE o.tenant_id = s.tenant_id AND o.session_id = v_busy
              AND o.allowance_id = a.allowance_id
            FOR NO KEY UPDATE;
            RAISE EXCEPTION 'it is free now' USING ERRCODE = 'PL005';
        EXCEPTION
            WHEN SQLSTATE 'PL005' THEN NULL;
        END;
    END LOOP;
END
$$;

-- Lock an allowance, fetch from it what a session's calls need, and a part of what is left beside.
-- Raises PL003 where that does not fit; what was written before is undone with it. Who has waited
-- for slices in use, and needs one that is in use again, is told that a lock is not to be had.
CREATE FUNCTION placet.slices_fetch_v1(
    s placet.replay_session, p_allowance jsonb, p_need numeric, p_waited boolean,
    p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a record;
    v_own numeric;
    v_short numeric;
    v_left numeric;
    v_more numeric;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(p_allowance) AS r(
        allowance_id uuid, environment text, scope text, target text, tool_name text, op text,
        path text, window_seconds bigint, name text, most numeric, is_below boolean);
    PERFORM FROM placet.replay_allowance AS r
    WHERE r.tenant_id = s.tenant_id AND r.allowance_id = a.allowance_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        -- Race: of two who come first, one waits here for the other.
        INSERT INTO placet.replay_allowance (
            tenant_id, allowance_id, environment, scope, target, tool_name, op, path,
            window_seconds, name, reserved, created_at)
        VALUES (
            s.tenant_id, a.allowance_id, a.environment, a.scope, a.target, a.tool_name, a.op,
            a.path, a.window_seconds, a.name, 0, p_at)
        ON CONFLICT DO NOTHING;
        PERFORM FROM placet.replay_allowance AS r
        WHERE r.tenant_id = s.tenant_id AND r.allowance_id = a.allowance_id FOR NO KEY UPDATE;
    END IF;
    -- Others touch this slice only under the lock that is held now.
    SELECT l.held INTO v_own FROM placet.replay_slice AS l
    WHERE l.tenant_id = s.tenant_id AND l.session_id = s.session_id
      AND l.allowance_id = a.allowance_id;
    IF NOT FOUND THEN
        INSERT INTO placet.replay_slice (tenant_id, session_id, allowance_id, held, used)
        VALUES (s.tenant_id, s.session_id, a.allowance_id, 0, 0);
        v_own := 0;
    END IF;
    v_short := p_need - v_own;
    v_left := a.most - v_short - placet.allowance_total_v1(
        s.tenant_id, a.allowance_id, a.window_seconds);
    IF v_left < 0 OR (v_left = 0 AND a.is_below) THEN
        v_left := v_left + placet.slices_call_back_v1(s.tenant_id, s.session_id, a.allowance_id);
    END IF;
    IF v_left < 0 OR (v_left = 0 AND a.is_below) THEN
        -- What others still hold now was passed over.
        v_left := v_left + coalesce((
            SELECT sum(o.held) FROM placet.replay_slice AS o
            WHERE o.tenant_id = s.tenant_id AND o.allowance_id = a.allowance_id AND o.held > 0
              AND o.session_id <> s.session_id), 0);
        IF p_waited AND (v_left > 0 OR (v_left = 0 AND NOT a.is_below)) THEN
            RAISE EXCEPTION 'a slice is in use' USING ERRCODE = 'lock_not_available';
        END IF;
        RAISE EXCEPTION 'an allowance is spent' USING ERRCODE = 'PL003';
    END IF;
    v_more := trunc(coalesce(v_left, 0) / 8);
    IF v_more < v_short THEN
        v_more := 0;
    END IF;
    UPDATE placet.replay_slice AS l SET held = v_more, used = l.used + p_need
    WHERE l.tenant_id = s.tenant_id AND l.session_id = s.session_id
      AND l.allowance_id = a.allowance_id;
    UPDATE placet.replay_allowance AS r SET reserved = r.reserved + v_short + v_more
    WHERE r.tenant_id = s.tenant_id AND r.allowance_id = a.allowance_id
      AND r.window_seconds IS NULL;
END
$$;

-- Take what a response's calls take from allowances: from the session's own slices first, and from
-- the parents what is lacking there. Raises PL003 where it does not fit. With `waits` it first waits
-- for slices of others that are in use.
CREATE FUNCTION placet.slices_take_v1(
    s placet.replay_session, p_wide jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    n record;
    v_waits boolean := coalesce((p_wide ->> 'waits')::boolean, false);
    v_lacking uuid[] := '{}';
BEGIN
    IF v_waits THEN
        PERFORM placet.slices_wait_v1(s, a.allowance, t.need)
        FROM jsonb_array_elements(p_wide -> 'allowances') AS a(allowance)
        JOIN (
            SELECT r.allowance_id, sum(r.value) AS need
            FROM jsonb_to_recordset(p_wide -> 'takes') AS r(allowance_id uuid, value numeric)
            GROUP BY r.allowance_id) AS t
            ON t.allowance_id = (a.allowance ->> 'allowance_id')::uuid;
    END IF;
    FOR n IN
        SELECT t.allowance_id, sum(t.value) AS need
        FROM jsonb_to_recordset(p_wide -> 'takes') AS t(allowance_id uuid, value numeric)
        GROUP BY t.allowance_id ORDER BY t.allowance_id
    LOOP
        -- Race: another session may have called back since what this slice was seen to hold.
        UPDATE placet.replay_slice AS l SET held = l.held - n.need, used = l.used + n.need
        WHERE l.tenant_id = s.tenant_id AND l.session_id = s.session_id
          AND l.allowance_id = n.allowance_id AND l.held >= n.need;
        IF NOT FOUND THEN
            v_lacking := v_lacking || n.allowance_id;
        END IF;
    END LOOP;
    FOR n IN
        SELECT a.allowance, (
            SELECT sum(t.value)
            FROM jsonb_to_recordset(p_wide -> 'takes') AS t(allowance_id uuid, value numeric)
            WHERE t.allowance_id = (a.allowance ->> 'allowance_id')::uuid) AS need
        FROM jsonb_array_elements(p_wide -> 'allowances') AS a(allowance)
        WHERE (a.allowance ->> 'allowance_id')::uuid = ANY (v_lacking)
        ORDER BY (a.allowance ->> 'allowance_id')::uuid
    LOOP
        PERFORM placet.slices_fetch_v1(s, n.allowance, n.need, v_waits, p_at);
    END LOOP;
    INSERT INTO placet.replay_wide_amount (
        tenant_id, session_id, call_id, allowance_id, value, granted_at, committed_at)
    SELECT s.tenant_id, s.session_id, t.call_id, t.allowance_id, t.value, p_at,
           CASE WHEN t.is_committed THEN p_at END
    FROM jsonb_to_recordset(p_wide -> 'takes') AS t(
        call_id uuid, allowance_id uuid, value numeric, is_committed boolean);
END
$$;

-- Does what a decision reckoned that other sessions take still bear it?
CREATE FUNCTION placet.slices_hold_v1(s placet.replay_session, p_wide jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    n record;
    v_others numeric;
BEGIN
    FOR n IN
        SELECT l.*, a.window_seconds, a.is_below
        FROM jsonb_to_recordset(p_wide -> 'looks') AS l(
            allowance_id uuid, least numeric, most numeric, room numeric)
        JOIN jsonb_to_recordset(p_wide -> 'allowances') AS a(
            allowance_id uuid, window_seconds bigint, is_below boolean)
            ON a.allowance_id = l.allowance_id
    LOOP
        v_others := placet.allowance_others_v1(
            s.tenant_id, s.session_id, n.allowance_id, n.window_seconds);
        IF v_others < n.least
            OR (v_others > n.most
                AND (v_others > n.room OR (v_others = n.room AND n.is_below)))
        THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- What other sessions take from the allowances that a decision met, for the next decision.
CREATE FUNCTION placet.slices_told_v1(s placet.replay_session, p_wide jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF p_wide IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN jsonb_build_object('others', (
        SELECT jsonb_agg(jsonb_build_object('name', a.name, 'value',
            placet.allowance_others_v1(
                s.tenant_id, s.session_id, a.allowance_id, a.window_seconds)::text))
        FROM jsonb_to_recordset(p_wide -> 'allowances') AS a(
            allowance_id uuid, name text, window_seconds bigint)));
END
$$;

-- Release what failed calls took from allowances: their session's slices hold it again, but for
-- what may have left its window. Comes before effect keys are freed, as takes come before they are
-- taken.
CREATE FUNCTION placet.slices_free_v1(
    s placet.replay_session, p_left jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT p_left ? 'releases' THEN
        RETURN;
    END IF;
    WITH freed AS (
        UPDATE placet.replay_wide_amount AS w SET released_at = p_at
        FROM jsonb_array_elements_text(p_left -> 'releases') AS c(call_id)
        WHERE w.tenant_id = s.tenant_id AND w.session_id = s.session_id
          AND w.call_id = c.call_id::uuid AND w.released_at IS NULL
        RETURNING w.allowance_id, w.value, w.committed_at),
    back AS (
        SELECT f.allowance_id, sum(f.value) AS freed,
               sum(CASE WHEN f.committed_at IS NULL OR a.window_seconds IS NULL
                        THEN f.value ELSE 0 END) AS held
        FROM freed AS f
        JOIN placet.replay_allowance AS a
            ON a.tenant_id = s.tenant_id AND a.allowance_id = f.allowance_id
        GROUP BY f.allowance_id)
    UPDATE placet.replay_slice AS l SET held = l.held + b.held, used = l.used - b.freed
    FROM back AS b
    WHERE l.tenant_id = s.tenant_id AND l.session_id = s.session_id
      AND l.allowance_id = b.allowance_id;
    IF s.ended_at IS NOT NULL THEN
        PERFORM placet.slices_return_v1(s.tenant_id, s.session_id);
    END IF;
END
$$;

-- Give back what an ended session's slices hold. It waits for nobody: what is locked stays held
-- until another session calls it back.
CREATE FUNCTION placet.slices_return_v1(p_tenant uuid, p_session uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    l record;
BEGIN
    FOR l IN
        SELECT o.allowance_id, o.held FROM placet.replay_slice AS o
        WHERE o.tenant_id = p_tenant AND o.session_id = p_session AND o.held > 0
        ORDER BY o.allowance_id
        FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        PERFORM FROM placet.replay_allowance AS a
        WHERE a.tenant_id = p_tenant AND a.allowance_id = l.allowance_id
        FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        UPDATE placet.replay_slice AS o SET held = 0
        WHERE o.tenant_id = p_tenant AND o.session_id = p_session
          AND o.allowance_id = l.allowance_id;
        UPDATE placet.replay_allowance AS a SET reserved = a.reserved - l.held
        WHERE a.tenant_id = p_tenant AND a.allowance_id = l.allowance_id
          AND a.window_seconds IS NULL;
    END LOOP;
END
$$;
