"""What restores, erasures and the log still lacked, and every function anew."""

from alembic import op

from placet.storage import guards
from placet.storage.functions import make_all_anew, statements

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLES: list[str] = []
TENANT: list[str] = []
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = []
FUNCTIONS: list[str] = []


def upgrade() -> None:
    """Add what was lacking, and make every function anew."""
    _restores()
    _erasures()
    _log()
    guards.force_tenancy(op, TENANT)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    make_all_anew(op, down_revision)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Take away what was added. Functions of earlier revisions stay as they are."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    _no_log()
    _no_erasures()
    _no_restores()


def _restores() -> None:
    """Add what restores need."""


def _no_restores() -> None:
    """Take away what restores need."""


def _erasures() -> None:
    """Add what erasures need."""


def _no_erasures() -> None:
    """Take away what erasures need."""


def _log() -> None:
    """Add what the log needs."""


def _no_log() -> None:
    """Take away what the log needs."""
