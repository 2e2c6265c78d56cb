"""Where bytes come from: folders and zip files, and the patterns that read facts from names."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.sources.dicom import DicomSource
from tasks.sources.nifti import NiftiSource
from tasks.sources.png import PngSource

Source = Annotated[DicomSource | NiftiSource | PngSource, Choice()]
