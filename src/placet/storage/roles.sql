-- The roles of one cluster. Run by an admin; running it again changes nothing that is right.

-- Makes a role where it is missing, and mends attributes where they are not as told.
DO $$
DECLARE
  wanted record;
  found pg_roles;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('placet_owner',    false, false, 'owns every object; nobody logs in as it'),
      ('placet_auth',     false, false, 'owns the functions that look up keys; nobody logs in as it'),
      ('placet_migrator', true,  true,  'changes the schema as placet_owner; moves data past row-level security'),
      ('placet_app',      true,  false, 'the service: held to one tenant a transaction'),
      ('placet_auditor',  true,  false, 'reads'),
      ('placet_backup',   true,  true,  'reads all tenants, for pg_dump')
    ) AS t(name, logs_in, sees_all_tenants, purpose)
  LOOP
    SELECT * INTO found FROM pg_roles WHERE rolname = wanted.name;
    IF found.rolname IS NULL THEN
      EXECUTE format('CREATE ROLE %I NOINHERIT %s %s', wanted.name,
        CASE WHEN wanted.logs_in THEN 'LOGIN' ELSE 'NOLOGIN' END,
        CASE WHEN wanted.sees_all_tenants THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END);
      EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.name, wanted.purpose);
    ELSE
      IF found.rolsuper THEN
        EXECUTE format('ALTER ROLE %I NOSUPERUSER', wanted.name);
      END IF;
      IF found.rolbypassrls <> wanted.sees_all_tenants THEN
        EXECUTE format('ALTER ROLE %I %s', wanted.name,
          CASE WHEN wanted.sees_all_tenants THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END);
      END IF;
      IF found.rolcreaterole OR found.rolcreatedb OR found.rolinherit
         OR found.rolcanlogin <> wanted.logs_in THEN
        EXECUTE format('ALTER ROLE %I NOINHERIT NOCREATEROLE NOCREATEDB %s', wanted.name,
          CASE WHEN wanted.logs_in THEN 'LOGIN' ELSE 'NOLOGIN' END);
      END IF;
    END IF;
  END LOOP;
END
$$;

-- Lets the migrator become the owner, the owner hand a function to placet_auth, and an admin who
-- is no superuser become the owner for what follows.
DO $$
DECLARE
  how text := CASE WHEN current_setting('server_version_num')::int >= 160000
                   THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = 'placet_owner'::regrole
                                                 AND m.member = 'placet_migrator'::regrole) THEN
    EXECUTE 'GRANT placet_owner TO placet_migrator' || how;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = 'placet_auth'::regrole
                                                 AND m.member = 'placet_owner'::regrole) THEN
    EXECUTE 'GRANT placet_auth TO placet_owner' || how;
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT placet_owner TO %I', current_user) || how;
  END IF;
END
$$;

-- The service never waits long: it would rather refuse. Role defaults survive a pool's reset.
ALTER ROLE placet_app SET statement_timeout = '5s';
ALTER ROLE placet_app SET lock_timeout = '1s';
ALTER ROLE placet_app SET idle_in_transaction_session_timeout = '2s';
ALTER ROLE placet_app SET default_transaction_isolation = 'read committed';
ALTER ROLE placet_app SET timezone = 'UTC';

-- A migration gives way to live requests, and may work long once it has its locks.
ALTER ROLE placet_migrator SET statement_timeout = '15min';
ALTER ROLE placet_migrator SET lock_timeout = '1s';
ALTER ROLE placet_migrator SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE placet_migrator SET timezone = 'UTC';

ALTER ROLE placet_auditor SET default_transaction_read_only = on;
ALTER ROLE placet_auditor SET statement_timeout = '1min';
ALTER ROLE placet_auditor SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE placet_backup SET default_transaction_read_only = on;
