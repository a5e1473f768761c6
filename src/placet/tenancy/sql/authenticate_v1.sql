-- Who holds this key? Sets the tenant for the transaction when the answer is `ok`.
-- DEFINER, owned by placet_auth: the one reader of the key hashes.
CREATE FUNCTION placet.authenticate_v1(
    p_key_id text, p_secret_hash bytea,
    OUT code text, OUT tenant_id uuid, OUT actor_id uuid, OUT scopes text[],
    OUT agent text, OUT environment text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_tenant uuid;
    v_hash bytea;
    k record;
BEGIN
    SELECT l.tenant_id, l.secret_hash INTO v_tenant, v_hash
    FROM placet.api_key_lookup AS l WHERE l.key_id = p_key_id;
    IF v_hash IS NULL OR v_hash IS DISTINCT FROM p_secret_hash THEN
        code := 'unknown';
        RETURN;
    END IF;
    PERFORM set_config('placet.tenant', v_tenant::text, true);
    SELECT a.revoked_at, a.expires_at, a.actor_id, a.agent, a.environment, t.status,
           ARRAY(SELECT jsonb_array_elements_text(a.scopes)) AS scopes
    INTO k
    FROM placet.tenancy_api_key AS a
    JOIN placet.tenancy_actor AS t
        ON t.tenant_id = a.tenant_id AND t.actor_id = a.actor_id
    WHERE a.tenant_id = v_tenant AND a.key_id = p_key_id;
    code := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN k.revoked_at IS NOT NULL THEN 'revoked'
        WHEN k.expires_at IS NOT NULL AND k.expires_at <= clock_timestamp() THEN 'expired'
        WHEN k.status <> 'active' THEN 'disabled'
        ELSE 'ok'
    END;
    IF code <> 'ok' THEN
        PERFORM set_config('placet.tenant', '', true);
        RETURN;
    END IF;
    tenant_id := v_tenant;
    actor_id := k.actor_id;
    scopes := k.scopes;
    agent := k.agent;
    environment := k.environment;
END
$$;

-- Keep the hash of a new key's secret for the current tenant.
CREATE FUNCTION placet.keep_api_key_v1(p_key_id text, p_secret_hash bytea)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO placet.api_key_lookup (key_id, tenant_id, secret_hash)
    SELECT a.key_id, a.tenant_id, p_secret_hash FROM placet.tenancy_api_key AS a
    WHERE a.tenant_id = placet.tenant() AND a.key_id = p_key_id
$$;
