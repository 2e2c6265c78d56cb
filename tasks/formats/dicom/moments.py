"""What tells slices at one position apart: echo, inversion, flip angle, b-value, cardiac phase, part, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.formats.dicom.binary import number, numbers, private_decimals, private_floats, unpacked
from tasks.formats.dicom.clock import seconds_named, seconds_of

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

Moment = tuple[tuple[str, float], ...]
"""Names and values, sorted by name; a name that the file does not tell is left out."""

PARTS = ("magnitude", "phase", "real", "imaginary")
"""The parts of a complex value, by number."""
_PART_WORDS = {
    "M": 0, "MAGNITUDE": 0, "M_FFE": 0, "M_SE": 0, "P": 1, "PHASE": 1, "PHASE MAP": 1, "P_FFE": 1,
    "R": 2, "REAL": 2, "R_FFE": 2, "I": 3, "IMAGINARY": 3, "I_FFE": 3,
}  # fmt: skip
GRADIENT = ("gradient_z", "gradient_y", "gradient_x")
"""The direction of diffusion weighting, in the patient."""
SCANNER_GRADIENT = ("gradient_3", "gradient_2", "gradient_1")
"""The direction by GE, along the axes of the scan: it tells images apart, no more."""
DIMENSIONS = ("index_1", "index_2", "index_3", "index_4")
"""Further dimensions of an enhanced file, whatever they mean: private ones often."""
SPATIAL = {(0x20, 0x9056), (0x20, 0x9057), (0x20, 0x32), (0x20, 0x37), (0x20, 0x9113), (0x20, 0x9116)}
"""Group and element of what dimensions of space point to: stack, position in it, position and orientation."""
UNASSIGNED = ("UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence")
PHILIPS_MR = "Philips MR Imaging DD 001"
GE_B_OFFSET = 1e9
"""Some GE software adds this to the b-value."""


def moment(dataset: DataSet, frame: DataSet | None = None) -> Moment:
    """Return what tells a slice from others at its position, without any clock time.

    Parameters
    ----------
    dataset : DataSet
        The file's top level.
    frame : DataSet or None
        The frame's functional groups; None for a file of one frame.

    Returns
    -------
    tuple of (str, float)
        `echo` and `inversion_time` (ms), `flip_angle` (degrees), `b_value` (s/mm2) with `gradient_z`, `_y`, `_x`,
        `phase` (percent of the cycle) or `trigger` (ms after the heart's), `delay` (ms after any other trigger), `part`
        (index in `PARTS`), `t_index` and `acquisition` (numbers of the time points), `index_1`, ... (of dimensions
        that are not of space).
    """
    levels = levels_of(dataset, frame)
    named = {
        "phase": first_number(levels, ("NominalPercentageOfCardiacPhase", "CardiacSynchronizationSequence")),
        "t_index": first_number(
            levels, ("TemporalPositionIndex", "FrameContentSequence"), ("TemporalPositionIdentifier", "")
        ),
        "acquisition": first_number(
            levels, ("FrameAcquisitionNumber", "FrameContentSequence"), ("AcquisitionNumber", "")
        ),
        **_triggered(levels),
        **_dimensions(dataset, frame),
        **(_magnetic(levels) if dataset.text("Modality") == "MR" else {}),
    }
    return tuple(sorted((name, value) for name, value in named.items() if value is not None))


def _magnetic(levels: list[DataSet]) -> dict[str, float | None]:
    return {
        "echo": first_number(levels, ("EffectiveEchoTime", "MREchoSequence"), ("EchoTime", "")),
        "echo_number": first_number(levels, ("EchoNumbers", "")),
        "inversion_time": first_number(levels, ("InversionTimes", "MRModifierSequence"), ("InversionTime", "")),
        "flip_angle": first_number(levels, ("FlipAngle", "MRTimingAndRelatedParametersSequence")),
        "part": _part(levels),
        **_diffusion(levels),
    }


def first_moment(dataset: DataSet) -> Moment:
    """Return what tells the first frame of a file from others at its position."""
    return moment(dataset, next(iter(dataset.items("PerFrameFunctionalGroupsSequence")), None))


def clock(dataset: DataSet, frame: DataSet | None = None) -> float | None:
    """Return when a slice was taken, in seconds from a fixed day; to be told as differences only.

    None where the file does not say it.
    """
    levels = levels_of(dataset, frame)
    holders = [holder for level in levels for holder in (*level.items("FrameContentSequence"), level)]
    for keyword in ("FrameReferenceDateTime", "FrameAcquisitionDateTime", "AcquisitionDateTime"):
        for holder in holders:
            seconds = seconds_of(holder.text(keyword))
            if seconds is not None:
                return seconds
    taken = seconds_named(dataset, "Acquisition")
    return seconds_named(dataset, "Content") if taken is None else taken


def time_offset(dataset: DataSet, frame: DataSet | None = None) -> float | None:
    """Return the seconds of a slice after the first of its series, None where the file does not say it."""
    offset = first_number(levels_of(dataset, frame), ("TemporalPositionTimeOffset", "TemporalPositionSequence"))
    if offset is not None:
        return offset
    reference = number(dataset, "FrameReferenceTime")
    return None if reference is None else reference / 1000


def image_number(dataset: DataSet) -> float | None:
    """Return the number of an image in its series; None where it is missing, or is none: places tell the order."""
    try:
        return number(dataset, "InstanceNumber")
    except BadData:
        return None


def levels_of(dataset: DataSet, frame: DataSet | None) -> list[DataSet]:
    """Return where an element may stand, the nearest first; the top level is the last.

    A legacy file that was converted keeps what has no macro of its own in a sequence for each frame, or for all.
    """
    shared = dataset.items("SharedFunctionalGroupsSequence")
    groups = [*([] if frame is None else [frame]), *shared]
    kept = [item for group in groups for name in UNASSIGNED for item in group.items(name)]
    return [*groups, *kept, dataset]


def first_number(levels: list[DataSet], *places: tuple[str, str]) -> float | None:
    """Return the first number among (keyword, sequence) places, or of the keyword outside of any sequence."""
    for keyword, sequence in places:
        inside = [item for level in levels for item in level.items(sequence)] if sequence else []
        for holder in [*inside, *levels]:
            value = number(holder, keyword)
            if value is not None:
                return value
    return None


def _dimensions(dataset: DataSet, frame: DataSet | None) -> dict[str, float]:
    """Return the indices of a frame along the dimensions that are not of space, by name, as far as there are some."""
    content = next(iter(frame.items("FrameContentSequence")), None) if frame is not None else None
    if content is None:
        return {}
    indices = numbers(content, "DimensionIndexValues")
    pointers = [_pointer(item) for item in dataset.items("DimensionIndexSequence")]
    other = [index for index, pointer in zip(indices, pointers, strict=False) if pointer not in SPATIAL]
    return dict(zip(DIMENSIONS, other, strict=False))


def _pointer(item: DataSet) -> tuple[float, ...]:
    return unpacked(item, item.raw("DimensionIndexPointer"), "H") or ()


def _triggered(levels: list[DataSet]) -> dict[str, float | None]:
    """Return the ms after a trigger: `trigger` where it is the heart's, else `delay`."""
    after_r = first_number(levels, ("NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence"))
    if after_r is not None:
        return {"trigger": after_r}
    after = first_number(levels, ("TriggerTime", ""))
    if after is None:
        return {}
    is_heart = any(number(levels[-1], keyword) for keyword in ("CardiacNumberOfImages", "NominalInterval", "HeartRate"))
    return {"trigger" if is_heart else "delay": after}


def _part(levels: list[DataSet]) -> float | None:
    """Return which part of a complex value the image holds, by the words of its type."""
    for level in levels:
        for item in [*level.items("MRImageFrameTypeSequence"), level]:
            component = item.text("ComplexImageComponent").upper()
            if component in _PART_WORDS:
                return float(_PART_WORDS[component])
            words = item.texts("FrameType") or item.texts("ImageType")
            parts = [_PART_WORDS[word.upper()] for word in words[2:] if word.upper() in _PART_WORDS]
            if parts:
                return float(parts[0])
    return None


def _diffusion(levels: list[DataSet]) -> dict[str, float | None]:
    """Return the b-value, and the direction in (z, y, x) where there is one and the b-value is above 0."""
    items = [item for level in levels for item in level.items("MRDiffusionSequence")]
    for item in [*items, levels[-1]]:
        b_value = number(item, "DiffusionBValue")
        if b_value is not None:
            return _directed(b_value, _public_direction(item))
    return _private_diffusion(levels[-1])


def _public_direction(item: DataSet) -> tuple[float, ...]:
    for holder in [*item.items("DiffusionGradientDirectionSequence"), item]:
        direction = numbers(holder, "DiffusionGradientOrientation")
        if direction:
            return direction
    return ()


def _private_diffusion(top: DataSet) -> dict[str, float | None]:
    if siemens := private_decimals(top, 0x0019, "SIEMENS MR HEADER", 0x0C):
        return _directed(siemens[0], private_floats(top, 0x0019, "SIEMENS MR HEADER", 0x0E, "d"))
    if ge := private_decimals(top, 0x0043, "GEMS_PARM_01", 0x39):
        along = [private_decimals(top, 0x0019, "GEMS_ACQU_01", element) for element in (0xBB, 0xBC, 0xBD)]
        return _directed(ge[0] % GE_B_OFFSET, tuple(one[0] for one in along if one), SCANNER_GRADIENT)
    if philips := private_floats(top, 0x2001, "Philips Imaging DD 001", 0x03, "f"):
        along = [
            private_floats(top, 0x2005, "Philips MR Imaging DD 001", element, "f") for element in (0xB0, 0xB1, 0xB2)
        ]
        return _directed(philips[0], tuple(one[0] for one in along if one))
    return {}


def _directed(
    b_value: float, direction_xyz: tuple[float, ...], names: tuple[str, ...] = GRADIENT
) -> dict[str, float | None]:
    found: dict[str, float | None] = {"b_value": b_value}
    if b_value > 0 and len(direction_xyz) == len(names) and any(direction_xyz):
        found.update(zip(names, direction_xyz[::-1], strict=True))
    return found
