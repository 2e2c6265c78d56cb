"""Write itemsets to a Parquet file part by part, so that memory stays that of a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tasks.methods.rules.itemsets import Itemsets


def write_itemsets(path: Path, parts: Iterable[Itemsets], names: Sequence[str], rows: int) -> int:
    """Write the itemsets of `itemset_parts` to a file and return how many there are.

    Parameters
    ----------
    path : Path
        The Parquet file: columns `items` (list of names), `rows` (how many rows have them) and `support`.
    parts : iterable
        Trees of itemsets; one is held at a time.
    names : sequence of str
        The name of each item, by its number.
    rows : int
        How many rows were mined.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    item = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([("items", pa.list_(item)), ("rows", pa.int32()), ("support", pa.float64())])
    words = pa.array(list(names), pa.string())
    written = 0
    with pq.ParquetWriter(path, schema) as file:
        for part in parts:
            for nodes, items in part.by_length():
                number, length = items.shape
                values = pa.DictionaryArray.from_arrays(pa.array(items.ravel()), words)
                starts = pa.array(np.arange(0, number * length + 1, length, dtype=np.int32))
                counts = part.supports[nodes]
                lists = pa.ListArray.from_arrays(starts, values)
                file.write_table(pa.table([lists, pa.array(counts), pa.array(counts / rows)], schema=schema))
                written += number
    return written
