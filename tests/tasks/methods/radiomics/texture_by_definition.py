"""Texture counted voxel by voxel and computed word for word as IBSI defines it: slow, and apart from the code."""

from itertools import product

import numpy as np

DIRECTIONS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]
IN_SLICE = [step for step in DIRECTIONS if step[0] == 0]


def level_at(levels, place):
    inside = all(0 <= index < size for index, size in zip(place, levels.shape, strict=True))
    return int(levels[tuple(place)]) if inside else 0


def places_of(levels):
    return [tuple(int(i) for i in place) for place in np.argwhere(levels)]


def neighbours(place, *, planar, distance=1):
    near = range(-distance, distance + 1)
    steps = product((0,) if planar else near, near, near)
    return [tuple(np.add(place, step)) for step in steps if any(step)]


def pairs(levels, step, count):
    """Return the symmetric matrix of pairs one step apart."""
    found = np.zeros((count, count), dtype=int)
    for place in places_of(levels):
        one, other = level_at(levels, place), level_at(levels, np.add(place, step))
        if other:
            found[one - 1, other - 1] += 1
            found[other - 1, one - 1] += 1
    return found


def runs(levels, step):
    """Return the level and length of every run."""
    found = []
    for place in places_of(levels):
        level = level_at(levels, place)
        if level_at(levels, np.subtract(place, step)) != level:
            length = 1
            while level_at(levels, np.add(place, np.multiply(length, step))) == level:
                length += 1
            found.append((level, length))
    return found


def depths(mask, *, planar):
    """Return by how many erosions each voxel goes."""
    steps = [step for step in product((-1, 0, 1), repeat=3) if sum(map(abs, step)) == 1 and not (planar and step[0])]
    left, found = mask.astype(int), np.zeros(mask.shape, dtype=int)
    while left.any():
        found += left
        left = np.array(
            [
                [
                    [
                        left[z, y, x] and all(level_at(left, np.add((z, y, x), step)) for step in steps)
                        for x in range(mask.shape[2])
                    ]
                    for y in range(mask.shape[1])
                ]
                for z in range(mask.shape[0])
            ]
        ).astype(int)
    return found


def zones(levels, mask, *, planar):
    """Return the level, size and least depth of every zone."""
    depth, left, found = depths(mask, planar=planar), set(places_of(levels)), []
    for place in places_of(levels):
        if place not in left:
            continue
        left.remove(place)
        zone, waiting = [place], [place]
        while waiting:
            for there in neighbours(waiting.pop(), planar=planar):
                if there in left and levels[there] == levels[place]:
                    left.remove(there)
                    zone.append(there)
                    waiting.append(there)
        found.append((level_at(levels, place), len(zone), min(int(depth[there]) for there in zone)))
    return found


def around(levels, place, *, planar, distance=1):
    return [
        level for there in neighbours(place, planar=planar, distance=distance) if (level := level_at(levels, there))
    ]


def dependences(levels, *, planar, alpha=0, distance=1):
    """Return the level of every voxel, and how many voxels of its neighbourhood depend on it, itself among them."""
    found = []
    for place in places_of(levels):
        level = level_at(levels, place)
        others = around(levels, place, planar=planar, distance=distance)
        found.append((level, 1 + sum(abs(other - level) <= alpha for other in others)))
    return found


def tones(levels, *, planar, distance=1):
    """Return the level of every voxel with neighbours, and its difference to their average."""
    found = []
    for place in places_of(levels):
        others = around(levels, place, planar=planar, distance=distance)
        if others:
            found.append((level_at(levels, place), abs(level_at(levels, place) - sum(others) / len(others))))
    return found


def entropy(p):
    return -(p[p > 0] * np.log2(p[p > 0])).sum()


def pair_features(counts):
    """Return the 25 features of a symmetric matrix of counts, or None of an empty one."""
    if not counts.any():
        return None
    p = counts / counts.sum()
    size = len(p)
    i, j = np.indices(p.shape) + 1.0
    margin = p.sum(axis=0)
    level = np.arange(1, size + 1)
    mu = (level * margin).sum()
    variance = ((level - mu) ** 2 * margin).sum()
    differences = np.array([p[abs(i - j) == k].sum() for k in range(size)])
    k = np.arange(size)
    mean_difference = (k * differences).sum()
    sums = np.array([p[i + j == k].sum() for k in range(2, 2 * size + 1)])
    s = np.arange(2, 2 * size + 1)
    mean_sum = (s * sums).sum()
    product_of_margins = np.outer(margin, margin)
    some, present, upper = product_of_margins > 0, p > 0, j > i
    hx, hxy = entropy(margin), entropy(p)
    hxy1 = -(p[present] * np.log2(product_of_margins[present])).sum()
    hxy2 = -(product_of_margins[some] * np.log2(product_of_margins[some])).sum()
    return {
        "joint_maximum": p.max(),
        "joint_average": (i * p).sum(),
        "joint_variance": ((i - mu) ** 2 * p).sum(),
        "joint_entropy": hxy,
        "difference_average": mean_difference,
        "difference_variance": ((k - mean_difference) ** 2 * differences).sum(),
        "difference_entropy": entropy(differences),
        "sum_average": mean_sum,
        "sum_variance": ((s - mean_sum) ** 2 * sums).sum(),
        "sum_entropy": entropy(sums),
        "angular_second_moment": (p**2).sum(),
        "contrast": ((i - j) ** 2 * p).sum(),
        "dissimilarity": (abs(i - j) * p).sum(),
        "inverse_difference": (p / (1 + abs(i - j))).sum(),
        "inverse_difference_normalised": (p / (1 + abs(i - j) / size)).sum(),
        "inverse_difference_moment": (p / (1 + (i - j) ** 2)).sum(),
        "inverse_difference_moment_normalised": (p / (1 + (i - j) ** 2 / size**2)).sum(),
        "inverse_variance": 2 * (p[upper] / (i - j)[upper] ** 2).sum(),
        "correlation": ((i - mu) * (j - mu) * p).sum() / variance if (margin > 0).sum() > 1 else 1,
        "autocorrelation": (i * j * p).sum(),
        "cluster_tendency": ((i + j - 2 * mu) ** 2 * p).sum(),
        "cluster_shade": ((i + j - 2 * mu) ** 3 * p).sum(),
        "cluster_prominence": ((i + j - 2 * mu) ** 4 * p).sum(),
        "information_correlation_1": (hxy - hxy1) / hx if hx > 0 else 0,
        "information_correlation_2": np.sqrt(max(1 - np.exp(-2 * (hxy2 - hxy)), 0)),
    }


def extent_features(elements, voxels):
    """Return the 16 features of (level, extent) elements in order, and the energy."""
    cells, counts = np.unique(np.array(elements), axis=0, return_counts=True)
    i, j, total = cells[:, 0].astype(float), cells[:, 1].astype(float), counts.sum()
    p = counts / total
    of_level = np.array([counts[i == level].sum() for level in set(i)])
    of_extent = np.array([counts[j == extent].sum() for extent in set(j)])
    return [
        (p / j**2).sum(),
        (p * j**2).sum(),
        (p / i**2).sum(),
        (p * i**2).sum(),
        (p / (i**2 * j**2)).sum(),
        (p * i**2 / j**2).sum(),
        (p * j**2 / i**2).sum(),
        (p * i**2 * j**2).sum(),
        (of_level**2).sum() / total,
        (of_level**2).sum() / total**2,
        (of_extent**2).sum() / total,
        (of_extent**2).sum() / total**2,
        total / voxels,
        (p * (i - (p * i).sum()) ** 2).sum(),
        (p * (j - (p * j).sum()) ** 2).sum(),
        entropy(p),
        (p**2).sum(),
    ]


def tone_features(elements):
    """Return the 5 features of (level, difference) elements in order, or None where there is none."""
    if not elements:
        return None
    levels = sorted({level for level, _ in elements})
    number = len(elements)
    p = {i: sum(level == i for level, _ in elements) / number for i in levels}
    s = {i: sum(difference for level, difference in elements if level == i) for i in levels}
    both = list(product(levels, levels))
    coarse, strayed = sum(p[i] * s[i] for i in levels), sum(s.values())
    busy = sum(abs(i * p[i] - j * p[j]) for i, j in both)
    contrast = sum(p[i] * p[j] * (i - j) ** 2 for i, j in both) * strayed / number
    return [
        1 / coarse if coarse else 1e6,
        contrast / (len(levels) * (len(levels) - 1)) if len(levels) > 1 else 0,
        coarse / busy if busy > 1e-12 else 0,
        sum(abs(i - j) * (p[i] * s[i] + p[j] * s[j]) / (p[i] + p[j]) for i, j in both) / number,
        sum((p[i] + p[j]) * (i - j) ** 2 for i, j in both) / strayed if strayed else 0,
    ]
