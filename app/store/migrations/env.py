"""Alembic's entry: runs the migrations on the connection that app.store.schema hands over."""

from alembic import context

from app.store.all_tables import metadata

# SQLite changes a table by rebuilding it (batch mode), and keeps all steps in the one transaction it was given.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
