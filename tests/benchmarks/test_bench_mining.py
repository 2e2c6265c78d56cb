"""The benchmarks of mining end with 1 where what we say is not kept, and count the memory of their own process."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import mining, mining_nulls, mining_series, sequences

NULLS = ("lamp", "westfall_young")
"""Ways to control false discoveries whose shares are told."""


def code_of(main, monkeypatch, *arguments):
    """Return what a program ends with."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code)


def took(s, found=3):
    return mining.Took(s, s, 0.0, found, 0.0, 0.0)


@pytest.mark.parametrize(("theirs", "kept"), [(31.0, True), (29.0, False)])
def test_a_table_tells_whether_we_are_as_fast_as_we_say(theirs, kept, capsys):
    case = mining.Case("drawn", 1, 3, 30)
    assert mining._table(case, {"voxmine": [took(1.0)], "mlxtend": [took(theirs)]}) is kept
    assert ("NOT KEPT" in capsys.readouterr().out) is not kept


def test_a_table_tells_whether_we_are_slower_than_pyfim(capsys):
    case = mining.Case("drawn", 1, 3, 30)
    others = {"mlxtend": [took(40.0)], "pyfim": [took(0.9)]}
    assert mining._table(case, {"voxmine": [took(1.0)], **others}) is False
    assert "As fast as pyfim 1 times or more: 0.9, NOT KEPT." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kept", "codes", "ends"), [(True, [0, 0], 0), (False, [0, 0], 1), (True, [1, 0], 1), (True, [0, 1], 1)]
)
def test_mining_ends_with_1_where_any_part_is_not_kept(kept, codes, ends, monkeypatch, tmp_path):
    (tmp_path / "mining").mkdir()
    monkeypatch.setattr(mining, "_in_turns", lambda *_: {})
    monkeypatch.setattr(mining, "_table", lambda *_: kept)
    monkeypatch.setattr(mining, "_compiling", lambda _: None)
    left = list(codes)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=left.pop(0)))
    assert code_of(mining.main, monkeypatch, "--data", str(tmp_path)) == ends
    assert not left, "every part is measured, whatever the others say"


@pytest.mark.parametrize(
    ("shuffled", "apart", "together", "ends"), [(0.04, 0.04, 0.5, 0), (0.2, 0.04, 0.5, 1), (0.04, 0.2, 0.5, 1)]
)
def test_false_discoveries_above_chance_end_with_1(shuffled, apart, together, ends, monkeypatch):
    monkeypatch.setattr(mining_nulls, "_shuffled", lambda *_: dict.fromkeys(NULLS, shuffled))
    centres = {(name, within): apart if within else together for name in NULLS for within in (True, False)}
    monkeypatch.setattr(mining_nulls, "_centres", lambda _: centres)
    assert code_of(mining_nulls.main, monkeypatch) == ends


@pytest.mark.parametrize(("false", "ends"), [(False, 0), (True, 1)])
def test_a_search_that_is_wrong_too_often_ends_with_1(false, ends, monkeypatch):
    for name in ("false_order", "false_pattern", "false_subgroup", "false_reading_rule"):
        monkeypatch.setattr(sequences, name, lambda *_, name=name: false and name == "false_subgroup")
    assert code_of(sequences.false, monkeypatch) == ends


@pytest.mark.parametrize(("peak", "ends"), [(1_999, 0), (2_001, 1)])
def test_a_million_series_in_too_much_memory_end_with_1(peak, ends, monkeypatch):
    told = f'{{"found": 3, "s": 1.0, "peak_mb": {peak}}}'
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=told))
    assert code_of(mining_series.main, monkeypatch) == ends


def test_the_memory_of_who_started_a_process_is_not_counted():
    held = np.ones(40_000_000)
    code = "from benchmarks.memory import memory_mb; print(memory_mb('VmHWM'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1 < float(done.stdout) < held.nbytes / 1e6 / 2
