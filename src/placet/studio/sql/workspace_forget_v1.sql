-- Blank every copy of what these bodies of a workspace's stream say in words. The caller holds the
-- stream, and deletes the bodies afterwards.
CREATE FUNCTION placet.workspace_forget_v1(p_tenant uuid, p_workspace uuid, p_seqs bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_items uuid[];
BEGIN
    SELECT array_agg(DISTINCT (convert_from(b.body, 'UTF8')::json ->> 'item_id')::uuid)
    INTO v_items
    FROM placet.event_body AS b
    WHERE b.tenant_id = p_tenant AND b.stream_id = p_workspace AND b.seq = ANY (p_seqs);
    UPDATE placet.studio_drift_item AS d
    SET summary = '(erased)', reason = CASE WHEN d.reason IS NOT NULL THEN '(erased)' END
    WHERE d.tenant_id = p_tenant AND d.workspace_id = p_workspace AND d.item_id = ANY (v_items);
END
$$;
