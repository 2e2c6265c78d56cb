"""Readers: the bytes of a file become voxels in space, contours or a table; no path and no identity passes."""
