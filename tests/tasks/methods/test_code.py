"""What the digest of code covers, and what is kept of it for the next process."""

import ast
import sys
from importlib.metadata import packages_distributions, version

import pytest

from tasks.methods import code as code_module
from tasks.methods.code import code_digest, code_parts, code_places, library_version

MATHS = '''
"""Maths."""

import numpy as np

from workbench.shared import half
from workbench.policy import unimportant

FACTOR = 2
UNUSED = 3
LOW, HIGH = 0, 9


def scale(value):
    """Return the value times two."""
    return _limited(value * FACTOR)  # doubled


def _limited(value):
    return np.clip(value, LOW, HIGH)


def other(value):
    """Return half."""
    return half(value)


async def later(value):
    return value + UNUSED


class Scaler:
    """Hold a factor."""

    factor: int = 1
    """How much."""

    def __call__(self, value):
        from workbench.lazy import slow

        return slow(value) * self.factor
'''


@pytest.fixture
def code(workbench, monkeypatch):
    """A package with a module of maths, what it imports, and what is left out of the digest."""
    monkeypatch.setattr(code_module, "POLICY", {"workbench.policy"})
    workbench.write("shared", "def half(value):\n    return value / 2\n")
    workbench.write("lazy", "def slow(value):\n    return value\n")
    workbench.write("policy", "unimportant = 1\n")
    workbench.write("maths", MATHS)
    return workbench


def digest(place="workbench.maths"):
    return code_digest([place])


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("maths", "value * FACTOR", "value + FACTOR"),
        ("maths", "FACTOR = 2", "FACTOR = 3"),
        ("maths", "return half(value)", "return half(value) + 0"),
        ("maths", "factor: int = 1", "factor: int = 2"),
        ("shared", "value / 2", "value // 2"),
        ("lazy", "return value", "return -value"),
    ],
)
def test_a_change_of_a_statement_changes_the_digest(code, module, old, new):
    before = digest()
    code.edit(module, old, new)
    assert digest() != before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("maths", "  # doubled", "  # twice"),
        ("maths", '"""Maths."""', '"""Mathematics."""\n\n# a comment'),
        ("maths", '"""Return the value times two."""', '"""Double."""'),
        ("maths", '    """How much."""\n', ""),
        ("maths", "value * FACTOR", "value  *  (FACTOR)"),
        ("maths", "FACTOR = 2\n", "FACTOR = 2\n\n\n\n"),
        ("policy", "unimportant = 1", "unimportant = 2"),
        ("__init__", "", "listed = 1\n"),
    ],
)
def test_comments_docstrings_layout_and_policy_do_not_change_it(code, module, old, new):
    before = digest()
    code.edit(module, old, new)
    assert digest() == before


@pytest.mark.parametrize(
    ("function", "old", "new", "matters"),
    [
        ("scale", "value * FACTOR", "value + FACTOR", True),
        ("scale", "FACTOR = 2", "FACTOR = 3", True),
        ("scale", "np.clip(value, LOW, HIGH)", "np.clip(value, HIGH, LOW)", True),
        ("scale", "LOW, HIGH = 0, 9", "LOW, HIGH = 0, 8", True),
        ("scale", "UNUSED = 3", "UNUSED = 4", False),
        ("scale", "return half(value)", "return 0", False),
        ("scale", "factor: int = 1", "factor: int = 2", False),
        ("later", "UNUSED = 3", "UNUSED = 4", True),
        ("later", "FACTOR = 2", "FACTOR = 3", False),
        ("Scaler", "* self.factor", "/ self.factor", True),
    ],
)
def test_of_a_function_what_it_uses_counts_and_nothing_else(code, function, old, new, matters):
    before = digest(f"workbench.maths:{function}")
    code.edit("maths", old, new)
    assert (digest(f"workbench.maths:{function}") != before) is matters


def test_the_places_are_the_modules_that_are_followed(code):
    everything = ["workbench.lazy", "workbench.maths", "workbench.shared"]
    assert code_places(["workbench.maths"]) == everything
    assert code_places(["workbench.maths:scale"]) == ["workbench.maths:scale"]
    assert code_places(["workbench.maths:other"]) == ["workbench.maths:other", "workbench.shared"]
    assert code_places(["workbench.maths:Scaler"]) == ["workbench.lazy", "workbench.maths:Scaler"]


def test_what_is_imported_for_types_alone_is_not_followed(code):
    code.write("kinds", "Number = float\n")
    code.write(
        "maths",
        """
        from typing import TYPE_CHECKING
        import workbench.lazy as lazy
        import workbench.nowhere.deeper
        from workbench import shared
        if TYPE_CHECKING:
            from workbench.kinds import Number
        def scale(value: Number):
            return lazy.slow(value)
        """,
    )
    assert code_places(["workbench.maths"]) == ["workbench.lazy", "workbench.maths", "workbench.shared"]
    assert code_places(["workbench.maths:scale"]) == ["workbench.lazy", "workbench.maths:scale"]


def test_two_modules_that_import_each_other_have_an_end(code):
    code.write("lazy", "from workbench.maths import scale\n\n\ndef slow(value):\n    return scale(value)\n")
    assert code_places(["workbench.lazy"]) == ["workbench.lazy", "workbench.maths", "workbench.shared"]


def test_the_order_of_the_places_does_not_count(code):
    assert code_digest(["workbench.maths", "workbench.lazy"]) == code_digest(["workbench.lazy", "workbench.maths"])
    assert code_digest(["workbench.lazy"]) != code_digest(["workbench.shared"])


def test_another_version_of_a_library_is_other_code(code, monkeypatch):
    before = digest(), digest("workbench.shared")
    monkeypatch.setattr(code_module, "library_version", lambda name: "99" if name == "numpy" else "0")
    assert digest() != before[0]
    assert digest("workbench.shared") == before[1], "it does not import numpy"


def test_a_function_that_does_not_import_a_library_does_not_depend_on_it(code, monkeypatch):
    before = digest("workbench.maths:other"), digest("workbench.maths:scale")
    monkeypatch.setattr(code_module, "library_version", lambda name: "99")
    assert digest("workbench.maths:other") == before[0]
    assert digest("workbench.maths:scale") != before[1]


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        code_digest(["nowhere_at_all"])


def test_versions_are_those_of_the_distribution_behind_an_import():
    import numpy as np
    import sklearn

    assert library_version("numpy") == np.__version__
    assert library_version("sklearn") == sklearn.__version__
    assert library_version("no_such_library") == "unknown"


def test_a_version_is_that_of_the_distribution_that_the_import_comes_from():
    places = ["tasks.ingest", "tasks.methods.compiled", "tasks.methods.learning.harmonisation"]
    libraries = {name for name in code_parts(places) if "." not in name}
    owners = packages_distributions()
    assert {"sklearn", "numpy", "numba"} <= libraries
    assert {name: library_version(name) for name in libraries} == {name: version(owners[name][0]) for name in libraries}


@pytest.fixture
def kept(code, monkeypatch, tmp_path):
    """Return what a new process finds out of the code of a place, and how many texts it parses for that."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    parse = ast.parse

    def new_process():
        code.forget()
        monkeypatch.setattr(code_module, "_KEPT", code_module._Kept())

    def read(place):
        new_process()
        parsed = []
        with monkeypatch.context() as watched:
            watched.setattr(code_module.ast, "parse", lambda text: parsed.append(text) or parse(text))
            found = code_parts([place])
        code_module.keep_code()
        return found, len(parsed)

    return read


def test_what_was_found_out_of_a_text_is_found_in_the_next_process(kept, code):
    first, parsed = kept("workbench.maths:Scaler")
    assert parsed == 2, "maths and lazy"
    assert kept("workbench.maths:Scaler") == (first, 0)
    code.edit("lazy", "return value", "return -value")
    changed, parsed = kept("workbench.maths:Scaler")
    assert parsed == 1
    assert {name for name in first if first[name] != changed[name]} == {"workbench.lazy"}


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_what_is_kept_and_cannot_be_read_is_found_out_again(kept, damage):
    first, _ = kept("workbench.maths")
    code_module._KEPT._file.write_text(damage, encoding="utf-8")
    assert kept("workbench.maths") == (first, 3)
    assert kept("workbench.maths") == (first, 0)


def test_a_real_method_is_digested_with_what_it_is_made_from():
    places = code_places(["tasks.methods.preprocessing.resample"])
    assert {"tasks.methods.preprocessing.step", "tasks.methods.method", "data_catalog.errors"} <= set(places)
    assert not {place for place in places if place in code_module.POLICY or place in sys.stdlib_module_names}
    assert "tasks.methods.preprocessing" not in places, "a family's list of methods is not the method's code"
