from __future__ import annotations

import numpy as np
import pytest

from data_catalog.errors import BadData
from tasks.formats.segments import segment_in
from tasks.formats.voxels import as_labels

HEAD = """NRRD0004
type: uchar
dimension: {dimension}
space: left-posterior-superior
sizes: {sizes}
space directions: {directions}
kinds: {kinds}
encoding: raw
space origin: (0,0,0)
"""
FIRST = np.array([[[0, 1, 2], [1, 1, 2]]], dtype=np.uint8)
SECOND = np.array([[[0, 0, 0], [0, 1, 1]]], dtype=np.uint8)
SPACE = "(1,0,0) (0,1,0) (0,0,1)"


def written(pairs, layers=(FIRST,)):
    """Return a segmentation of a plane of 3 x 2 voxels; several layers run fastest, as Slicer writes them."""
    many = len(layers) > 1
    head = HEAD.format(
        dimension=4 if many else 3,
        sizes=f"{len(layers)} 3 2 1" if many else "3 2 1",
        directions=f"none {SPACE}" if many else SPACE,
        kinds="list domain domain domain" if many else "domain domain domain",
    )
    told = "".join(f"{key}:={value}\n" for key, value in pairs.items())
    body = np.stack(layers, axis=-1) if many else layers[0]
    return (head + told + "\n").encode() + body.tobytes()


NAMES = {
    "Segment0_ID": "Segment_1", "Segment0_Name": "GTV", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
    "Segment1_Name": "Heart", "Segment1_LabelValue": "2", "Segment1_Layer": "0",
    "Segment2_Name": "Vessel", "Segment2_LabelValue": "1", "Segment2_Layer": "1",
}  # fmt: skip


def inside(data, name):
    return as_labels(segment_in(data, None, name))[0].tolist()


def refusal_of(data, name):
    with pytest.raises(BadData) as refusal:
        segment_in(data, None, name)
    return refusal.value.verdict


def test_segments_of_one_layer_are_told_apart_by_their_labels():
    data = written(NAMES)
    assert inside(data, "GTV") == inside(data, "Segment_1") == [[[0, 1, 0], [1, 1, 0]]]
    assert inside(data, "Heart") == [[[0, 0, 1], [0, 0, 1]]]


def test_segments_that_overlap_lie_in_layers():
    data = written(NAMES, (FIRST, SECOND))
    assert inside(data, "GTV") == [[[0, 1, 0], [1, 1, 0]]]
    assert inside(data, "Vessel") == [[[0, 0, 0], [0, 1, 1]]]


def test_without_labels_and_layers_each_segment_has_a_layer_of_its_own():
    data = written({"Segment0_Name": "one", "Segment1_Name": "two"}, (SECOND, SECOND[:, :, ::-1].copy()))
    assert inside(data, "one") == [[[0, 0, 0], [0, 1, 1]]]
    assert inside(data, "two") == [[[0, 0, 0], [1, 1, 0]]]


def test_a_segment_that_is_not_there_or_is_there_twice_is_refused():
    assert refusal_of(written(NAMES), "Zebrafish") == "unknown_region"
    assert refusal_of(written({**NAMES, "Segment1_Name": "GTV"}), "GTV") == "ambiguous_region"
    assert refusal_of(written({**NAMES, "Segment1_Layer": "7"}, (FIRST, SECOND)), "Heart") == "corrupt_file"
    assert refusal_of(written({**NAMES, "Segment0_LabelValue": "many"}), "GTV") == "corrupt_file"


def test_a_segment_without_a_voxel_is_refused():
    with pytest.raises(BadData) as refusal:
        inside(written({**NAMES, "Segment0_LabelValue": "9"}), "GTV")
    assert refusal.value.verdict == "empty_mask"
