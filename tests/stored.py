"""What is stored, word for word, so that a refusal can be shown to change nothing."""

from pathlib import Path

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

LEFT_OUT = {"number_block", "calendar_day"}
"""Numbers are drawn before a write and may be left out for ever; thousands of days are written by an import alone."""


def stored_state(connection: Connection, files: Path) -> dict[str, list[str]]:
    """Every row of every table, and the names of all files that are kept."""
    state = {
        table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
        for table in SQLModel.metadata.sorted_tables
        if table.name not in LEFT_OUT
    }
    return state | {"files": sorted(str(path) for path in files.rglob("*") if path.is_file())}
