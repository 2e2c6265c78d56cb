from __future__ import annotations

import pytest

from tasks.formats.content import Held
from tasks.sources.detached import voxel_file

NRRD = b"NRRD0004\ntype: short\n"
META = b"ObjectType = Image\nNDims = 3\n"
PAIR = (348).to_bytes(4, "little") + b"\0" * 340 + b"ni1\0"
WHOLE = PAIR[:-4] + b"n+1\0"


@pytest.mark.parametrize(
    ("name", "content", "beside"),
    [
        ("a/7.nhdr", NRRD + b"data file: 7.raw\n\n", "a/7.raw"),
        ("a/7.nhdr", NRRD + b"datafile: ./voxels/7.raw.gz\n\n", "a/voxels/7.raw.gz"),
        ("7.nrrd", NRRD + b"\n1234", None),
        ("a/7.mhd", META + b"ElementDataFile = 7.zraw\n", "a/7.zraw"),
        ("a/7.mha", META + b"ElementDataFile = LOCAL\n1234", None),
        ("a/7.hdr", PAIR, "a/7.img"),
        ("a/7.HDR", PAIR, "a/7.IMG"),
        ("a/7.nii", WHOLE, None),
        ("a/7.png", b"\x89PNG", None),
        ("a/7.mhd", META, None),
        ("a/7.nhdr", b"NRRD0004\nnonsense\n\n", None),
    ],
)
def test_a_header_names_the_file_of_its_voxels(name, content, beside):
    assert voxel_file(name, Held(content)) == beside


@pytest.mark.parametrize("named", ["/etc/passwd", "../7.raw", "a/../../7.raw", "C:\\7.raw", "..\\7.raw"])
def test_a_file_elsewhere_is_never_taken(named):
    assert voxel_file("a/7.mhd", Held(META + f"ElementDataFile = {named}\n".encode())) is None
