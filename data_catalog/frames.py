"""How tables lie on disk, as Parquet, and what their columns mean."""

from __future__ import annotations

import json
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

from data_catalog.errors import StoreError
from data_catalog.places import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from data_catalog.places import Place

FILE = "data.parquet"
COLUMN_FACTS = "columns"
"""Attribute of a data frame with what its columns mean: `ColumnFacts`."""
_NAME = "column"
"""Column of a measurement's file: the names of the table's columns."""
_VALUES = "values"
"""Column of a measurement's file: the values of that column in each row of the table."""
_CELLS = b"voxmine.beside"
"""Metadata of a measurement's file: the cells of the columns that hold no fractions, each with its place."""
NAMES_KEPT = 16
"""Lists of names of columns that are kept."""


class ColumnFacts(dict[str, "Mapping[str, str]"]):
    """What the columns of a table mean: by column, facts as text. It is not changed once it is made.

    pandas copies the attributes of a table deeply at each step, and melts or groups column by column: with a few
    thousand columns, whose facts were copied for each of them, that took minutes.
    """

    def __deepcopy__(self, _: object) -> Self:
        return self


def write_table(table: pd.DataFrame) -> bytes:
    """Return a table as Parquet; what its columns mean (`COLUMN_FACTS`) stands in the file beside each column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts: Mapping[str, Mapping[str, str]] = table.attrs.get(COLUMN_FACTS, {})
    bare = table.copy(deep=False)
    bare.attrs = {}
    held = pa.Table.from_pandas(bare, preserve_index=False)
    fields = [one.with_metadata(facts[one.name]) if one.name in facts else one for one in held.schema]
    content = BytesIO()
    # Hardly two measured values are the same: a dictionary of them makes the file larger, and slower to read.
    repeated = [one.name for one in fields if not pa.types.is_floating(one.type)]
    pq.write_table(held.cast(pa.schema(fields, metadata=held.schema.metadata)), content, use_dictionary=repeated)
    return content.getvalue()


def read_table(content: bytes) -> pd.DataFrame:
    """Return the table of a Parquet file."""
    import pyarrow.parquet as pq

    # `pandas.read_parquet` reads it as a dataset, which takes twice as long where it has thousands of columns.
    table: pd.DataFrame = pq.ParquetFile(BytesIO(content)).read(use_threads=False).to_pandas(use_threads=False)
    return table


def column_facts(folder: Place) -> ColumnFacts:
    """Return what the columns of a table in a store mean, of those of which it is known."""
    import pyarrow.parquet as pq

    schema = pq.read_schema(BytesIO(read_file(folder / FILE)))
    told = {one.name: one.metadata for one in schema if one.metadata}
    return ColumnFacts(
        (name, {key.decode(): value.decode() for key, value in facts.items()}) for name, facts in told.items()
    )


def write_measurement(table: pd.DataFrame) -> bytes:
    """Return a table of few rows and up to thousands of columns as Parquet that lies on its side.

    A row of the file is a column of the table that holds fractions: its name, what it means, and its value in each row
    of the table. A Parquet file needs a kilobyte and 50 microseconds for a column, whatever it holds.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts: Mapping[str, Mapping[str, str]] = table.attrs.get(COLUMN_FACTS, {})
    is_fraction = [dtype.kind == "f" for dtype in table.dtypes]
    names = [name for name, fraction in zip(table.columns, is_fraction, strict=True) if fraction]
    others = [(place, name) for place, name in enumerate(table.columns) if not is_fraction[place]]
    cells = [[place, name, table[name].tolist()] for place, name in others]
    told = dict.fromkeys(fact for name in names for fact in facts.get(name, {}))
    columns: dict[str, Any] = {_NAME: pa.array(names, pa.string())}
    columns |= {fact: pa.array([facts.get(name, {}).get(fact) for name in names], pa.string()) for fact in told}
    if len(table):
        values = np.ascontiguousarray(table[names].to_numpy(dtype="float64").T).ravel()
        columns[_VALUES] = pa.FixedSizeListArray.from_arrays(pa.array(values), len(table))
    content = BytesIO()
    held = pa.table(columns, metadata={_CELLS: json.dumps(cells)})
    pq.write_table(held, content, compression="zstd", use_dictionary=[_NAME, *told])
    return content.getvalue()


def read_measurement(content: bytes) -> pd.DataFrame:
    """Return the table that `write_measurement` was given, without what its columns mean.

    Raises
    ------
    StoreError
        When it was written by another version.
    """
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    file = pq.ParquetFile(BytesIO(content))
    schema = file.schema_arrow
    if _CELLS not in (schema.metadata or {}):
        raise StoreError(
            "A measurement in the store is of this version",
            "it is not",
            "Run the plan again with `--refresh` and the stage that made it (radiomics, radiomics_perturbed, ...).",
        )
    cells: list[tuple[int, str, list[Any]]] = json.loads(schema.metadata[_CELLS])
    held = file.read([name for name in (_NAME, _VALUES) if name in schema.names], use_threads=False)
    places, beside = [place for place, _, _ in cells], {name: column for _, name, column in cells}
    names = _columns(held.column(_NAME).combine_chunks(), tuple(beside))
    rows = schema.field(_VALUES).type.list_size if _VALUES in schema.names else 0
    values = np.empty((len(names) - len(cells), rows))
    if rows:
        values[:] = held.column(_VALUES).combine_chunks().flatten().to_numpy().reshape(values.shape)
    table = pd.DataFrame(values.T, columns=names[len(cells) :], copy=False)
    if places == list(range(len(places))):
        table = pd.concat([pd.DataFrame(beside), table], axis=1) if cells else table
        table.columns = names
        return table
    for place, name, column in cells:  # between others: it takes long where these are thousands
        table.insert(place, name, column)
    return table


def _columns(held: pa.StringArray, beside: tuple[str, ...]) -> pd.Index[str]:
    """Return the names of columns: the same object where they were the same in an earlier file, as they mostly are.

    To make thousands of names anew takes as long as to read the values, and so does to look for one of them first.
    """
    offsets, text = (b"" if one is None else one.to_pybytes() for one in held.buffers()[1:])
    return _named(beside, len(held), held.offset, offsets, text)


@lru_cache(maxsize=NAMES_KEPT)
def _named(beside: tuple[str, ...], count: int, offset: int, offsets: bytes, text: bytes) -> pd.Index[str]:
    import pandas as pd
    import pyarrow as pa

    held = pa.Array.from_buffers(pa.string(), count, [None, *map(pa.py_buffer, (offsets, text))], offset=offset)
    names: pd.Index[str] = pd.Index([*beside, *held.to_pylist()])
    return names
