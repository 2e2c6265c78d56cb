"""Deep features: what a neural network says of a region's crop."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, PrivateAttr, model_validator

from data_catalog.errors import BadData, PlanError
from tasks.methods.radiomics.crop import box_of
from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.radiomics.extractor import DIGEST_DIGITS, RegionFeatures
from tasks.methods.radiomics.networks import Form, Weights, network
from tasks.methods.radiomics.preparation import Grid, Millimetres, Resampling, Resegmentation, grid_of, region_of
from tasks.methods.radiomics.resampling import Interpolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.crop import Crop
    from tasks.methods.radiomics.region import Region

Voxels = Annotated[int, Field(ge=1, le=4096)]
Positive = Annotated[float, Field(gt=0)]
FORMS: dict[str, Form] = {".onnx": "onnx", ".pt": "torchscript", ".ts": "torchscript"}
PLANE = 2
"""Axes of an encoder's input that looks at one plane."""


class Encoder(RegionFeatures):
    """Describe a region by a neural network: one column for each number that it gives for the region's crop.

    The crop is centred on the region's bounding box, and is as large as the network's input, however large the region
    is. Beyond the image, and where a voxel is missing, stands the lowest intensity.
    """

    method: Literal["encoder"] = "encoder"
    model: Path
    """File of the network: ONNX (`.onnx`), or TorchScript (`.pt`, `.ts`), with its weights inside. It takes one batch
    of (1, channels, z, y, x) or (1, channels, y, x); its first output counts."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the file, if it is to be this one and no other; empty takes it as it is."""
    features: Annotated[int, Field(ge=1, le=100_000)]
    """How many numbers the network gives. Of maps of so many channels the mean of each is taken."""
    shape: tuple[Voxels, Voxels, Voxels] | tuple[Voxels, Voxels]
    """Voxels of the network's input (z, y, x), or (y, x) for one that looks at a plane: of a volume at that in which
    the region is largest."""
    spacing_mm: Millimetres | tuple[Millimetres, Millimetres, Millimetres] | tuple[Millimetres, Millimetres] | None = (
        None
    )
    """Distance of the input's voxels in mm, one number or one for each axis of `shape`; empty takes the image's own."""
    interpolation: Interpolation = "linear"
    """How intensities are read off between voxels."""
    lowest: float
    """Intensity that becomes 0, in the image's unit; lower ones do too."""
    highest: float
    """Intensity that becomes 1; higher ones do too."""
    mean: float | tuple[float, float, float] = 0.0
    """What is then taken away, in all channels or each."""
    std: Positive | tuple[Positive, Positive, Positive] = 1.0
    """By what it is then divided, in all channels or each."""
    channels: Literal[1, 3] = 1
    """Channels of the input; 3 hold the same, for networks that were trained on photographs."""
    masked: bool = False
    """Whether voxels outside of the region are set to the lowest intensity."""

    _weights: Weights | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if self.model.suffix.lower() not in FORMS:
            raise ValueError(f"The name of a model ends in {', '.join(FORMS)}: {self.model.name!r} does not.")
        if not self.lowest < self.highest:
            raise ValueError("`lowest` is less than `highest`, which become 0 and 1: it is not. Correct them.")
        if isinstance(self.spacing_mm, tuple) and len(self.spacing_mm) != len(self.shape):
            raise ValueError("`spacing_mm` has one number, or one for each axis of `shape`: it has others.")
        if self.channels == 1 and (isinstance(self.mean, tuple) or isinstance(self.std, tuple)):
            raise ValueError("`mean` and `std` are one number each where `channels` is 1.")
        return self

    @property
    def file(self) -> Path:
        """The model's file."""
        return self.model

    def known_as(self, sha256: str) -> Encoder:
        """Return the encoder that names its model by its file's name and digest, not by its folder."""
        return Encoder.model_validate({**dict(self), "model": Path(self.model.name), "sha256": sha256})

    def reading(self, read: Callable[[], bytes]) -> Encoder:
        """Return the encoder with a way to read its model, whose digest it names; it is read at most once a process."""
        ready = self.known_as(self.sha256)
        ready._weights = Weights(self.sha256, FORMS[self.model.suffix.lower()], read)  # noqa: SLF001 - its own class
        return ready

    def holding(self, model: bytes) -> Encoder:
        """Return the encoder with the content of its model's file, ready to be called."""
        return self.known_as(hashlib.sha256(model).hexdigest()).reading(partial(bytes, model))

    def require_fit(self) -> None:
        """Run the network once on an input of zeros.

        Raises
        ------
        MissingExtra
            When the library that runs it is not installed.
        BadData
            `unreadable_model` when the file is no network or takes another input, `other_features` when it does not
            give `features` numbers.
        """
        self._numbers(np.zeros(self.shape, dtype=np.float32))

    def margin(self, spacing_mm: Triple, whole: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return how many voxels (z, y, x) around a region the network can see."""
        z, y, x = self._margin()
        resampling = self._resampling()
        return (z, y, x) if resampling is None else resampling.margin((z, y, x), whole, spacing_mm)

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:  # noqa: ARG002 - as all do
        """Return what each column means; all that is known is which network gives it."""
        width = max(len(str(self.features - 1)), 3)
        digest = f" (SHA-256 {self.sha256[:DIGEST_DIGITS]})" if self.sha256 else ""
        return tuple(
            FeatureDefinition(
                column=f"deep_{number:0{width}}",
                label=f"Deep feature {number}",
                ibsi=None,
                aggregation=None,
                unit="1",
                conformant=False,
                meaning=f"Number {number} of the {self.features} that {self.model.name}{digest} gives.",
            )
            for number in range(self.features)
        )

    def measure(self, crop: Crop) -> dict[str, float]:
        """Return the value of each column for the region in a part of an image that holds `margin` around it.

        Raises
        ------
        PlanError
            When the encoder does not hold its model.
        MissingExtra
            When the library that runs it is not installed.
        BadData
            `one_plane` when the network takes a volume and the image has one plane, `empty_region`,
            `infinite_voxels`, `unreadable_model`, `other_features`, and `not_finite_features`.
        """
        if crop.planar and len(self.shape) > PLANE:
            raise BadData(
                "one_plane",
                f"The encoder takes {self.shape[0]} planes",
                "the image has one",
                "Use an encoder whose `shape` is (y, x).",
            )
        resampling = self._resampling()
        grid = grid_of(crop, resampling)
        if len(self.shape) == PLANE:
            grid = _largest_plane(grid)
        region = region_of(crop, grid, self._margin(), resampling, Resegmentation())
        numbers = self._numbers(self._input(region).astype(np.float32).reshape(self.shape))
        if not np.isfinite(numbers).all():
            raise BadData(
                "not_finite_features",
                "A network gives finite numbers",
                f"{int((~np.isfinite(numbers)).sum())} of {numbers.size} are not",
                "Check the encoder's `lowest`, `highest`, `mean` and `std` against those it was trained with.",
            )
        return dict(zip((one.column for one in self.definitions()), numbers.tolist(), strict=True))

    def _margin(self) -> tuple[int, int, int]:
        """Return the half of the input, in its own voxels."""
        *z, y, x = (count // 2 for count in self.shape)
        return (z[0] if z else 0, y, x)

    def _resampling(self) -> Resampling | None:
        if self.spacing_mm is None:
            return None
        *z, y, x = self.spacing_mm if isinstance(self.spacing_mm, tuple) else (self.spacing_mm,) * len(self.shape)
        return Resampling(spacing_mm=(z[0] if z else None, y, x), interpolation=self.interpolation)

    def _input(self, region: Region) -> NDArray[np.float64]:
        """Return the crop (z, y, x), from 0 to 1."""
        size = (1, *self.shape)[-3:]
        values = np.full(size, self.lowest)
        inside = np.zeros(size, dtype=bool)
        first = [(length - count) // 2 for length, count in zip(region.mask.shape, size, strict=True)]
        here, there = _overlap([p + f for p, f in zip(region.place, first, strict=True)], size, region.around.shape)
        values[here] = region.around[there]
        here, there = _overlap(first, size, region.mask.shape)
        inside[here] = region.mask[there]
        left_out = np.isnan(values) | (~inside & self.masked)
        values[left_out] = self.lowest
        return np.clip((values - self.lowest) / (self.highest - self.lowest), 0.0, 1.0)

    def _numbers(self, grid: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what the network gives for a crop of its shape."""
        if self._weights is None:
            raise PlanError(
                "An encoder that is called holds its model",
                "it knows the file's name only",
                "Call `encoder.holding(path.read_bytes())`.",
            )
        each = (self.channels, *(1,) * grid.ndim)
        mean, std = (np.resize(np.array(one), self.channels).reshape(each) for one in (self.mean, self.std))
        batch = ((grid - mean) / std)[None].astype(np.float32)
        given: NDArray[np.float64] = network(self._weights)(batch).astype(np.float64)
        if given.size == self.features:
            return given.reshape(-1)
        if given.shape[:2] == (1, self.features):
            maps: NDArray[np.float64] = given.reshape(self.features, -1).mean(axis=1)
            return maps
        raise BadData(
            "other_features",
            f"The model gives {self.features} numbers, or as many maps",
            f"it gives an array of shape {given.shape}",
            "Correct the encoder's `features`, or export the model up to the layer that is meant.",
        )


def _largest_plane(grid: Grid) -> Grid:
    """Return the part of a grid that is the plane in which the region is largest; of several the middle one."""
    areas = grid.mask.sum(axis=(1, 2))
    largest = np.flatnonzero(areas == areas.max())
    plane = int(largest[largest.size // 2])
    mask = grid.mask[plane : plane + 1]
    box = box_of(mask)
    start = (grid.box[0].start + plane, grid.box[1].start, grid.box[2].start)
    z, y, x = (slice(first + part.start, first + part.stop) for first, part in zip(start, box, strict=True))
    return Grid(grid.axes, grid.spacing_mm, np.ascontiguousarray(mask[box]), (z, y, x))


def _overlap(
    first: list[int], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where a window that begins at `first` of an array overlaps it: in the window, and in the array."""
    low = [max(begin, 0) for begin in first]
    high = [min(begin + count, length) for begin, count, length in zip(first, size, shape, strict=True)]
    there = tuple(map(slice, low, high))
    return tuple(slice(one.start - begin, one.stop - begin) for one, begin in zip(there, first, strict=True)), there
