"""Run by Alembic around the migrations, on the connection that `bot.storage.migrations.apply` was given."""

from alembic import context

from bot.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
