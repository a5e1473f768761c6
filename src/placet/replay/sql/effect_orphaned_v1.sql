-- Did a call that a restore forgot take this effect? Unless its tool's host signed that it failed.
CREATE FUNCTION placet.effect_orphaned_v1(s placet.replay_session, p_effect_key bytea)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM placet.replay_orphan_receipt AS o
        WHERE o.tenant_id = s.tenant_id AND o.agent = s.agent AND o.environment = s.environment
          AND o.effect_key = p_effect_key
          AND (o.status, o.evidence_level) <> ('failed', 'executor_attested'));
END
$$;
