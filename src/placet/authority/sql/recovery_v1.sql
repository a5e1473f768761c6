-- Is a lost range of this tenant open? What may have happened there nobody has looked at yet.
CREATE FUNCTION placet.recovering_v1(p_tenant uuid)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM placet.authority_recovery AS r
        WHERE r.tenant_id = p_tenant AND r.closed_at IS NULL);
END
$$;

-- Was a lost range of this tenant closed since that control epoch?
CREATE FUNCTION placet.recovery_closed_since_v1(p_tenant uuid, p_seen bigint)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM placet.authority_recovery AS r
        WHERE r.tenant_id = p_tenant AND r.closed_epoch > p_seen);
END
$$;
