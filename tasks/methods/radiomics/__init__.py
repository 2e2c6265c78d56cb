"""Radiomics: methods that describe a region of an image in numbers; `columns` says how their columns are named."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.radiomics.encoder import Encoder
from tasks.methods.radiomics.feature_map import FeatureMap
from tasks.methods.radiomics.recipe import Recipe

Extractor = Annotated[Recipe | Encoder, Choice()]
"""A recipe, which is all that decides the numbers of a region by IBSI; or a neural network."""
Mapper = FeatureMap
"""Features at every voxel."""
