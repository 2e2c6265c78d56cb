"""Segmentation: methods that mark the voxels of one kind of object."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.segmentation.chan_vese import ChanVese
from tasks.methods.segmentation.otsu import Otsu
from tasks.methods.segmentation.watershed import Watershed

Segmenter = Annotated[Otsu | Watershed | ChanVese, Choice()]
