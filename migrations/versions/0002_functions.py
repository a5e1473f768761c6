"""The database functions: event store, keys, controls, due work and the replay runtime.

The statements stand in files of the parts that own them; a test keeps their hashes once released.
"""

from alembic import op

from placet.storage.functions import statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SOURCES = [
    ("placet.events", "event_leaf_v1"),
    ("placet.events", "event_follows_v1"),
    ("placet.events", "event_write_v1"),
    ("placet.events", "event_append_v1"),
    ("placet.storage", "work_due_v1"),
    ("placet.tenancy", "authenticate_v1"),
    ("placet.authority", "gate_v1"),
    ("placet.replay", "session_enter_v1"),
    ("placet.replay", "session_open_v1"),
    ("placet.replay", "lease_v1"),
    ("placet.replay", "preflight_v1"),
    ("placet.replay", "propose_v1"),
    ("placet.replay", "start_v1"),
    ("placet.replay", "receipt_v1"),
    ("placet.replay", "settle_v1"),
    ("placet.replay", "kill_v1"),
    ("placet.replay", "sweep_v1"),
]
KEY_FUNCTIONS = ["authenticate_v1(text, bytea)", "keep_api_key_v1(text, bytea)"]


def upgrade() -> None:
    """Create the functions; hand those that see key hashes to placet_auth."""
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    op.execute(
        "CREATE TRIGGER event_follows BEFORE INSERT ON placet.event"
        " FOR EACH ROW EXECUTE FUNCTION placet.event_follows_v1()"
    )
    op.execute("ALTER TABLE placet.event ENABLE ALWAYS TRIGGER event_follows")
    op.execute("GRANT EXECUTE ON FUNCTION placet.tenant() TO placet_auth, placet_auditor")
    op.execute("GRANT SELECT, INSERT ON placet.api_key_lookup TO placet_auth")
    op.execute("GRANT SELECT ON placet.tenancy_api_key, placet.tenancy_actor TO placet_auth")
    op.execute("GRANT CREATE ON SCHEMA placet TO placet_auth")
    for signature in KEY_FUNCTIONS:
        op.execute(f"ALTER FUNCTION placet.{signature} OWNER TO placet_auth")
    op.execute("REVOKE CREATE ON SCHEMA placet FROM placet_auth")
    op.execute("REVOKE INSERT ON placet.alembic_version FROM placet_app")


def downgrade() -> None:
    """Drop every function that this revision made, and the trigger that calls one."""
    op.execute("DROP TRIGGER event_follows ON placet.event")
    op.execute(
        """
        DO $$
        DECLARE f record;
        BEGIN
            FOR f IN
                SELECT p.oid::regprocedure AS signature, p.proowner::regrole AS owner
                FROM pg_proc AS p
                WHERE p.pronamespace = 'placet'::regnamespace
                  AND p.proname NOT IN ('tenant', 'refuse_change')
                ORDER BY p.oid DESC
            LOOP
                EXECUTE format('SET LOCAL ROLE %I', f.owner);
                EXECUTE format('DROP FUNCTION %s', f.signature);
            END LOOP;
        END
        $$
        """
    )
