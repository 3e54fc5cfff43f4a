"""Alembic's entry: runs the migrations on the connection it is handed."""

from alembic import context

from store.schema import ours
from store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, include_object=ours, compare_type=True, compare_server_default=False)
with context.begin_transaction():
    context.run_migrations()
