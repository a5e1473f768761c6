-- Let go of what was folded of a stream, and of each fork that goes on from behind one of these
-- events, from fork to fork.
CREATE FUNCTION placet.folds_forget_v1(p_tenant uuid, p_stream uuid, p_seqs bigint[])
RETURNS void LANGUAGE sql AS $$
    WITH RECURSIVE told (stream_id, from_seq) AS (
        SELECT p_stream, (SELECT min(q) FROM unnest(p_seqs) AS q)
        UNION ALL
        SELECT f.stream_id, 1 FROM told AS d
        JOIN placet.event_fork AS f
            ON f.tenant_id = p_tenant AND f.origin_id = d.stream_id AND f.origin_seq >= d.from_seq
    )
    DELETE FROM placet.event_fold_checkpoint AS k USING told AS d
    WHERE k.tenant_id = p_tenant AND k.stream_id = d.stream_id
$$;
