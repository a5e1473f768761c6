-- What the server says of itself and of the role that asks.
--
-- A tenant's table is one with a `tenant_id`. One that the role cannot touch at all needs no policy:
-- only functions of another owner reach it.
SELECT
  current_setting('server_version') AS version,
  current_setting('server_version_num')::int / 10000 AS major,
  current_setting('server_encoding') AS encoding,
  current_setting('fsync')::bool AS fsync,
  current_setting('full_page_writes')::bool AS full_page_writes,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('data_checksums')::bool AS checksums,
  pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS read_only,
  current_setting('max_connections')::int AS connections_max,
  (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout_ms,
  (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') AS lock_timeout_ms,
  (SELECT setting::int FROM pg_settings
    WHERE name = 'idle_in_transaction_session_timeout') AS idle_timeout_ms,
  r.rolname::text AS role,
  r.rolsuper AS is_superuser,
  r.rolbypassrls AS bypasses_rls,
  ARRAY(SELECT 'database ' || datname FROM pg_database
         WHERE datname = current_database() AND datdba = r.oid
        UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspowner = r.oid
        UNION ALL SELECT 'relation ' || relname FROM pg_class c
         WHERE c.relowner = r.oid AND c.relnamespace = to_regnamespace('placet')) AS owns,
  ARRAY(SELECT m.rolname::text FROM pg_roles m
         WHERE NOT r.rolsuper AND m.oid <> r.oid AND pg_has_role(r.oid, m.oid, 'MEMBER')
           AND (m.rolname = 'placet_owner' OR m.rolsuper OR m.rolbypassrls OR m.rolcreaterole)
         ORDER BY 1) AS member_of,
  ARRAY(SELECT 'schema ' || nspname FROM pg_namespace
         WHERE NOT r.rolsuper AND nspname IN ('placet', 'public')
           AND has_schema_privilege(oid, 'CREATE')
        UNION ALL SELECT 'the database'
         WHERE NOT r.rolsuper AND has_database_privilege(current_database(), 'CREATE, TEMP')
       ) AS may_create,
  to_regnamespace('placet') IS NOT NULL AS schema_present,
  ARRAY(SELECT c.relname::text FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                             AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = to_regnamespace('placet') AND c.relkind IN ('r', 'p')
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
           AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
         ORDER BY 1) AS open_tables
FROM pg_roles r WHERE r.rolname = current_user
