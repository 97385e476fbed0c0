"""Schema migrations: Alembic runs them, in plain SQL. Imported only when one is pending."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from daemon.ledger.storage.store import StoreError


def upgrade(sqlalchemy_url: str, connect: Callable[[], object] | None = None) -> None:
    """Bring the database to the newest schema, in one transaction a revision.

    connect: opens the connection; without it, SQLAlchemy does by the URL.
    Raises:  StoreError, with the database as it was before the revision that failed.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = sqlalchemy_url
    config.attributes["connect"] = {"creator": connect} if connect else {}
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreError(f"The ledger could not be migrated: {error.orig}") from error
