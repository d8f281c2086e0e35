"""Alembic's entry: runs on the connection that `store.migrate` hands over."""

from alembic import context

from muster_server.models import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
