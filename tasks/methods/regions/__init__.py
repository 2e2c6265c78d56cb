"""Regions drawn as contours, turned into voxels."""
