"""What every method is, how a union of methods is told apart, and what the digest of code covers."""

import json
import sys
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tasks.methods import method as method_module
from tasks.methods.method import Choice, Method, code_digest, code_places, library_version


class Threshold(Method):
    """Keep what is bright."""

    method: Literal["threshold"] = "threshold"
    level: float = 0.5
    """Lowest value that is kept."""


class Grow(Method):
    """Keep what is near."""

    method: Literal["grow"] = "grow"
    seed: tuple[int, int, int] = (0, 0, 0)
    """Where to start."""

    def reach(self, spacing_mm):
        return (1, 1, 1)


class Holder(BaseModel):
    """Hold one of them."""

    one: Annotated[Threshold | Grow, Choice()]


def test_a_method_is_frozen_and_takes_no_other_field():
    with pytest.raises(ValidationError, match="frozen"):
        Threshold().level = 1.0
    with pytest.raises(ValidationError, match="Extra inputs"):
        Threshold(levle=1.0)


@pytest.mark.parametrize("level", [float("nan"), float("inf"), -float("inf")])
def test_a_parameter_is_a_finite_number(level):
    with pytest.raises(ValidationError, match="finite"):
        Threshold(level=level)


@settings(max_examples=25, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_method_comes_back_from_json_and_is_equal(level):
    one = Threshold(level=level)
    assert Threshold.model_validate_json(one.model_dump_json()) == one
    assert len({one, Threshold(level=level)}) == 1


def test_docstrings_under_the_fields_are_help_texts():
    assert Threshold.model_json_schema()["properties"]["level"]["description"] == "Lowest value that is kept."


def test_a_method_sees_the_whole_volume_unless_it_says_how_far():
    assert Threshold().reach((1.0, 1.0, 1.0)) is None
    assert Grow().reach((1.0, 1.0, 1.0)) == (1, 1, 1)
    assert Threshold.dimensions == (2, 3)


def test_a_choice_is_made_by_the_tag():
    assert Holder.model_validate({"one": {"method": "grow", "seed": [1, 2, 3]}}).one == Grow(seed=(1, 2, 3))
    assert Holder(one=Threshold()).one == Threshold()


@pytest.mark.parametrize("given_tag", [{"method": "grwo"}, {}])
def test_a_wrong_tag_is_answered_with_those_there_are(given_tag):
    with pytest.raises(ValidationError) as refusal:
        Holder.model_validate({"one": given_tag})
    (error,) = refusal.value.errors()
    assert error["loc"] == ("one",)
    if given_tag:
        assert "'threshold'" in error["msg"]
        assert "'grow'" in error["msg"]


def test_a_field_of_another_method_is_refused_by_name():
    with pytest.raises(ValidationError) as refusal:
        Holder.model_validate({"one": {"method": "threshold", "seed": [0, 0, 0]}})
    assert refusal.value.errors()[0]["loc"] == ("one", "threshold", "seed")


def test_the_schema_of_a_choice_says_any_of():
    (schema,) = Holder.model_json_schema()["properties"].values()
    assert [part["$ref"].rsplit("/", 1)[1] for part in schema["anyOf"]] == ["Threshold", "Grow"]
    text = json.dumps(Holder.model_json_schema())
    assert "oneOf" not in text
    assert "discriminator" not in text


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
    monkeypatch.setattr(method_module, "POLICY", {"workbench.policy"})
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
    monkeypatch.setattr(method_module, "library_version", lambda name: "99" if name == "numpy" else "0")
    assert digest() != before[0]
    assert digest("workbench.shared") == before[1], "it does not import numpy"


def test_a_function_that_does_not_import_a_library_does_not_depend_on_it(code, monkeypatch):
    before = digest("workbench.maths:other"), digest("workbench.maths:scale")
    monkeypatch.setattr(method_module, "library_version", lambda name: "99")
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


def test_a_real_method_is_digested_with_what_it_is_made_from():
    places = code_places(["tasks.methods.preprocessing.resample"])
    assert {"tasks.methods.preprocessing.step", "tasks.methods.method", "data_catalog.errors"} <= set(places)
    assert not {place for place in places if place in method_module.POLICY or place in sys.stdlib_module_names}
    assert "tasks.methods.preprocessing" not in places, "a family's list of methods is not the method's code"
