"""What the tables promise as a whole."""

from sqlmodel import SQLModel

import app.models  # noqa: F401  registers the tables


def test_every_foreign_key_is_found_by_an_index() -> None:
    bare = [
        f"{table.name}.{constraint.columns[0].name}"
        for table in SQLModel.metadata.sorted_tables
        for constraint in table.foreign_key_constraints
        if constraint.columns[0].name
        not in {index.columns[0].name for index in table.indexes} | {table.primary_key.columns[0].name}
    ]
    assert bare == []
