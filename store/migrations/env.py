"""Alembic's entry: runs the migrations on the connection it is handed."""

from alembic import context

from store.tables import metadata


def include(thing: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """procrastinate's tables are its own; a migration of ours only calls in its schema."""
    return not (name or "").startswith("procrastinate")


connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, include_object=include, compare_type=True, compare_server_default=False)
with context.begin_transaction():
    context.run_migrations()
