-- Grant, renew, release or steal the lease of a session.
CREATE FUNCTION placet.lease_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid,
    p_action text, p_holder text, p_epoch bigint, p_fence bigint,
    p_request uuid, p_ttl_seconds int,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT holder text, OUT epoch bigint, OUT fence bigint,
    OUT lease_expires_at timestamptz, OUT state_version bigint, OUT control_revision bigint,
    OUT replayed boolean
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    e record;
    s placet.replay_session;
    w record;
    v_mine boolean;
BEGIN
    replayed := false;
    SELECT * INTO e FROM placet.session_enter_v1(
        p_key_id, p_secret_hash,
        CASE WHEN p_action = 'steal' THEN ARRAY['operate'] ELSE ARRAY['runtime'] END,
        p_session, false);
    code := e.code;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    s := e.s;
    holder := s.holder;
    epoch := s.epoch;
    fence := s.fence;
    lease_expires_at := s.lease_expires_at;
    state_version := s.state_version;
    control_revision := s.control_revision;
    -- A lease of before a restore is none, and none is given before the epoch is raised.
    IF e.barred = 'recovering' AND p_action <> 'release' THEN
        code := e.barred;
        RETURN;
    END IF;
    -- The same request again gets the lease that it got, while it has it.
    IF p_action IN ('grant', 'steal') AND s.lease_request_id = p_request AND s.holder = p_holder
        AND s.status IN ('active', 'closing')
    THEN
        replayed := true;
        code := CASE WHEN s.lease_expires_at > clock_timestamp() THEN 'ok' ELSE 'lease_lost' END;
        RETURN;
    END IF;
    v_mine := s.holder = p_holder AND (s.epoch, s.fence) = (p_epoch, p_fence);
    IF p_action = 'release' AND v_mine AND s.lease_expires_at = '-infinity' THEN
        replayed := true;
        lease_expires_at := clock_timestamp();
        RETURN;
    END IF;
    -- A closing session has its writer too: somebody reports and settles what is left open there,
    -- also when its approval has expired meanwhile.
    IF s.status NOT IN ('active', 'closing') THEN
        code := 'session_' || s.status;
        RETURN;
    END IF;
    IF p_action IN ('grant', 'renew') AND e.barred IS NOT NULL
        AND NOT (s.status = 'closing' AND e.barred = 'authority_expired')
    THEN
        code := e.barred;
        RETURN;
    END IF;
    -- Invariant: an expired lease is never revived, and only a new grant raises the fence.
    IF p_action IN ('renew', 'release')
        AND (v_mine IS NOT TRUE OR s.lease_expires_at <= clock_timestamp())
    THEN
        code := 'lease_lost';
        RETURN;
    END IF;
    IF p_action = 'grant' AND s.lease_expires_at > clock_timestamp()
        AND s.holder IS DISTINCT FROM p_holder
    THEN
        code := 'lease_held';
        RETURN;
    END IF;
    lease_expires_at := CASE WHEN p_action = 'release' THEN '-infinity'::timestamptz
        ELSE clock_timestamp() + make_interval(secs => p_ttl_seconds) END;
    IF p_action = 'renew' THEN
        UPDATE placet.replay_session AS r SET lease_expires_at = lease_v1.lease_expires_at
        WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
        RETURN;
    END IF;
    IF p_action IN ('grant', 'steal') THEN
        holder := p_holder;
        fence := s.fence + 1;
    END IF;
    SELECT * INTO w FROM placet.event_write_v1(
        s.tenant_id, s.session_id, e.actor, epoch, fence, e.control_epoch, s.control_revision,
        ARRAY[p_event], ARRAY[p_type], ARRAY[p_salt], ARRAY[p_body],
        s.next_seq, s.head, s.last_event_at);
    UPDATE placet.replay_session AS r
    SET holder = lease_v1.holder, fence = lease_v1.fence,
        lease_expires_at = lease_v1.lease_expires_at,
        lease_request_id = CASE WHEN p_action = 'release' THEN s.lease_request_id
                                ELSE p_request END,
        next_seq = w.io_next_seq, head = w.io_head, last_event_at = w.io_at
    WHERE r.tenant_id = s.tenant_id AND r.session_id = s.session_id;
    lease_expires_at := greatest(lease_expires_at, w.io_at);
END
$$;
