"""Stripes of one width and direction: Gabor's waves under a Gaussian."""

from __future__ import annotations

from math import ceil, cos, radians, sin
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field

from tasks.methods.radiomics.filters.boundary import Boundary, continued
from tasks.methods.radiomics.filters.image_filter import ImageFilter, filter_name, number_word

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.filters.boundary import Box

CUTOFF_SIGMA = 4.0
"""Where the Gaussian ends along its longer axis, in standard deviations; IBSI-2 leaves it open."""
VOXELS_AT_ONCE = 2**17
"""Planes are transformed together up to about so many voxels: 2 MiB of complex numbers, which a cache holds."""
FULL_TURN_DEG = 360.0
Axes = tuple[int, int, int]
ALL_PLANES: tuple[Axes, ...] = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
"""The planes (x, y), (x, z) and (y, z): the axis of (z, y, x) across each, its second axis and its first."""


def _divides_a_turn(step: float) -> float:
    if abs(FULL_TURN_DEG / step - round(FULL_TURN_DEG / step)) > 1e-9:  # noqa: PLR2004 - rounding
        raise ValueError(f"A whole number of steps makes a turn of 360 degrees: {step:g} degrees do not.")
    return step


class Gabor(ImageFilter):
    """Respond to stripes of one width and direction: the modulus of IBSI-2's Gabor filter (Q88H).

    The filter is exp(-(X^2 + gamma^2 Y^2) / (2 sigma^2) + 2 pi i X / lambda), X along the wave and Y across it.
    """

    method: Literal["gabor"] = "gabor"
    plane_form: ClassVar[str] = "`orthogonal_planes: false`"
    sigma_mm: float = Field(default=5.0, gt=0, le=100)
    """Standard deviation of the Gaussian along the wave, in mm."""
    lambda_mm: float = Field(default=2.0, gt=0, le=500)
    """Wavelength in mm."""
    gamma: float = Field(default=1.5, ge=0.01, le=100)
    """Sigma as a multiple of the standard deviation across the wave."""
    theta_deg: float = Field(default=0.0, ge=0, lt=FULL_TURN_DEG)
    """Direction of the wave in degrees, from the plane's first axis to its second: 0 is along x, 90 along y."""
    theta_step_deg: Annotated[float, Field(gt=0, le=FULL_TURN_DEG), AfterValidator(_divides_a_turn)] | None = None
    """Average the responses of all directions at this step in degrees, from `theta_deg` on; not set, of the one."""
    orthogonal_planes: bool = False
    """Average the responses in the planes (x, y), (x, z) and (y, z), a 3-D filter; not set, filter in (x, y) alone."""
    boundary: Boundary = "mirror"
    """How the image goes on beyond its border: `zero`, `nearest` (the outermost voxel), `periodic` (from the other
    side) or `mirror`."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `gabor_sigma5_lambda2_gamma1p5_step22p5`."""
        return filter_name(
            "gabor",
            f"sigma{number_word(self.sigma_mm)}",
            f"lambda{number_word(self.lambda_mm)}",
            f"gamma{number_word(self.gamma)}",
            f"theta{number_word(self.theta_deg)}" if self.theta_deg else "",
            "" if self.theta_step_deg is None else f"step{number_word(self.theta_step_deg)}",
            "planes" if self.orthogonal_planes else "",
            boundary=self.boundary,
        )

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return not self.orthogonal_planes

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int] | None:
        """Return how many voxels (z, y, x) away a response can see; None when the border joins the other side."""
        return None if self.boundary == "periodic" else self.extent(spacing_mm)

    def shared_with(self, spacing_mm: Triple) -> Hashable:
        """Return what filters must have in common to share the voxels that they read."""
        return self.boundary, self.extent(spacing_mm)

    @classmethod
    def in_box(
        cls, filters: Sequence[Self], image: NDArray[Any], box: Box, spacing_mm: Triple
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each filter's response in a box of an image; the filters read the same voxels."""
        far = filters[0].extent(spacing_mm)
        voxels = continued(image, box, far, filters[0].boundary)
        for each in filters:
            response = np.zeros([part.stop - part.start for part in box])
            for axes in ALL_PLANES if each.orthogonal_planes else ALL_PLANES[:1]:
                each.add_modulus(response.transpose(axes), voxels.transpose(axes), far, spacing_mm, axes)
            yield each.rounded(response)

    def extent(self, spacing_mm: Triple) -> tuple[int, int, int]:
        """Return how many voxels (z, y, x) from its centre the filter ends."""
        longer_mm = CUTOFF_SIGMA * self.sigma_mm * max(1.0, 1.0 / self.gamma)
        z, y, x = (ceil(longer_mm / spacing) for spacing in spacing_mm)
        return (0 if self.in_plane else z), y, x

    def add_modulus(
        self,
        response: NDArray[np.float64],
        voxels: NDArray[np.float64],
        far: tuple[int, int, int],
        spacing_mm: Triple,
        axes: Axes,
    ) -> None:
        """Add to a response its share from the planes of its last two axes, which are `axes` of (z, y, x)."""
        from scipy import fft

        across, second, first = axes
        planes = voxels[far[across] : voxels.shape[0] - far[across]]
        inside = np.s_[:, far[second] : planes.shape[1] - far[second], far[first] : planes.shape[2] - far[first]]
        size = [fft.next_fast_len(length) for length in planes.shape[1:]]
        waves = [
            self._wave(angle, (far[second], far[first]), (spacing_mm[second], spacing_mm[first]))
            for angle in self._angles()
        ]
        transfers = [_transfer(wave, size) for wave in waves]
        share = len(transfers) * (len(ALL_PLANES) if self.orthogonal_planes else 1)
        together = max(1, VOXELS_AT_ONCE // (size[0] * size[1]))
        for start in range(0, len(planes), together):
            spectrum = fft.fft2(planes[start : start + together], s=size)
            for transfer in transfers:
                response[start : start + together] += np.abs(fft.ifft2(spectrum * transfer)[inside]) / share

    def _angles(self) -> list[float]:
        """Return the directions in radians; one of two opposite ones is enough, as both have the same modulus."""
        step = self.theta_step_deg or FULL_TURN_DEG
        count = round(FULL_TURN_DEG / step)
        return [radians(self.theta_deg + step * turn) for turn in range(count if count % 2 else count // 2)]

    def _wave(self, angle: float, far: tuple[int, int], spacing_mm: tuple[float, float]) -> NDArray[np.complex128]:
        """Return the filter at one angle, over the (second, first) axis of the plane."""
        second, first = (np.arange(-reach, reach + 1) * mm for reach, mm in zip(far, spacing_mm, strict=True))
        along = first * cos(angle) + second[:, None] * sin(angle)
        beside = second[:, None] * cos(angle) - first * sin(angle)
        exponent = -(along**2 + (self.gamma * beside) ** 2) / (2 * self.sigma_mm**2)
        return np.asarray(np.exp(exponent + 2j * np.pi * along / self.lambda_mm))


def _transfer(wave: NDArray[np.complex128], size: list[int]) -> NDArray[np.float64]:
    """Return the Fourier transform of a filter with its centre at the first voxel, of the planes' size.

    It is real, as the filter at -k is the conjugate of that at k.
    """
    from scipy import fft

    placed = np.zeros(size, dtype=np.complex128)
    placed[: wave.shape[0], : wave.shape[1]] = wave
    centred = np.roll(placed, (-(wave.shape[0] // 2), -(wave.shape[1] // 2)), axis=(0, 1))
    return np.asarray(fft.fft2(centred).real)
