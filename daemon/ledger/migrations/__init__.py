"""Schema migrations: Alembic runs them, in plain SQL. Imported only when one is pending."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def upgrade(sqlalchemy_url: str) -> None:
    """Bring the database to the newest schema, in one transaction a revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = sqlalchemy_url
    command.upgrade(config, "head")
