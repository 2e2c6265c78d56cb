from __future__ import annotations

import bz2
import gzip
import random
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nrrd as pynrrd
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import nrrd
from tasks.formats.nrrd import read_nrrd_header, samples_in
from tasks.formats.voxels import as_image

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:nrrd")
"""pynrrd, which writes files to be read here, asks the time in a way that Python 3.12 has deprecated."""
RAMP = np.arange(24, dtype="<i2").reshape(2, 3, 4)
HEAD = """NRRD0004
# written by hand
type: short
dimension: 3
space: left-posterior-superior
sizes: 4 3 2
space directions: (2,0,0) (0,3,0) (0,0,4)
kinds: domain domain domain
endian: little
encoding: raw
space origin: (10,20,30)
"""


def written(head=HEAD, body=None, **changes):
    """Return a file whose header has other values for some fields; None takes a field out."""
    for field, value in changes.items():
        name = field.replace("_", " ")
        lines = [line for line in head.splitlines() if not line.startswith(f"{name}:")]
        head = "\n".join([*lines, *([] if value is None else [f"{name}: {value}"])]) + "\n"
    return head.encode() + b"\n" + (RAMP.tobytes() if body is None else body)


def read(data, voxels=None, space=None):
    return as_image(samples_in(data, voxels, space))


def refusal_of(data, *given):
    with pytest.raises(BadData) as refusal:
        read(data, *given)
    return refusal.value.verdict


def names_of(attributes):
    return [correction["name"] for correction in attributes["corrections"]]


def test_a_volume_written_by_hand_is_turned_to_z_y_x():
    values, geometry, attributes = read(written())
    assert (values.shape, values.dtype, values[1, 2, 3]) == ((2, 3, 4), np.int16, 23)
    assert (geometry.spacing_mm, geometry.origin_mm) == ((4.0, 3.0, 2.0), (30.0, 20.0, 10.0))
    assert attributes == {"dims": ["z", "y", "x"], "coords": {}, "corrections": []}


@pytest.mark.parametrize(
    ("space", "x", "y"),
    [
        ("left-posterior-superior", 1, 1),
        ("LPS", 1, 1),
        ("right-anterior-superior", -1, -1),
        ("RAS", -1, -1),
        ("left-anterior-superior", 1, -1),
        ("LAS", 1, -1),
    ],
)
def test_every_space_of_the_patient_is_turned_to_lps(space, x, y):
    _, geometry, _ = read(written(space=space))
    assert geometry.origin_mm == (30.0, 20.0 * y, 10.0 * x)
    assert np.array_equal(geometry.direction, np.diag([1.0, y, x]))


@pytest.mark.parametrize("space", [None, "scanner-xyz", "3D-right-handed"])
def test_a_space_that_is_not_the_patients_is_refused_unless_the_plan_names_it(space):
    assert refusal_of(written(space=space)) == "unknown_position"
    _, geometry, attributes = read(written(space=space), None, "RAS")
    assert geometry == read(written(space="RAS"))[1]
    assert names_of(attributes) == ["space_from_plan"]
    assert names_of(read(written(), None, "RAS")[2]) == [], "what the file says counts"


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]), st.booleans()
)
def test_voxels_and_corners_are_those_of_simpleitk(seed, kind, zipped):
    chance = np.random.default_rng(seed)
    image = SimpleITK.GetImageFromArray(chance.integers(0, 200, (3, 4, 5)).astype(kind))
    image.SetSpacing(chance.uniform(0.5, 5, 3).tolist())
    image.SetOrigin(chance.uniform(-200, 200, 3).tolist())
    image.SetDirection(np.linalg.qr(chance.normal(size=(3, 3)))[0].ravel().tolist())
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "image.nrrd")
        SimpleITK.WriteImage(image, path, useCompression=zipped)
        data = Path(path).read_bytes()
    values, geometry, _ = read(data)
    assert np.array_equal(values, SimpleITK.GetArrayFromImage(image))
    for corner in np.ndindex(2, 2, 2):
        index = np.array(corner) * (np.array(geometry.shape) - 1)
        theirs = image.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
        assert np.abs(geometry.to_mm(index)[::-1] - theirs).max() < 1e-4


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_files_of_pynrrd_are_read_and_their_axes_are_kept(encoding):
    stream = BytesIO()
    header = {
        "space": "right-anterior-superior",
        "space directions": [[2.0, 0, 0], [0, 2.0, 0], [0, 0, 3.0]],
        "space origin": [1.0, 2.0, 3.0],
        "encoding": encoding,
    }
    pynrrd.write(stream, RAMP.astype("<u2").transpose(2, 1, 0), header)
    values, geometry, _ = read(stream.getvalue())
    assert np.array_equal(values, RAMP)
    assert geometry.origin_mm == (3.0, -2.0, -1.0)


def test_the_byte_order_is_that_of_the_header():
    assert np.array_equal(read(written(endian="big", body=RAMP.astype(">i2").tobytes()))[0], RAMP)
    assert np.array_equal(read(written(endian=None, type="uchar", body=RAMP.astype("u1").tobytes()))[0], RAMP)
    assert refusal_of(written(endian=None)) == "corrupt_file"


def test_a_list_of_parts_is_the_channel_and_may_run_fastest_or_slowest():
    both = np.stack([RAMP, RAMP + 100])
    slow = written(
        dimension="4", sizes="4 3 2 2", kinds="domain domain domain list", body=both.tobytes(),
        space_directions="(2,0,0) (0,3,0) (0,0,4) none",
    )  # fmt: skip
    fast = written(
        dimension="4", sizes="2 4 3 2", kinds="vector domain domain domain",
        body=np.moveaxis(both, 0, -1).tobytes(), space_directions="none (2,0,0) (0,3,0) (0,0,4)",
    )  # fmt: skip
    for data in (slow, fast):
        values, geometry, attributes = read(data)
        assert np.array_equal(values, both)
        assert (attributes["dims"], geometry.spacing_mm) == (["c", "z", "y", "x"], (4.0, 3.0, 2.0))


def of_time(**changes):
    fields = {
        "dimension": "4", "sizes": "4 3 2 2", "kinds": "domain domain domain time",
        "space_directions": "(2,0,0) (0,3,0) (0,0,4) none",
    }  # fmt: skip
    return written(body=np.stack([RAMP, RAMP + 100]).tobytes(), **{**fields, **changes})


def test_time_has_coordinates_in_seconds_where_the_file_has_a_unit():
    told = {"spacings": "nan nan nan 250", "units": '"" "" "" "ms"', "axis_mins": "nan nan nan 1000"}
    values, _, attributes = read(of_time(**told))
    assert (values[1, 1, 2, 3], attributes["dims"]) == (123, ["t", "z", "y", "x"])
    assert attributes["coords"] == {"t": [1.0, 1.25]}
    assert read(of_time(**{**told, "axis_mins": None}))[2]["coords"] == {"t": [0.0, 0.25]}
    assert names_of(read(of_time())[2]) == ["time_step_unknown"]


def test_a_space_with_time_is_read():
    vectors = "(2,0,0,0) (0,3,0,0) (0,0,4,0) (0,0,0,2.5)"
    told = {"space": "LPST", "space_directions": vectors, "space_origin": "(10,20,30,1)", "kinds": None}
    values, geometry, attributes = read(of_time(**told, space_units='"mm" "mm" "mm" "s"'))
    assert (values.shape, geometry.origin_mm) == ((2, 2, 3, 4), (30.0, 20.0, 10.0))
    assert attributes["coords"] == {"t": [1.0, 3.5]}


def test_lengths_in_another_unit_are_turned_to_mm():
    _, geometry, attributes = read(written(space_units='"cm" "cm" "cm"'))
    assert (geometry.spacing_mm, geometry.origin_mm) == ((40.0, 30.0, 20.0), (300.0, 200.0, 100.0))
    assert names_of(attributes) == ["length_unit_changed"]
    assert refusal_of(written(space_units='"foot" "foot" "foot"')) == "unknown_position"
    assert refusal_of(written(space_units='"mm" "mm" "cm"')) == "unknown_position"


def test_spacings_alone_lie_along_the_axes_of_the_plans_space():
    alone = {"space": None, "space_directions": None, "space_origin": None, "spacings": "2 3 4"}
    assert refusal_of(written(**alone)) == "unknown_position"
    _, geometry, _ = read(written(**alone), None, "LPS")
    assert (geometry.spacing_mm, geometry.origin_mm) == ((4.0, 3.0, 2.0), (0.0, 0.0, 0.0))
    assert refusal_of(written(**{**alone, "spacings": None}), None, "LPS") == "unknown_position"
    _, geometry, _ = read(written(**alone, axis_mins="10 20 30"), None, "LPS")
    assert geometry.origin_mm == (30.0, 20.0, 10.0)


def test_one_plane_in_space_is_a_volume_of_one_slice():
    plane = written(
        dimension="2", sizes="4 3", kinds="domain domain", space_directions="(0,2,0) (0,0,3)",
        body=RAMP[0].tobytes(),
    )  # fmt: skip
    values, geometry, _ = read(plane)
    assert np.array_equal(values, RAMP[:1])
    assert geometry.spacing_mm == (1.0, 3.0, 2.0)
    assert np.allclose(geometry.to_mm(np.array([0, 2, 3])), (30 + 6, 20 + 6, 10))


def test_a_detached_header_is_read_with_its_data():
    head = written(body=b"", data_file="voxels.raw")
    assert read_nrrd_header(head).data_file == "voxels.raw"
    assert np.array_equal(read(head, RAMP.tobytes())[0], RAMP)
    zipped = written(body=b"", data_file="voxels.raw.gz", encoding="gzip")
    assert np.array_equal(read(zipped, gzip.compress(RAMP.tobytes()))[0], RAMP)
    assert refusal_of(head) == "missing_voxels"
    assert refusal_of(head, RAMP.tobytes()[:-1]) == "corrupt_file"


def test_lines_and_bytes_are_skipped_as_the_header_says():
    assert np.array_equal(read(written(byte_skip="3", body=b"abc" + RAMP.tobytes()))[0], RAMP)
    assert np.array_equal(read(written(byte_skip="-1", body=b"abc" + RAMP.tobytes()))[0], RAMP)
    lines = {"line_skip": "2", "byte_skip": "1"}
    assert np.array_equal(read(written(**lines, body=b"one\ntwo\n!" + RAMP.tobytes()))[0], RAMP)
    zipped = gzip.compress(b"ab" + RAMP.tobytes())
    assert np.array_equal(read(written(byte_skip="2", encoding="gz", body=zipped))[0], RAMP)
    assert refusal_of(written(line_skip="9999999999", body=b"one\n" + RAMP.tobytes())) == "corrupt_file"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"type": "block"}, "corrupt_file"),
        ({"encoding": "ascii"}, "encoding_not_supported"),
        ({"encoding": None}, "encoding_not_supported"),
        ({"dimension": "4"}, "not_three_dimensional"),
        ({"dimension": "1", "sizes": "24", "space_directions": "(1,0,0)"}, "not_three_dimensional"),
        ({"sizes": "4 3 two"}, "corrupt_file"),
        ({"sizes": "4 0 2"}, "empty_grid"),
        ({"sizes": "99999 99999 99999"}, "unreasonable_header"),
        ({"space_directions": "(2,0,0) (0,3,0)"}, "corrupt_file"),
        ({"space_directions": "(2,0,0) (0,3,0) (0,0,x)"}, "corrupt_file"),
        ({"space_directions": "(2,0,0) (0,3,0) (0,0,1e300)"}, "corrupt_file"),
        ({"space_directions": "(2,0) (0,3) (1,1)"}, "unknown_position"),
        ({"space_directions": "(2,0,0) (2,0,0) (0,0,1)"}, "bad_direction"),
        ({"space_directions": "none (0,3,0) none"}, "unknown_position"),
        ({"space_origin": None}, "unknown_position"),
        ({"line_skip": "many"}, "corrupt_file"),
        ({"body": b""}, "corrupt_file"),
        ({"body": b"x", "encoding": "gzip"}, "corrupt_file"),
        ({"body": bz2.compress(RAMP.tobytes())[:-3], "encoding": "bz2"}, "corrupt_file"),
        ({"body": gzip.compress(RAMP.tobytes() * 2), "encoding": "gzip"}, "unreasonable_header"),
    ],
)
def test_broken_and_other_files_are_refused_by_name(changes, verdict):
    assert refusal_of(written(**changes)) == verdict


def test_a_bomb_is_refused_before_it_is_inflated():
    bomb = bz2.compress(b"\0" * 100_000)
    data = written(sizes="1024 1024 1024", body=bomb, encoding="bzip2", type="float")
    assert refusal_of(data) == "unreasonable_header"


def test_a_header_without_an_end_and_a_line_that_is_none_are_refused(monkeypatch):
    assert refusal_of(b"no nrrd") == "not_nrrd"
    assert refusal_of(b"NRRD0004\nnonsense\n\n") == "corrupt_file"
    monkeypatch.setattr(nrrd, "MAX_HEADER_BYTES", 40)
    assert refusal_of(written()) == "unreasonable_header"


def test_no_value_of_a_header_stands_in_a_message():
    for changes in (
        {"type": "Zebrafish"},
        {"space": "Zebrafish"},
        {"sizes": "Zebrafish 1 1"},
        {"encoding": "Zebrafish"},
    ):
        with pytest.raises(BadData) as refusal:
            read(written(**changes))
        assert "Zebra" not in str(refusal.value)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(seed):
    chance = random.Random(seed)
    data = bytearray(
        written() if chance.random() < 0.5 else written(encoding="gzip", body=gzip.compress(RAMP.tobytes()))
    )
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    try:
        values, geometry, _ = read(bytes(data))
    except BadData:
        return
    assert values.shape[-3:] == geometry.shape


@pytest.mark.shared
def test_the_label_map_of_the_zoo_is_that_of_simpleitk(shared):
    paths = sorted((shared / "dicom_zoo").rglob("*.nrrd"))
    assert paths
    for path in paths:
        values, _, _ = read(path.read_bytes())
        assert np.array_equal(values, SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))
