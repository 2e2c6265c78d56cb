"""Preprocessing: methods that turn an image into a cleaner image before anything is measured on it."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.preprocessing.clip_outliers import ClipOutliers
from tasks.methods.preprocessing.fill_missing import FillMissing
from tasks.methods.preprocessing.fill_slices import FillSlices
from tasks.methods.preprocessing.median_filter import MedianFilter
from tasks.methods.preprocessing.project import Project
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.preprocessing.smoothing import GaussianFilter, MeanFilter
from tasks.methods.preprocessing.windowing import Clip, Window
from tasks.methods.preprocessing.z_score import ZScore

Preprocessor = Annotated[
    FillSlices
    | FillMissing
    | Window
    | Clip
    | ClipOutliers
    | ZScore
    | MeanFilter
    | MedianFilter
    | GaussianFilter
    | Project
    | Resample,
    Choice(),
]
