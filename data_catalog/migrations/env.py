"""How Alembic reaches the catalogue: by the connection that is given, or for a developer by a URL."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from data_catalog.catalog_tables import metadata

given = context.config.attributes.get("connection")
if given is not None:
    context.configure(connection=given, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "").begin() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        context.run_migrations()
