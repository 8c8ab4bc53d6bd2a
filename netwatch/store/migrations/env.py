"""What alembic runs: the connection comes from `netwatch.store.migrate`, everything else from there too."""

from alembic import context

from netwatch.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can take back CREATE and ALTER; alembic does not rely on it unless told. A migration that fails half way
    # leaves what was there before.
    transactional_ddl=True,
    render_as_batch=True,
)

with context.begin_transaction():
    context.run_migrations()
