-- Does this person's key count for the lifting of what was set at that time? It was enrolled before,
-- or let in since then: signed for by the key of somebody else that was enrolled before and still
-- counts, and only once the time is over that a key let in has to wait.
CREATE FUNCTION placet.lift_key_counts_v1(p_key_id text, p_actor uuid, p_set_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_tenant uuid := placet.tenant();
BEGIN
    RETURN EXISTS (
        SELECT FROM placet.authority_person_key AS k
        WHERE k.tenant_id = v_tenant AND k.key_id = p_key_id AND k.actor_id = p_actor
          AND NOT EXISTS (
            SELECT FROM placet.authority_key_revocation AS r
            WHERE r.tenant_id = v_tenant AND r.key_id = k.key_id)
          AND (k.enrolled_at < p_set_at OR EXISTS (
            SELECT FROM placet.studio_enrolment AS e
            JOIN placet.studio_enrolment_confirmation AS last
              ON last.tenant_id = v_tenant AND last.enrolment_id = e.enrolment_id
            JOIN placet.studio_enrolment_confirmation AS c
              ON c.tenant_id = v_tenant AND c.enrolment_id = e.enrolment_id
            JOIN placet.authority_person_key AS o
              ON o.tenant_id = v_tenant AND o.key_id = c.key_id
            JOIN placet.tenancy_actor AS a
              ON a.tenant_id = v_tenant AND a.actor_id = o.actor_id
            WHERE e.tenant_id = v_tenant AND e.key_id = k.key_id AND e.actor_id = k.actor_id
              -- The word that let the key in tells from when on it counts.
              AND last.counts_from <= clock_timestamp()
              AND c.decision = 'approve' AND o.actor_id <> k.actor_id
              AND o.enrolled_at < p_set_at AND a.status = 'active'
              AND NOT EXISTS (
                SELECT FROM placet.authority_key_revocation AS r
                WHERE r.tenant_id = v_tenant AND r.key_id = o.key_id))));
END
$$;

-- Lift a control for the second of two people: the gate alone, its row, its lift and one event.
-- Comes last in a transaction, because grants wait for it from here on.
CREATE FUNCTION placet.control_lift_v1(
    p_lift uuid, p_actor uuid, p_reason text,
    p_event uuid, p_type text, p_salt bytea, p_body bytea, p_vote bytea,
    OUT code text, OUT control_epoch bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_tenant uuid := placet.tenant();
    v_at timestamptz;
    l placet.authority_lift%ROWTYPE;
BEGIN
    PERFORM set_config('lock_timeout', '4s', true);
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
    -- Race: another may have confirmed this lift, or another lift of the control, before the gate.
    SELECT * INTO l FROM placet.authority_lift AS r
    WHERE r.tenant_id = v_tenant AND r.lift_id = p_lift;
    v_at := clock_timestamp();
    -- Invariant: nobody lifts alone.
    code := CASE
        WHEN l.lift_id IS NULL THEN 'not_found'
        WHEN l.asked_by = p_actor THEN 'two_people_needed'
        -- Invariant: both signed, or nobody could.
        WHEN (l.ask_vote IS NULL) <> (p_vote IS NULL) THEN 'two_people_needed'
        WHEN l.confirmed_at IS NOT NULL OR l.lapses_at <= v_at THEN 'lift_not_allowed'
        WHEN NOT EXISTS (
            SELECT FROM placet.authority_control AS c
            WHERE c.tenant_id = v_tenant AND c.control_id = l.control_id
              AND c.kind IN ('tenant', 'agent', 'tool') AND c.lifted_epoch IS NULL)
            THEN 'lift_not_allowed'
        -- Invariant: each signed by a key that counts for what was set then.
        WHEN NOT EXISTS (
            SELECT FROM placet.authority_control AS c
            WHERE c.tenant_id = v_tenant AND c.control_id = l.control_id
              AND (p_vote IS NULL OR (
                placet.lift_key_counts_v1(
                    convert_from(l.ask_vote, 'UTF8')::jsonb #>> '{signatures,0,keyid}',
                    l.asked_by, c.set_at)
                AND placet.lift_key_counts_v1(
                    convert_from(p_vote, 'UTF8')::jsonb #>> '{signatures,0,keyid}',
                    p_actor, c.set_at))))
            THEN 'key_does_not_count'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    UPDATE placet.authority_control_gate AS g SET control_epoch = g.control_epoch + 1
    WHERE g.tenant_id = v_tenant
    RETURNING g.control_epoch INTO control_epoch;
    UPDATE placet.authority_control AS c SET lifted_epoch = control_lift_v1.control_epoch
    WHERE c.tenant_id = v_tenant AND c.control_id = l.control_id AND c.lifted_epoch IS NULL;
    UPDATE placet.authority_lift AS r
    SET confirm_reason = p_reason, confirmed_by = p_actor, confirmed_at = v_at,
        lifted_epoch = control_lift_v1.control_epoch, confirm_vote = p_vote
    WHERE r.tenant_id = v_tenant AND r.lift_id = p_lift;
    PERFORM placet.event_append_v1(
        placet.tenant_stream_v1(v_tenant, 'control'), 'control', p_actor, ARRAY[p_event],
        ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body]);
END
$$;
