"""Measure one region by one program in a process of its own, and say in JSON what it took.

It runs in the environment of the program it measures, and imports nothing before the clock runs.
"""

import time

STARTED = time.process_time()

import json
import sys
from typing import Any, Callable

from benchmarks.memory import memory_mb

SECONDS = 1.0
"""A fast program is called for so long."""
LOG_MM = (1.0, 2.0, 3.0)
SUBBANDS = ("LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH")


def main() -> None:
    """Measure, and print one line."""
    name, path, images, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if name == "throughput":
        _throughput(path, images, float(calls))
        return
    measure, compared = WAYS[name](path, images)
    import_mb = memory_mb("VmRSS")
    found = measure()
    first = time.process_time() - STARTED
    took = []
    begun = time.process_time()
    while len(took) < (calls or 3) or (not calls and time.process_time() - begun < SECONDS):
        before = time.process_time()
        found = measure()
        took.append(time.process_time() - before)
    said = {
        "ms": 1000 * min(took),
        "first_s": first,
        "import_mb": import_mb,
        "peak_mb": memory_mb("VmHWM"),
        "features": len(found),
        "values": {word: float(found[column]) for word, column in compared.items()},
    }
    print(json.dumps(said))


def _throughput(path: str, images: int, seconds: float) -> None:
    """Print how many regions a second are measured in some seconds."""
    measure, _ = voxmine(path, images)
    measure()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        measure()
        count += 1
    print(count / (time.perf_counter() - begun))


def _held(path: str) -> Any:
    import numpy as np

    return np.load(path)


def voxmine(path: str, images: int) -> "tuple[Callable[[], Any], dict[str, str]]":
    """Return how this project measures the region."""
    from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
    from tasks.methods.radiomics.columns import FAMILIES, FORM
    from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
    from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet
    from tasks.methods.radiomics.recipe import Recipe

    held = _held(path)
    size = float(held["bin_size"])
    # what the others measure unless more is asked for: neither Moran's I, Geary's C nor local peaks
    families = tuple(name for name in FAMILIES if name == "morphology" or name not in FORM)
    wavelets = [SeparableWavelet(wavelet="coif1", subband=name) for name in SUBBANDS]
    filters = (*(LaplacianOfGaussian(sigma_mm=mm) for mm in LOG_MM), *wavelets) if images > 1 else ()
    recipe = Recipe(
        binning=FixedSize(size=size, start=float(held["bin_start"])) if size else FixedNumber(number=32),
        volume_histogram_binning=AsIs() if size else FixedNumber(number=1000),
        families=families,
        filters=filters,
    )
    image, mask, spacing_mm = held["image"], held["mask"], tuple(map(float, held["spacing_mm"]))
    compared = {
        "mean": "stat_mean",
        "volume": "morph_volume_mm3",
        "diameter": "morph_diameter_mm",
        "contrast": "cm_contrast_3d_mrg",
        "zone percentage": "szm_zone_percentage_3d",
    }
    return (lambda: recipe(image, mask, spacing_mm)), compared


def pictologics(path: str, images: int) -> "tuple[Callable[[], Any], dict[str, str]]":
    """Return how pictologics does."""
    import os

    os.environ["PICTOLOGICS_DISABLE_WARMUP"] = "1"
    import numpy as np
    from pictologics import Image, RadiomicsPipeline

    held = _held(path)
    size = float(held["bin_size"])
    spacing = tuple(map(float, held["spacing_mm"][::-1]))

    def turned(values: Any) -> Any:
        return np.asfortranarray(values.T).astype(np.float64)

    image = Image(turned(held["image"]), spacing, (0.0, 0.0, 0.0))
    mask = Image(turned(held["mask"]), spacing, (0.0, 0.0, 0.0))
    start = float(held["bin_start"])
    levels = {"method": "FBS", "bin_width": size, "min_val": start} if size else {"method": "FBN", "n_bins": 32}
    plain = {"step": "discretise", "params": levels}
    filtered = {"step": "discretise", "params": {"method": "FBN", "n_bins": 32}}
    everything = ["intensity", "morphology", "texture", "histogram", "ivh"]

    pipeline = RadiomicsPipeline()
    pipeline.add_config("own", [plain, {"step": "extract_features", "params": {"families": everything}}])
    names = ["own"]
    filters = [{"type": "log", "sigma_mm": mm, "boundary": "mirror"} for mm in LOG_MM] + [
        {"type": "wavelet", "wavelet": "coif1", "decomposition": name, "boundary": "mirror"} for name in SUBBANDS
    ]
    for number, one in enumerate(filters if images > 1 else []):
        names.append(f"filtered{number}")
        families = [name for name in everything if name != "morphology"]
        steps = [{"step": "filter", "params": one}, filtered]
        pipeline.add_config(names[-1], [*steps, {"step": "extract_features", "params": {"families": families}}])

    def measure() -> "dict[str, float]":
        found = pipeline.run(image, mask, config_names=names)
        return {f"{name}:{column}": value for name, of in found.items() for column, value in of.items()}

    return measure, {
        "mean": "own:mean_intensity_Q4LE",
        "volume": "own:volume_RNU0",
        "diameter": "own:maximum_3d_diameter_L0JK",
        "contrast": "own:contrast_ACUI",
        "zone percentage": "own:zone_percentage_P30P",
    }


def pyradiomics(path: str, images: int) -> "tuple[Callable[[], Any], dict[str, str]]":
    """Return how PyRadiomics does."""
    import logging

    import SimpleITK
    from radiomics import featureextractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    held = _held(path)
    size = float(held["bin_size"])
    spacing = [float(mm) for mm in held["spacing_mm"][::-1]]
    image, mask = SimpleITK.GetImageFromArray(held["image"]), SimpleITK.GetImageFromArray(held["mask"].astype("uint8"))
    image.SetSpacing(spacing)
    mask.SetSpacing(spacing)
    settings = {"binWidth": size} if size else {"binCount": 32}
    extractor = featureextractor.RadiomicsFeatureExtractor(additionalInfo=False, **settings)
    extractor.enableAllFeatures()
    if images > 1:
        extractor.enableImageTypeByName("LoG", customArgs={"sigma": list(LOG_MM)})
        extractor.enableImageTypeByName("Wavelet", customArgs={"wavelet": "coif1"})
    compared = {
        "mean": "original_firstorder_Mean",
        "volume": "original_shape_MeshVolume",
        "diameter": "original_shape_Maximum3DDiameter",
    }
    return (lambda: extractor.execute(image, mask)), compared


def mirp(path: str, images: int) -> "tuple[Callable[[], Any], dict[str, str]]":  # noqa: ARG001 - as the others
    """Return how MIRP does."""
    from mirp import extract_features

    held = _held(path)
    size = float(held["bin_size"])
    levels = {"base_discretisation_method": "fixed_bin_size", "base_discretisation_bin_width": size}
    levels = levels if size else {"base_discretisation_method": "fixed_bin_number", "base_discretisation_n_bins": 32}
    families = [
        "morphological", "statistical", "intensity_histogram", "intensity_volume_histogram", "cooccurrence_matrix",
        "run_length_matrix", "size_zone_matrix", "distance_zone_matrix", "ngtdm", "ngldm",
    ]  # fmt: skip

    def measure() -> "dict[str, float]":
        table = extract_features(
            image=held["image"], mask=held["mask"], base_feature_families=families, **levels, image_modality="ct"
        )[0]
        return {str(name): value for name, value in table.iloc[0].items() if isinstance(value, float)}

    return measure, {}


WAYS = {"voxmine": voxmine, "pictologics": pictologics, "pyradiomics": pyradiomics, "mirp": mirp}

if __name__ == "__main__":
    main()
