-- Append a batch to a stream of the current tenant, once for each event's id, and only where the
-- stream stands as the writer believes. Answers `written`, `duplicate`, or the one thing that is in
-- the way: `other_kind`, `read_only`, `closed`, `fenced`, `moved`, `taken`, `mixed`,
-- `parent_unknown`; then nothing is written. `told` names the event that it is about; epoch and fence are the stream's.
CREATE FUNCTION placet.event_place_v1(
    p_stream uuid, p_kind text, p_actor uuid,
    p_ids uuid[], p_types text[], p_salts bytea[], p_bodies bytea[], p_parents uuid[],
    p_expected bigint, p_epoch bigint, p_fence bigint,
    OUT code text, OUT seqs bigint[], OUT stands_at bigint, OUT head bytea, OUT at timestamptz,
    OUT written bigint, OUT told uuid, OUT epoch bigint, OUT fence bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    n int := array_length(p_ids, 1);
    there int := 0;
    is_new boolean;
    is_placed boolean;
    s placet.event_stream%ROWTYPE;
    v_seq bigint;
    v_epoch bigint;
    found_at record;
    w record;
BEGIN
    LOOP
        code := NULL;
        written := 0;
        seqs := '{}';
        told := NULL;
        epoch := 1;
        fence := 0;
        there := 0;
        is_placed := true;
        -- Race: whoever writes to the stream waits here, and then sees what the other has written.
        SELECT * INTO s FROM placet.event_stream
        WHERE tenant_id = v_tenant AND stream_id = p_stream FOR NO KEY UPDATE;
        is_new := NOT FOUND;
        -- Race: the epoch may be raised while this waits, and another write in the new one first.
        SELECT o.epoch INTO v_epoch FROM placet.storage_epoch_v1() AS o;
        IF is_new AND EXISTS (
            SELECT FROM placet.event AS e
            WHERE e.tenant_id = v_tenant AND e.stream_id = p_stream AND e.seq = 1)
        THEN
            -- The streams of sessions are kept elsewhere.
            code := 'other_kind';
            RETURN;
        ELSIF is_new THEN
            s.next_seq := 1;
            s.head := decode(repeat('00', 32), 'hex');
            s.last_at := '-infinity';
        ELSIF s.kind <> p_kind THEN
            code := 'other_kind';
            RETURN;
        ELSE
            SELECT e.epoch, e.fence INTO STRICT epoch, fence FROM placet.event AS e
            WHERE e.tenant_id = v_tenant AND e.stream_id = p_stream AND e.seq = s.next_seq - 1;
        END IF;
        stands_at := s.next_seq - 1;
        head := s.head;

        -- What is there already: the same again, or another under its id.
        FOR i IN 1..n LOOP
            -- Two questions, each for the whole of a key: where a stream is short, one that joins
            -- them is planned to look through all of it, and goes on so when it has grown.
            SELECT p.seq INTO v_seq FROM placet.event_place AS p
            WHERE p.tenant_id = v_tenant AND p.stream_id = p_stream AND p.event_id = p_ids[i];
            CONTINUE WHEN NOT FOUND;
            SELECT e.seq, e.type, e.body_hash, e.leaf, e.at, coalesce((
                SELECT b.salt FROM placet.event_body AS b
                WHERE b.tenant_id = v_tenant AND b.stream_id = p_stream AND b.seq = v_seq
            ), p_salts[i]) AS salt
            INTO STRICT found_at
            FROM placet.event AS e
            WHERE e.tenant_id = v_tenant AND e.stream_id = p_stream AND e.seq = v_seq;
            told := p_ids[i];
            IF found_at.type <> p_types[i] OR found_at.body_hash <> sha256(
                '\x706c616365742e6576656e745f626f64792e763100'::bytea  -- placet.event_body.v1
                || found_at.salt || p_bodies[i])
            THEN
                code := 'taken';
                stands_at := found_at.seq;
                RETURN;
            END IF;
            IF there <> i - 1 THEN
                code := 'mixed';
                RETURN;
            END IF;
            there := i;
            seqs := seqs || found_at.seq;
            is_placed := is_placed AND found_at.seq = p_expected + i;
        END LOOP;
        told := NULL;
        IF there = n THEN
            code := 'duplicate';
            head := found_at.leaf;
            at := found_at.at;
            RETURN;
        END IF;

        -- May the rest follow?
        IF EXISTS (
            SELECT FROM placet.event_fork AS f
            WHERE f.tenant_id = v_tenant AND f.stream_id = p_stream AND f.is_read_only)
        THEN
            code := 'read_only';
            RETURN;
        ELSIF EXISTS (
            SELECT FROM placet.event_close AS k
            WHERE k.tenant_id = v_tenant AND k.stream_id = p_stream)
        THEN
            code := 'closed';
            RETURN;
        END IF;
        -- Invariant: nothing follows under a lower fence, none of another epoch is any good, and
        -- where one was ever named nobody writes without.
        IF (p_epoch, p_fence) < (epoch, fence) OR p_epoch <> v_epoch
            OR (p_fence IS NULL AND fence > 0)
        THEN
            code := 'fenced';
            IF epoch < v_epoch THEN
                epoch := v_epoch;
                fence := 0;
            END IF;
            RETURN;
        END IF;
        IF p_expected + there <> s.next_seq - 1 OR NOT is_placed THEN
            code := 'moved';
            RETURN;
        END IF;
        FOR i IN there + 1..n LOOP
            IF p_parents[i] IS NOT NULL AND NOT p_parents[i] = ANY (p_ids[1:i - 1])
                AND NOT placet.event_known_v1(v_tenant, p_stream, p_parents[i])
            THEN
                code := 'parent_unknown';
                told := p_parents[i];
                RETURN;
            END IF;
        END LOOP;

        EXIT WHEN NOT is_new;
        INSERT INTO placet.event_stream (tenant_id, stream_id, kind, next_seq, head, last_at)
        VALUES (v_tenant, p_stream, p_kind, 1, s.head, s.last_at)
        ON CONFLICT DO NOTHING;
        -- Race: somebody made it meanwhile, and all of this is asked again.
        EXIT WHEN FOUND;
    END LOOP;

    SELECT * INTO w FROM placet.event_write_v1(
        v_tenant, p_stream, p_actor, v_epoch, coalesce(p_fence, 0),
        coalesce((
            SELECT g.control_epoch FROM placet.authority_control_gate AS g
            WHERE g.tenant_id = v_tenant), 0), 0,
        p_ids[there + 1:], p_types[there + 1:], p_salts[there + 1:], p_bodies[there + 1:],
        s.next_seq, s.head, s.last_at);
    FOR i IN there + 1..n LOOP
        INSERT INTO placet.event_place (tenant_id, stream_id, event_id, seq, parent_id)
        VALUES (v_tenant, p_stream, p_ids[i], s.next_seq + i - there - 1, p_parents[i]);
        seqs := seqs || (s.next_seq + i - there - 1);
    END LOOP;
    UPDATE placet.event_stream SET next_seq = w.io_next_seq, head = w.io_head, last_at = w.io_at
    WHERE tenant_id = v_tenant AND stream_id = p_stream;
    code := 'written';
    written := n - there;
    stands_at := w.io_next_seq - 1;
    head := w.io_head;
    at := w.io_at;
    epoch := v_epoch;
    fence := coalesce(p_fence, 0);
END
$$;
