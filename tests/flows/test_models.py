"""Encoders in a plan: their files are found and tried first, and known by their content."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from data_catalog.errors import PlanError
from data_catalog.frames import column_facts
from data_catalog.store import Store
from flows.check import check_plan
from flows.models import models_of, with_models
from flows.plan import measures_of
from flows.plan_files import parse_plan
from flows.radiomics_study import radiomics_study
from flows.words import methods_used
from tests.tasks.methods.radiomics.tiny_networks import convolved, seen

ENCODER = {"method": "encoder", "model": "tiny.onnx", "features": 4, "shape": [4, 5], "lowest": -100, "highest": 100}
MAPS = convolved(np.random.default_rng(0).normal(size=(4, 1, 3, 3)))
SOURCE = {"method": "dicom", "path": "scans"}


def planned(folder, **changes):
    entries = [{"extractor": "by_modality"}, {"name": "net", "extractor": {**ENCODER, **changes}}]
    return parse_plan({"sources": [SOURCE], "radiomics": entries}, folder)


def test_a_model_is_known_by_its_content_and_its_folder_is_told_to_nobody(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(MAPS)
    plan = planned(tmp_path)
    assert plan.radiomics[1].extractor.model == tmp_path / "tiny.onnx"
    known, files = with_models(plan)
    digest = hashlib.sha256(MAPS).hexdigest()
    (recipe, encoder) = measures_of(known, "CT")
    assert encoder.extractor.sha256 == digest
    assert list(files) == [digest]
    assert models_of([recipe], files) == {}
    (content,) = models_of([recipe, encoder], files)["models"].read()
    assert content.read() == MAPS
    for told in (encoder.model_dump_json(), repr(methods_used(plan, ["CT"])), repr(measures_of(plan, "CT"))):
        assert str(tmp_path) not in told


@pytest.mark.parametrize(
    ("content", "changes", "said"),
    [
        (None, {}, r"radiomics\.1\.extractor\.model is a file"),
        (b"none", {}, r"radiomics\.1\.extractor: The model's file is an ONNX model"),
        (MAPS, {"features": 5}, r"radiomics\.1\.extractor: The model gives 5 numbers"),
        (MAPS, {"channels": 3}, r"radiomics\.1\.extractor: The model takes a batch"),
        (MAPS, {"sha256": "0" * 64}, r"radiomics\.1\.extractor\.sha256"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_any_work(tmp_path, content, changes, said):
    if content is not None:
        (tmp_path / "tiny.onnx").write_bytes(content)
    with pytest.raises(PlanError, match=said):
        with_models(planned(tmp_path, **changes))


def test_a_plan_that_names_the_digest_takes_the_file_that_has_it(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(MAPS)
    digest = hashlib.sha256(MAPS).hexdigest()
    assert list(with_models(planned(tmp_path, sha256=digest))[1]) == [digest]


@pytest.fixture(scope="module")
def measured(small_cohort, small_plan, tmp_path_factory):
    """Return the function that measures the small cohort with a model that lies in some folder."""
    folder = tmp_path_factory.mktemp("deep")
    cohort = shutil.copytree(small_cohort, folder / "cohort")

    def run(place, content):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / "tiny.onnx").write_bytes(content)
        light = {"preprocess": [], "fuse": [], "segment": [], "detect": [], "mine": None, "first_patients": 3}
        entry = {"extractor": {**ENCODER, "model": str(folder / place / "tiny.onnx")}}
        plan = small_plan(cohort, folder / "results", compute={"workers": 0}, radiomics=[entry], **light)
        store = Store(plan.store_folder)
        return plan, store, radiomics_study(plan)

    return run


def jobs(store, made):
    """Return the records of the regions' measurements behind a table."""
    return [store.records(ref)[-1] for ref in store.records(made.table)[-1].inputs["tables"]]


def test_every_region_has_its_deep_features_and_the_record_names_the_models_digest(measured):
    plan, store, made = measured("here", MAPS)
    table = store.open(made.table)
    columns = [f"deep_{number:03}" for number in range(4)]
    assert np.isfinite(table[columns].to_numpy()).all()
    assert table["deep_000"].nunique() > 1
    digest = hashlib.sha256(MAPS).hexdigest()
    facts = column_facts(store.folder(made.table.digest))
    assert digest[:12] in facts["deep_000"]["meaning"]
    for record in jobs(store, made):
        assert record.sources["models"] == (digest,)
        assert "here" not in record.model_dump_json()
    assert check_plan(plan)


def test_a_model_in_another_folder_is_reused_and_another_content_measured_anew(measured):
    _, _, first = measured("here", MAPS)
    _, _, moved = measured("there", MAPS)
    _, store, other = measured("there", convolved(np.ones((4, 1, 3, 3))))
    assert moved.table == first.table
    assert other.table != first.table
    keys = [{record.key for record in jobs(store, made)} for made in (first, other)]
    assert not keys[0] & keys[1]


def test_the_input_of_a_network_of_another_size_is_refused_with_the_field(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(seen(shape=(1, 1, 8, 8)))
    with pytest.raises(PlanError, match=r"extractor: The model takes a batch of shape \(1, 1, 4, 5\)"):
        with_models(planned(tmp_path, features=64))
