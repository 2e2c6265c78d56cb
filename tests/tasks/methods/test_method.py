"""What every method is, and how a union of methods is told apart."""

import json
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tasks.methods.method import Choice, Method


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
