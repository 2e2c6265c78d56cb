"""The files of a plan's models: read and tried once, before any region is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData, PlanError
from tasks.formats.content import fingerprint
from tasks.methods.radiomics.encoder import Encoder
from tasks.sources.files import walk
from tasks.stage import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flows.plan import Measurement, Plan
    from tasks.formats.content import Fingerprint
    from tasks.methods.radiomics.measure import Measure
    from tasks.sources.files import SourceFile

    Files = dict[str, tuple[SourceFile, Fingerprint]]


def with_models(plan: Plan) -> tuple[Plan, Files]:
    """Return the plan whose encoders know their models by content, and the models' files by their digests.

    Raises
    ------
    MissingExtra
        When the library that runs a model is not installed.
    PlanError
        That names the field, where a file is not there, is another one, is no model, or one that does not fit.
    """
    files: Files = {}
    entries = tuple(
        _tried(entry, f"radiomics.{number}.extractor", files) for number, entry in enumerate(plan.radiomics)
    )
    return plan.model_copy(update={"radiomics": entries}), files


def _tried(entry: Measurement, place: str, files: Files) -> Measurement:
    encoder = entry.extractor
    if not isinstance(encoder, Encoder):
        return entry
    if not encoder.model.is_file():
        raise PlanError(
            f"{place}.model is a file", f"none is at {encoder.model}", "Correct the path; it is relative to the plan."
        )
    (file,) = walk(encoder.model).files
    content = file.read()
    held = encoder.holding(content)
    if encoder.sha256 not in ("", held.sha256):
        raise PlanError(
            f"{place}.sha256 is the digest of {encoder.model.name}",
            f"that is {held.sha256}",
            "Get the file that is meant, or correct the digest.",
        )
    try:
        held.require_fit()
    except BadData as bad:
        raise PlanError(f"{place}: {bad.expected}", bad.came, bad.remedy) from None
    files[held.sha256] = file, fingerprint(content, file.size)
    return entry.model_copy(update={"extractor": encoder.known_as(held.sha256)})


def models_of(measures: Iterable[Measure], files: Files) -> dict[str, Sources]:
    """Return the input of a stage that is the files of some measures' models, empty where they have none."""
    held = [files[one.extractor.sha256] for one in measures if isinstance(one.extractor, Encoder)]
    return {"models": Sources.known_by(held)} if held else {}
