"""Series of NCI Imaging Data Commons: found and downloaded by idc-index, then counted and weighed."""

from __future__ import annotations

import importlib
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from data_catalog.errors import MissingExtra
from tasks.open_data.answers import TIMEOUT, DownloadError, no_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from data_catalog.open_data import FromIdc

TREE = "%PatientID/%StudyInstanceUID/%Modality_%SeriesInstanceUID"
"""Folders that the series go to."""


@dataclass(frozen=True)
class Series:
    """What has come of a collection."""

    release: str
    """IDC's release whose index says what belongs to it."""
    series: int
    files: int
    total_bytes: int
    fetched: int
    """Series that were not there before."""


def get_series(part: FromIdc, folder: Path, first: int | None, tell: Callable[[str], None]) -> Series:
    """Download the series of a collection, patient by patient; those that are there and whole are left.

    A series is whole when it has as many files, and as many bytes, as IDC's index says.

    Parameters
    ----------
    part : FromIdc
        Which collection, and what of it.
    folder : Path
        Where it shall be.
    first : int or None
        Take only so many patients, the first by name; None takes all.
    tell : callable
        Told of progress, in words.

    Raises
    ------
    MissingExtra
        When idc-index is not installed.
    DownloadError
        When there is no connection or no room, or a series has not come whole.
    """
    client = _client()
    wanted = chosen(client.index, part, first)
    missing = wanted[[not _is_whole(folder, one) for one in wanted.itertuples()]]
    if len(missing):
        _require_connection()
        _require_room(folder, missing)
    patients = missing.groupby("PatientID", sort=True)
    for number, (_, group) in enumerate(patients, 1):
        tell(f"  patient {number} of {len(patients)}: {len(group)} series, {group['series_size_MB'].sum():,.0f} MB")
        _download(client, group, folder)
        _require_whole(folder, group)
    return Series(
        release=str(client.get_idc_version()),
        series=len(wanted),
        files=int(wanted["instanceCount"].sum()),
        total_bytes=round(wanted["series_size_MB"].sum() * 1e6),
        fetched=len(missing),
    )


def chosen(index: pd.DataFrame, part: FromIdc, first: int | None) -> pd.DataFrame:
    """Return the rows of IDC's index that a part names, of the first patients only where that is asked."""
    rows = index[index["collection_id"] == part.collection]
    if part.modalities:
        rows = rows[rows["Modality"].isin(part.modalities)]
    if part.doi:
        rows = rows[rows["source_DOI"].str.lower() == part.doi.lower()]
    if not len(rows):
        raise DownloadError(
            f"Imaging Data Commons has the collection {part.collection}",
            "this release of its index does not list it",
            "Install another release of idc-index, or look at the data set's page (`voxmine data show`).",
        )
    rows = rows.sort_values(["PatientID", "StudyInstanceUID", "SeriesInstanceUID"])
    if first is None:
        return rows
    return rows[rows["PatientID"].isin(sorted(rows["PatientID"].unique())[:first])]


def _client() -> Any:  # noqa: ANN401 - the package has no types
    """Return the client of idc-index, which on import makes the logging of the whole program loud: undone."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    try:
        package = importlib.import_module("idc_index")
    except ImportError:
        raise MissingExtra(
            "idc-index is installed, which finds series of Imaging Data Commons",
            "it is not",
            'Install it: pip install "voxmine[idc]"',
        ) from None
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    logging.getLogger("idc_index").setLevel(logging.CRITICAL)  # what went wrong is seen in the files that came
    return package.IDCClient()


def _folder_of(folder: Path, series: Any) -> Path:  # noqa: ANN401 - a row of the index
    names = (series.PatientID, series.StudyInstanceUID, f"{series.Modality}_{series.SeriesInstanceUID}")
    return folder.joinpath(*map(str, names))


def _is_whole(folder: Path, series: Any) -> bool:  # noqa: ANN401
    place = _folder_of(folder, series)
    sizes = [path.stat().st_size for path in place.glob("*.dcm")] if place.is_dir() else []
    return (len(sizes), sum(sizes)) == (int(series.instanceCount), round(float(series.series_size_MB) * 1e6))


def _require_connection() -> None:
    """Refuse at once where the network does not lead there: the downloader itself would try for minutes."""
    address = importlib.import_module("idc_index.index").aws_endpoint_url
    try:
        httpx.head(address, timeout=TIMEOUT)
    except httpx.TransportError as error:
        raise no_connection(urlsplit(address).hostname or "", error) from None


def _require_room(folder: Path, missing: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = round(missing["series_size_MB"].sum() * 1e6), shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(
            "There is room for the series",
            f"they need {needed:,} bytes and {free:,} are free",
            "Make room, choose another folder, or take fewer patients: --first 5.",
        )


def _download(client: Any, series: pd.DataFrame, folder: Path) -> None:  # noqa: ANN401
    client.download_from_selection(
        downloadDir=str(folder),
        seriesInstanceUID=series["SeriesInstanceUID"].tolist(),
        dirTemplate=TREE,
        quiet=True,
        show_progress_bar=False,
    )


def _require_whole(folder: Path, series: pd.DataFrame) -> None:
    cut = sum(not _is_whole(folder, one) for one in series.itertuples())
    if cut:
        raise DownloadError(
            f"The {len(series)} series of a patient come whole",
            f"{cut} have not as many files and bytes as IDC's index says",
            "What has come is kept: run the same command again to go on.",
        )
