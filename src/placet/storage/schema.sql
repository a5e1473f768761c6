-- One database's schema and what each role may do there. Run by an admin, in that database;
-- running it again changes nothing that is right.

REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Objects belong to the owner, and default privileges to the role that makes the objects.
SET ROLE placet_owner;

CREATE SCHEMA IF NOT EXISTS placet;
GRANT USAGE ON SCHEMA placet TO placet_app, placet_auth, placet_migrator, placet_auditor, placet_backup;

-- The service reads and appends. UPDATE and DELETE are granted table by table, and a table that
-- the service must not read has these taken away again by the migration that makes it.
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT SELECT, INSERT ON TABLES TO placet_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT USAGE ON SEQUENCES TO placet_app;

-- Moving data needs its own grants: BYPASSRLS does not follow SET ROLE.
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT SELECT, INSERT, UPDATE ON TABLES TO placet_migrator;
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT USAGE ON SEQUENCES TO placet_migrator;

ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT SELECT ON TABLES TO placet_auditor, placet_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT SELECT ON SEQUENCES TO placet_backup;

-- Without IN SCHEMA: a default per schema can only add to the one for everywhere.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA placet GRANT EXECUTE ON FUNCTIONS TO placet_app;

RESET ROLE;
