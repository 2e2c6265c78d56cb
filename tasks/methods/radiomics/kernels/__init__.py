"""Kernels: the loops over voxels, compiled by numba; pure functions of arrays, a few shared passes and no more."""
