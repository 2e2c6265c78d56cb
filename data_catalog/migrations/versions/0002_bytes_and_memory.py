"""Tell of each record the bytes that were written, and the highest memory meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; older records tell neither."""
    op.add_column("record", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.add_column("record", sa.Column("peak_bytes", sa.BigInteger(), nullable=True))
