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
    """Restores."""


def _no_restores() -> None:
    """Restores."""


def _erasures() -> None:
    """Erasures."""


def _no_erasures() -> None:
    """Erasures."""


def _log() -> None:
    """The log."""


def _no_log() -> None:
    """The log."""
