"""How Alembic reaches the catalogue: by the connection that is given."""

from __future__ import annotations

from alembic import context

from data_catalog.catalog_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
