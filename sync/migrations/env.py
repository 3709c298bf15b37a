"""The Alembic environment: runs revisions in the connection and transaction of `sync.migrations.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
