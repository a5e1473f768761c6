-- Keep a receipt, and prepare the next request on the facts that it leads to, in one commit.
-- Whatever becomes of the preflight (`next_code`), the receipt is kept as `receipt_v1` keeps it.
CREATE FUNCTION placet.receipt_prepare_v1(
    p_key_id text, p_secret_hash bytea, p_session uuid, p_epoch bigint, p_fence bigint,
    p_call uuid, p_receipt uuid, p_idempotency_key text, p_fingerprint bytea, p_status text,
    p_evidence_level text, p_arguments_hash bytea, p_output_hash bytea, p_output bytea,
    p_external_ref text, p_error text, p_started_at timestamptz, p_completed_at timestamptz,
    p_decided_version bigint, p_next jsonb, p_state bytea, p_cost bigint,
    p_events uuid[], p_types text[], p_salts bytea[], p_bodies bytea[],
    p_holder text, p_moves boolean, p_next_version bigint, p_tools_told bigint,
    p_prepared uuid, p_request_hash bytea, p_request jsonb, p_narrowing jsonb, p_ttl_seconds int,
    p_event uuid, p_type text, p_salt bytea, p_body bytea,
    OUT code text, OUT facts jsonb, OUT receipt_id uuid, OUT late boolean,
    OUT conflicting boolean, OUT applied boolean, OUT status text, OUT execution_state text,
    OUT commit_state text, OUT evidence_level text, OUT state_version bigint,
    OUT current_phase text, OUT settled_at timestamptz, OUT replayed boolean,
    OUT moved boolean, OUT stopped text,
    OUT next_code text, OUT next_facts jsonb, OUT next_request_seq bigint,
    OUT next_expires_at timestamptz, OUT next_control_revision bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r record;
    n record;
BEGIN
    SELECT * INTO r FROM placet.receipt_v1(
        p_key_id, p_secret_hash, p_session, p_epoch, p_fence,
        p_call, p_receipt, p_idempotency_key, p_fingerprint, p_status,
        p_evidence_level, p_arguments_hash, p_output_hash, p_output,
        p_external_ref, p_error, p_started_at, p_completed_at,
        p_decided_version, p_next, p_state, p_cost,
        p_events, p_types, p_salts, p_bodies);
    code := r.code;
    facts := r.facts;
    receipt_id := r.receipt_id;
    late := r.late;
    conflicting := r.conflicting;
    applied := r.applied;
    status := r.status;
    execution_state := r.execution_state;
    commit_state := r.commit_state;
    evidence_level := r.evidence_level;
    state_version := r.state_version;
    current_phase := r.current_phase;
    settled_at := r.settled_at;
    replayed := r.replayed;
    moved := r.moved;
    stopped := r.stopped;
    IF code <> 'ok' THEN
        RETURN;
    END IF;
    -- Race: what was narrowed ahead holds on the facts that the receipt was to lead to, no others.
    SELECT * INTO n FROM placet.preflight_v1(
        p_key_id, p_secret_hash, p_session, p_holder, p_epoch, p_fence,
        CASE WHEN r.moved = p_moves THEN p_next_version ELSE -1 END, NULL, NULL, p_tools_told,
        p_prepared, p_request_hash, p_request, p_narrowing, p_ttl_seconds,
        p_event, p_type, p_salt, p_body);
    next_code := n.code;
    next_facts := n.facts;
    next_request_seq := n.request_seq;
    next_expires_at := n.expires_at;
    next_control_revision := n.control_revision;
END
$$;
