"""Itemsets are written part by part and read back as they were."""

import numpy as np
import pyarrow.parquet as pq

from tasks.itemset_files import write_itemsets
from tasks.methods.rules.baskets import baskets_from, baskets_of
from tasks.methods.rules.itemsets import itemset_parts, mine_itemsets


def read(path):
    table = pq.read_table(path).to_pydict()
    return {tuple(items): rows for items, rows in zip(table["items"], table["rows"], strict=True)}


def test_two_baskets_are_read_back_with_their_items_names(tmp_path):
    parts = itemset_parts(baskets_from([[0, 1], [0]]), 1)
    assert write_itemsets(tmp_path / "found.parquet", parts, ["milk", "bread"], 2) == 3
    assert read(tmp_path / "found.parquet") == {("milk",): 2, ("bread",): 1, ("milk", "bread"): 1}
    assert sorted(pq.read_table(tmp_path / "found.parquet")["support"].to_pylist()) == [0.5, 0.5, 1.0]


def test_many_parts_give_one_file_of_all_itemsets(tmp_path):
    baskets = baskets_of(np.random.default_rng(0).random((60, 12)) < 0.6)
    names = [f"item {number}" for number in range(12)]
    parts = list(itemset_parts(baskets, 3, part=100))
    assert len(parts) > 5
    written = write_itemsets(tmp_path / "found.parquet", parts, names, 60)
    whole = mine_itemsets(baskets, 3)
    counts = {node: int(whole.supports[node]) for node in whole.places.tolist()}
    expected = dict(zip([tuple(names[i] for i in one) for one in whole.tuples()], counts.values(), strict=True))
    assert read(tmp_path / "found.parquet") == expected
    assert written == len(expected)


def test_without_itemsets_there_is_a_file_without_rows(tmp_path):
    assert write_itemsets(tmp_path / "found.parquet", itemset_parts(baskets_from([[]], 1), 1), ["milk"], 1) == 0
    assert pq.read_table(tmp_path / "found.parquet").num_rows == 0
