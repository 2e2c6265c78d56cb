"""Radiomics: methods that describe a region of an image in numbers; `columns` says how their columns are named."""

from tasks.methods.radiomics.recipe import Recipe

Extractor = Recipe
