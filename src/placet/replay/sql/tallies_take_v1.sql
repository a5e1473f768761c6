-- The key of a tally's lock.
CREATE FUNCTION placet.tally_lock_key_v1(p_tally uuid)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('tally ' || p_tally::text, 0)
$$;

-- The greatest or the least number in a tally that counts since then, null where none does; with
-- `p_full` open ones count too, and those of the session `p_but` do not.
CREATE FUNCTION placet.tally_extreme_v1(
    p_tenant uuid, p_but uuid, p_tally uuid, p_largest boolean, p_full boolean,
    p_since timestamptz)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_value numeric;
BEGIN
    IF p_largest THEN
        SELECT m.value INTO v_value FROM placet.replay_tally_mark AS m
        WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally
          AND (m.committed_at > p_since OR (p_full AND m.committed_at IS NULL))
          AND m.session_id IS DISTINCT FROM p_but AND m.value IS NOT NULL
        ORDER BY m.value DESC LIMIT 1;
    ELSE
        SELECT m.value INTO v_value FROM placet.replay_tally_mark AS m
        WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally
          AND (m.committed_at > p_since OR (p_full AND m.committed_at IS NULL))
          AND m.session_id IS DISTINCT FROM p_but AND m.value IS NOT NULL
        ORDER BY m.value LIMIT 1;
    END IF;
    RETURN v_value;
END
$$;

-- How many different values in a tally count since then, `p_most` at most, without those named;
-- with `p_full` open ones count too. Values of the session `p_but` do not, whoever else has them.
-- It goes from one digest to the next, so that many calls with the same one cost no more than one.
CREATE FUNCTION placet.tally_different_v1(
    p_tenant uuid, p_but uuid, p_tally uuid, p_full boolean, p_since timestamptz,
    p_without bytea[], p_most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH RECURSIVE d AS (
        (SELECT m.digest FROM placet.replay_tally_mark AS m
        WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally AND m.digest IS NOT NULL
          AND (m.committed_at > p_since OR (p_full AND m.committed_at IS NULL))
          AND m.session_id IS DISTINCT FROM p_but
        ORDER BY m.digest LIMIT 1)
        UNION ALL
        SELECT (
            SELECT m.digest FROM placet.replay_tally_mark AS m
            WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally AND m.digest > d.digest
              AND (m.committed_at > p_since OR (p_full AND m.committed_at IS NULL))
              AND m.session_id IS DISTINCT FROM p_but
            ORDER BY m.digest LIMIT 1)
        FROM d WHERE d.digest IS NOT NULL)
    SELECT count(*) INTO v_count
    FROM (
        SELECT FROM d
        WHERE d.digest IS NOT NULL AND d.digest <> ALL (p_without)
          AND (p_but IS NULL OR NOT EXISTS (
              SELECT FROM placet.replay_tally_mark AS m
              WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally AND m.digest = d.digest
                AND (m.committed_at > p_since OR (p_full AND m.committed_at IS NULL))
                AND m.session_id = p_but))
        LIMIT greatest(p_most, 0)) AS found;
    RETURN v_count;
END
$$;

-- What the committed calls in a tally add up to since then, as far as it takes to pass `p_most`;
-- those of the session `p_but` do not count. No value is negative, so the largest are taken first:
-- few in most cases, and if that is not enough more of them, 100,000 at most. A decision is not
-- written where so many are too few: raises PL004. Whoever is told of others is told these.
CREATE FUNCTION placet.tally_sum_v1(
    p_tenant uuid, p_but uuid, p_tally uuid, p_since timestamptz, p_most numeric)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v_sum numeric;
    v_calls bigint;
    v_limit bigint := 64;
BEGIN
    LOOP
        SELECT coalesce(sum(f.value), 0), count(*) INTO v_sum, v_calls
        FROM (
            SELECT m.value FROM placet.replay_tally_mark AS m
            WHERE m.tenant_id = p_tenant AND m.tally_id = p_tally
              AND m.committed_at > p_since AND m.session_id IS DISTINCT FROM p_but
              AND m.value > 0
            ORDER BY m.value DESC LIMIT v_limit) AS f;
        EXIT WHEN v_sum > p_most OR v_calls < v_limit;
        IF v_limit = 100000 THEN
            IF p_but IS NULL THEN
                RAISE EXCEPTION 'too many calls count in a tally' USING ERRCODE = 'PL004';
            END IF;
            EXIT;
        END IF;
        v_limit := least(v_limit * 16, 100000);
    END LOOP;
    RETURN v_sum;
END
$$;

-- Since when what was committed counts in a tally, by the clock of this moment.
CREATE FUNCTION placet.tally_since_v1(p_window bigint)
RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN p_window IS NULL THEN '-infinity'::timestamptz
                ELSE clock_timestamp() - make_interval(secs => p_window) END
$$;

-- Is a bound kept by what counts in a tally together with these values? They are decimal text, and
-- for `distinct` digests in hex.
CREATE FUNCTION placet.tally_keeps_v1(
    p_tenant uuid, p_tally uuid, p_op text, p_window bigint,
    p_bound text, p_than numeric, p_values jsonb, p_full boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz := placet.tally_since_v1(p_window);
    v_total numeric;
    v_digests bytea[];
BEGIN
    IF p_op = 'distinct' THEN
        v_digests := ARRAY(
            SELECT DISTINCT decode(v.value, 'hex')
            FROM jsonb_array_elements_text(p_values) AS v(value));
        v_total := cardinality(v_digests) + placet.tally_different_v1(
            p_tenant, NULL, p_tally, p_full, v_since, v_digests,
            least(greatest(ceil(p_than), 0) + 1, 10001)::bigint);
    ELSIF p_op IN ('max', 'min') THEN
        v_total := placet.tally_extreme_v1(
            p_tenant, NULL, p_tally, p_op = 'max', p_full, v_since);
        SELECT CASE p_op WHEN 'max' THEN greatest(v_total, max(v.value::numeric))
                         ELSE least(v_total, min(v.value::numeric)) END
        INTO v_total FROM jsonb_array_elements_text(p_values) AS v(value);
    ELSE
        SELECT sum(v.value::numeric) INTO v_total
        FROM jsonb_array_elements_text(p_values) AS v(value);
        v_total := v_total + placet.tally_sum_v1(
            p_tenant, NULL, p_tally, v_since, p_than - v_total);
    END IF;
    RETURN CASE p_bound
        WHEN 'lt' THEN v_total < p_than WHEN 'lte' THEN v_total <= p_than
        WHEN 'gt' THEN v_total > p_than ELSE v_total >= p_than
    END;
END
$$;

-- Mark what a response's calls give to tallies, if what was found there is found again. Raises
-- PL003 where it is not.
CREATE FUNCTION placet.tallies_take_v1(
    s placet.replay_session, p_tallied jsonb, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    -- Race: everything is counted after all locks are had, so that of two who mark the same tallies
    -- one sees what the other did.
    FOR t IN
        SELECT DISTINCT placet.tally_lock_key_v1(m.tally_id) AS lock_key
        FROM jsonb_to_recordset(p_tallied -> 'marks') AS m(tally_id uuid)
        ORDER BY lock_key
    LOOP
        PERFORM pg_advisory_xact_lock(t.lock_key);
    END LOOP;
    FOR t IN
        SELECT r.tally_id, r.op, r.window_seconds, l.bound, l.than, l.values, l.is_full, l.is_kept
        FROM jsonb_to_recordset(p_tallied -> 'looks') AS l(
            tally_id uuid, bound text, than numeric, values jsonb, is_full boolean, is_kept boolean)
        JOIN jsonb_to_recordset(p_tallied -> 'tallies') AS r(
            tally_id uuid, op text, window_seconds bigint)
            ON r.tally_id = l.tally_id
    LOOP
        IF t.is_kept IS DISTINCT FROM placet.tally_keeps_v1(
            s.tenant_id, t.tally_id, t.op, t.window_seconds, t.bound, t.than, t.values, t.is_full)
        THEN
            RAISE EXCEPTION 'a tally has changed' USING ERRCODE = 'PL003';
        END IF;
    END LOOP;
    INSERT INTO placet.replay_tally_mark (
        tenant_id, session_id, call_id, tally_id, value, digest, granted_at, committed_at)
    SELECT s.tenant_id, s.session_id, m.call_id, m.tally_id, m.value, decode(m.digest, 'hex'), p_at,
           CASE WHEN m.is_committed THEN p_at END
    FROM jsonb_to_recordset(p_tallied -> 'marks') AS m(
        call_id uuid, tally_id uuid, value numeric, digest text, is_committed boolean);
END
$$;

-- Take away by the way what has left a window, a minute later than it leaves, for clocks that are
-- set back. Comes last: whoever settles one of these calls waits for it, and has other locks by then.
CREATE FUNCTION placet.tallies_clean_v1(s placet.replay_session, p_tallied jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
    v_gone timestamptz;
BEGIN
    FOR t IN
        SELECT r.tally_id, r.window_seconds
        FROM jsonb_to_recordset(p_tallied -> 'tallies') AS r(tally_id uuid, window_seconds bigint)
        WHERE r.window_seconds IS NOT NULL
    LOOP
        v_gone := clock_timestamp() - make_interval(secs => t.window_seconds + 60);
        DELETE FROM placet.replay_tally_mark AS m
        WHERE m.tenant_id = s.tenant_id AND m.ctid = ANY (ARRAY(
            SELECT o.ctid FROM placet.replay_tally_mark AS o
            WHERE o.tenant_id = s.tenant_id AND o.tally_id = t.tally_id
              AND o.committed_at <= v_gone
            ORDER BY o.committed_at LIMIT 256
            FOR UPDATE SKIP LOCKED));
    END LOOP;
END
$$;

-- What calls of other sessions give to a tally; with `p_full` open ones too. Values are text.
CREATE FUNCTION placet.tally_others_v1(
    s placet.replay_session, p_tally uuid, p_op text, p_window bigint, p_most numeric,
    p_asked jsonb, p_full boolean)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_since timestamptz := placet.tally_since_v1(p_window);
    v_values text[] := '{}';
    v_asked bytea[];
    v_besides bigint := 0;
BEGIN
    IF p_op IN ('max', 'min') THEN
        v_values := ARRAY[placet.tally_extreme_v1(
            s.tenant_id, s.session_id, p_tally, p_op = 'max', p_full, v_since)::text];
    ELSIF p_op = 'distinct' THEN
        v_asked := ARRAY(
            SELECT decode(a.value, 'hex') FROM jsonb_array_elements_text(p_asked) AS a(value));
        v_values := ARRAY(
            SELECT encode(a.digest, 'hex') FROM unnest(v_asked) AS a(digest)
            WHERE EXISTS (
                SELECT FROM placet.replay_tally_mark AS m
                WHERE m.tenant_id = s.tenant_id AND m.tally_id = p_tally AND m.digest = a.digest
                  AND (m.committed_at > v_since OR (p_full AND m.committed_at IS NULL))
                  AND m.session_id <> s.session_id));
        v_besides := placet.tally_different_v1(
            s.tenant_id, s.session_id, p_tally, p_full, v_since, v_asked, p_most::bigint);
    ELSIF NOT p_full THEN
        v_values := ARRAY[placet.tally_sum_v1(
            s.tenant_id, s.session_id, p_tally, v_since, p_most)::text];
    END IF;
    RETURN jsonb_build_object(
        'values', to_jsonb(array_remove(v_values, NULL)), 'besides', v_besides);
END
$$;

-- What other sessions give to the tallies that a decision met, for the next decision.
CREATE FUNCTION placet.tallies_told_v1(s placet.replay_session, p_tallied jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF p_tallied IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN jsonb_build_object('tallies', (
        SELECT jsonb_agg(jsonb_build_object(
            'name', t.name,
            'sure', placet.tally_others_v1(
                s, t.tally_id, t.op, t.window_seconds, t.most, t.asked, false),
            'full', placet.tally_others_v1(
                s, t.tally_id, t.op, t.window_seconds, t.most, t.asked, true)))
        FROM jsonb_to_recordset(p_tallied -> 'tallies') AS t(
            tally_id uuid, name text, op text, window_seconds bigint, most numeric, asked jsonb)));
END
$$;
