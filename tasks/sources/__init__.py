"""Where bytes come from: folders, archives and PACS, and the patterns that read facts from names."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.sources.dicom import DicomSource
from tasks.sources.dicomweb import DicomWebSource
from tasks.sources.dimse import PacsSource
from tasks.sources.drop import DropFolderSource
from tasks.sources.metaimage import MetaImageSource
from tasks.sources.nifti import NiftiSource
from tasks.sources.nrrd import NrrdSource
from tasks.sources.png import PngSource
from tasks.sources.sound import SoundSource
from tasks.sources.text import TextSource
from tasks.sources.tiff import TiffSource

LocalSource = (
    DicomSource
    | DropFolderSource
    | NiftiSource
    | NrrdSource
    | MetaImageSource
    | TiffSource
    | PngSource
    | SoundSource
    | TextSource
)
"""Sources whose files lie on disk, at their `path`."""
Source = Annotated[
    DicomSource
    | DicomWebSource
    | PacsSource
    | DropFolderSource
    | NiftiSource
    | NrrdSource
    | MetaImageSource
    | TiffSource
    | PngSource
    | SoundSource
    | TextSource,
    Choice(),
]
