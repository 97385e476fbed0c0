"""Run by Alembic: connects, and gives each migration one transaction."""

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

attributes = context.config.attributes
engine = create_engine(attributes["url"], poolclass=NullPool, **attributes["connect"])

if engine.dialect.name == "sqlite":
    # The sqlite3 module commits before each CREATE TABLE unless transactions are begun by hand.
    @event.listens_for(engine, "connect")
    def _by_hand(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]


with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
