"""The fields of the sources whose files say by their names whose they are."""

from __future__ import annotations

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from tasks.methods.method import Method
from tasks.sources.metaimage import MetaImageSource
from tasks.sources.named import are_segments
from tasks.sources.nifti import NiftiSource
from tasks.sources.nrrd import NrrdSource
from tasks.sources.png import PngSource
from tasks.sources.sound import SoundSource
from tasks.sources.text import TextSource
from tasks.sources.tiff import TiffSource

IMAGES = [NiftiSource, NrrdSource, MetaImageSource, TiffSource, PngSource]


@pytest.mark.parametrize("kind", IMAGES)
def test_every_image_source_has_the_common_fields_and_tells_its_patterns(kind):
    source = kind(path="in", images="{patient}.x", masks="{patient}_{region}.x")
    assert source.patterns == (("mask", "{patient}_{region}.x"), ("image", "{patient}.x"))
    assert kind(path="in", images="{patient}.x").patterns == (("image", "{patient}.x"),)
    assert (source.labels, source.visits, source.unit) == ({}, (), "1")
    assert isinstance(source, Method)


def test_sound_and_text_tell_their_patterns():
    assert SoundSource(path="in", recordings="{patient}.wav").patterns == (("sound", "{patient}.wav"),)
    assert TextSource(path="in", reports="{patient}.txt").patterns == (("text", "{patient}.txt"),)


def test_labels_may_be_numbers_in_yaml():
    held = yaml.safe_load("{path: in, images: '{patient}.nii', labels: {1: tumour, 2: heart}}")
    assert NiftiSource.model_validate(held).labels == {"1": "tumour", "2": "heart"}
    held["labels"] = {"1": "tumour"}
    assert NiftiSource.model_validate(held).labels == {"1": "tumour"}


@pytest.mark.parametrize(
    "labels", [{0: "background", 1: "tumour"}, {"GTV": "tumour", 1: "heart"}, {1.5: "tumour"}, {True: "tumour"}, "1"]
)
def test_labels_are_whole_numbers_from_1_or_all_names_of_segments(labels):
    with pytest.raises(ValidationError):
        NrrdSource(path="in", images="{patient}.nrrd", labels=labels)


def test_segments_are_told_from_values():
    assert are_segments({"GTV": "tumour"})
    assert not are_segments({"1": "tumour"})
    assert not are_segments({})


@pytest.mark.parametrize("kind", [TiffSource, PngSource])
def test_the_size_of_a_pixel_may_come_from_the_plan_or_from_tables(kind):
    table = {"path": "sizes.csv", "patient": "id", "visit": "visit", "pixel_size": "mm"}
    source = kind(path="in", images="{patient}.x", pixel_sizes=table, pixel_size_column="size")
    assert (source.pixel_sizes.visit, source.pixel_sizes.unit) == ("visit", "mm")
    with pytest.raises(ValidationError):
        kind(path="in", images="{patient}.x", pixel_size_mm=0)


def test_the_forms_are_ones_that_prefect_can_show():
    for kind in (*IMAGES, SoundSource, TextSource):
        schema = TypeAdapter(kind).json_schema()
        assert schema["properties"]["method"]["const"] == kind.model_fields["method"].default
        assert "oneOf" not in str(schema)
        silent = [name for name, field in kind.model_fields.items() if name != "method" and not field.description]
        assert not silent
    assert NiftiSource.model_json_schema()["properties"]["labels"]["additionalProperties"] == {"type": "string"}
