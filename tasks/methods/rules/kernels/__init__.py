"""Kernels: the loops over itemsets and permutations, compiled by numba; pure functions of arrays."""
