"""facts, entries, rows, snapshots and the outbox"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("severity", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("raised", sa.BigInteger(), nullable=True),
        sa.Column("cleared", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index(op.f("ix_alarms_cleared"), "alarms", ["cleared"], unique=False)
    op.create_index(op.f("ix_alarms_raised"), "alarms", ["raised"], unique=False)
    op.create_table(
        "circuits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("assurance", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_circuits")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reachable", sa.String(), nullable=True),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_table(
        "entries",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_entries")),
    )
    op.create_index(op.f("ix_entries_at"), "entries", ["at"], unique=False)
    op.create_index("ix_entries_subject_seq", "entries", ["subject", "seq"], unique=False)
    op.create_table(
        "exposures",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("circuit", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposures")),
    )
    op.create_index(op.f("ix_exposures_ended"), "exposures", ["ended"], unique=False)
    op.create_index(op.f("ix_exposures_started"), "exposures", ["started"], unique=False)
    op.create_table(
        "facts",
        sa.Column("seq", SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_facts")),
    )
    op.create_index(op.f("ix_facts_at"), "facts", ["at"], unique=False)
    op.create_table(
        "faults",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("root_kind", sa.String(), nullable=True),
        sa.Column("root_id", sa.String(), nullable=True),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("opened", sa.BigInteger(), nullable=True),
        sa.Column("cleared", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faults")),
    )
    op.create_index(op.f("ix_faults_cleared"), "faults", ["cleared"], unique=False)
    op.create_index(op.f("ix_faults_opened"), "faults", ["opened"], unique=False)
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "outages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("circuit", sa.String(), nullable=True),
        sa.Column("customer", sa.String(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("assurance", sa.String(), nullable=True),
        sa.Column("breached", sa.Boolean(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("restored", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index(op.f("ix_outages_restored"), "outages", ["restored"], unique=False)
    op.create_index(op.f("ix_outages_started"), "outages", ["started"], unique=False)
    op.create_table(
        "problems",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index(op.f("ix_problems_at"), "problems", ["at"], unique=False)
    op.create_table(
        "sends",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sends")),
    )
    op.create_index("ix_sends_state_channel", "sends", ["state", "channel"], unique=False)
    op.create_index("ix_sends_subject", "sends", ["subject"], unique=False)
    op.create_index("uq_sends_key_channel", "sends", ["key", "channel"], unique=True)
    op.create_table(
        "snapshots",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("opened", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_closed"), "tickets", ["closed"], unique=False)
    op.create_index(op.f("ix_tickets_opened"), "tickets", ["opened"], unique=False)
    op.create_table(
        "unknowns",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("circuit", sa.String(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unknowns")),
    )
    op.create_index(op.f("ix_unknowns_ended"), "unknowns", ["ended"], unique=False)
    op.create_index(op.f("ix_unknowns_started"), "unknowns", ["started"], unique=False)
    op.create_table(
        "windows",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=True),
        sa.Column("end", sa.BigInteger(), nullable=True),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_windows")),
    )
    op.create_index(op.f("ix_windows_end"), "windows", ["end"], unique=False)
    op.create_index(op.f("ix_windows_start"), "windows", ["start"], unique=False)
