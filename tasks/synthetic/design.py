"""Who is in the invented cohort: each patient's values, assigned so that only the planted truths hold.

With 40 patients, in the order of the tumour's heterogeneity:

========  ========  ===============  ========================
texture   patients  marker positive  progress
========  ========  ===============  ========================
high      14        10               the 10
middle    6         0                0
low       20        13               2, one of each marker
========  ========  ===============  ========================

So the rule "texture high and marker positive" holds for the same ten patients whether "high" is cut
at the cohort's upper third or at its median, and no cut of texture alone says as much. Everything
else is dealt out by rerandomisation (Morgan and Rubin, Ann. Statist. 40, 2012, 1263): of many random
orders of a column the one is taken that goes least with the planted variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.synthetic.truths import Answer, Level, Marker, Order, ScannerName

FEWEST_PATIENTS = 4
ORDERS_TRIED = 1000
TEXTURE_HU: dict[Level, tuple[float, float]] = {"low": (7.0, 12.0), "middle": (19.0, 23.0), "high": (42.0, 54.0)}
LEAST_HIGH_HU = 36.0
"""The least heterogeneous tumour of the upper third stands apart, so that a third of 13 or of 14 holds the rule."""
MEDIAN_VOLUME_MM3 = 2800.0
VOLUME_SIGMA = 0.42
"""Standard deviation of the logarithm of the tumours' volumes."""
FIRST_DAY = date(2019, 1, 7)
ORDER_SHARES: tuple[tuple[Order, float], ...] = (
    ("steroids_first", 0.6),
    ("infection_first", 0.025),
    ("steroids_only", 0.15),
    ("infection_only", 0.075),
)


@dataclass(frozen=True)
class Case:
    """Hold what is true of one patient, names apart."""

    number: int
    texture: Level
    texture_hu: float
    marker: Marker
    progression: Answer
    scanner: ScannerName
    volume_mm3: float
    tumour_hu: float
    uptake_suv: float
    growth: float
    days_between_visits: int
    first_visit: date
    birth_date: date
    order: Order
    age_years: int
    sex: str
    grade: int
    smoking: str
    haemoglobin_g_dl: float
    creatinine_umol_l: int
    weight_kg: int
    blood_group: str

    @property
    def follow_up(self) -> date:
        """The date of the second visit."""
        return self.first_visit + timedelta(days=self.days_between_visits)


def cases(seed: int, patients: int) -> list[Case]:
    """Return the patients of a cohort.

    Raises
    ------
    PlanError
        For fewer than four patients: the planted faults need one each.
    """
    if patients < FEWEST_PATIENTS:
        raise PlanError(
            f"An invented cohort has at least {FEWEST_PATIENTS} patients", f"{patients} asked for", "Ask for more."
        )
    rng = np.random.default_rng([seed, 2])
    columns = _planted(patients, rng)
    targets = _targets(columns)
    columns["scanner"] = _dealt(np.array(["A", "B"])[np.arange(patients) % 2], targets, rng)
    targets = np.column_stack([targets, _standardised(columns["scanner"] == "B")])
    for name, values in _unplanted(patients, rng).items():
        columns[name] = _dealt(values, targets, rng)
    return [_case(number, {name: values[number] for name, values in columns.items()}) for number in range(patients)]


def added_case(seed: int, number: int) -> Case:
    """Return one more patient, who has nothing of the planted rule and does not progress."""
    rng = np.random.default_rng([seed, 3, number])
    columns = {name: rng.permutation(values) for name, values in _unplanted(FEWEST_PATIENTS, rng).items()}
    planted = {"texture": "low", "texture_hu": 9.5, "marker": "negative", "progression": "no", "scanner": "A"}
    return _case(number, planted | {name: values[0] for name, values in columns.items()} | {"order": "neither"})


def _case(number: int, values: dict[str, Any]) -> Case:
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    first_visit = FIRST_DAY + timedelta(days=plain.pop("day"))
    born = first_visit - timedelta(days=round(365.25 * plain["age_years"]) + plain.pop("days_since_birthday"))
    return Case(number=number, first_visit=first_visit, birth_date=born, **plain)


def _planted(patients: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return texture, marker and progression in a random order of patients."""
    both = max(1, round(patients / 4))
    high_only = max(1, round(patients / 10))
    middle = round(0.15 * patients)
    low = patients - both - high_only - middle
    marker_in_high = np.ones(both + high_only, dtype=bool)
    marker_in_high[np.arange(high_only) * (both + high_only) // high_only] = False
    marker_in_low = _spread(low, round(0.65 * low))
    # One in two has the marker too, and the least texture, so that no near miss of the rule outdoes it.
    least_first = np.argsort(~marker_in_low, kind="stable")
    inwards = np.stack([least_first, least_first[::-1]], axis=1).ravel()
    by_chance = np.isin(np.arange(low), inwards[: max(1, round(patients / 20))])
    none = np.zeros(middle, dtype=bool)
    shuffled = rng.permutation(patients)
    ascending = {
        "texture": np.repeat(["low", "middle", "high"], [low, middle, both + high_only]),
        "texture_hu": _texture_hu(low, middle, both + high_only),
        "marker": np.where(np.concatenate([marker_in_low, none, marker_in_high]), "positive", "negative"),
        "progression": np.where(np.concatenate([by_chance, none, marker_in_high]), "yes", "no"),
    }
    return {name: values[shuffled] for name, values in ascending.items()}


def _spread(places: int, chosen: int) -> NDArray[np.bool_]:
    """Return `places` flags of which `chosen` are set, evenly apart."""
    steps = np.floor(np.linspace(0, chosen, places + 1) + 0.5)
    return np.diff(steps) > 0


def _texture_hu(low: int, middle: int, high: int) -> NDArray[np.float64]:
    levels = [np.linspace(*TEXTURE_HU["low"], low), np.linspace(*TEXTURE_HU["middle"], middle)]
    return np.concatenate([*levels, [LEAST_HIGH_HU], np.linspace(*TEXTURE_HU["high"], high - 1)])


def _unplanted(patients: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return the columns that go with nothing, each as a set of values still to be dealt out."""
    from scipy.special import ndtri

    quantiles = ndtri((np.arange(patients) + 0.5) / patients)
    return {
        "volume_mm3": MEDIAN_VOLUME_MM3 * np.exp(VOLUME_SIGMA * quantiles),
        "tumour_hu": 75.0 + 4.0 * quantiles,
        "uptake_suv": 8.0 * np.exp(0.25 * quantiles),
        "growth": np.exp(0.03 + 0.15 * quantiles),
        "days_between_visits": np.linspace(60, 120, patients).round().astype(int),
        "day": np.sort(rng.integers(0, 900, patients)),
        "days_since_birthday": rng.integers(0, 360, patients),
        "order": _orders(patients),
        "age_years": np.round(61 + 10 * quantiles).astype(int),
        "sex": np.array(["female", "male"])[np.arange(patients) % 2],
        "grade": np.array([1, 2, 3, 2])[np.arange(patients) % 4],
        "smoking": np.array(["never", "former", "current", "never"])[np.arange(patients) % 4],
        "haemoglobin_g_dl": np.round(13.2 + 1.4 * quantiles, 1),
        "creatinine_umol_l": np.round(82 * np.exp(0.2 * quantiles)).astype(int),
        "weight_kg": np.round(74 + 11 * quantiles).astype(int),
        "blood_group": np.array(["0", "A", "A", "B", "0", "AB"])[np.arange(patients) % 6],
    }


def _orders(patients: int) -> NDArray[np.str_]:
    counted = [(order, round(share * patients)) for order, share in ORDER_SHARES]
    rest = patients - sum(count for _, count in counted)
    return np.array([order for order, count in [*counted, ("neither", rest)] for _ in range(count)])


def _targets(columns: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return what no other column may go with, standardised, one in a column."""
    high, middle = columns["texture"] == "high", columns["texture"] == "middle"
    positive, progressed = columns["marker"] == "positive", columns["progression"] == "yes"
    groups = [high & positive, high & ~positive, middle, ~high & positive, positive, progressed]
    return np.column_stack([_standardised(values) for values in (*groups, _ranks(columns["texture_hu"]))])


def _dealt(values: NDArray[Any], targets: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
    """Return the values in that order, of many random ones, which goes least with any target."""
    orders = np.argsort(rng.random((ORDERS_TRIED, len(values))), axis=1)
    items = np.column_stack([_standardised(item) for item in _items(values)])
    together = np.einsum("opi,pt->oit", items[orders], targets)
    dealt: NDArray[Any] = values[orders[np.abs(together).max(axis=(1, 2)).argmin()]]
    return dealt


def _items(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Return what a miner can say of a column: each of its few values; or its ranks, halves and outer thirds."""
    levels = np.unique(values)
    if values.dtype.kind == "U" or len(levels) < FEWEST_PATIENTS:
        return [values == level for level in levels]
    lower, half, upper = np.quantile(values, [1 / 3, 1 / 2, 2 / 3])
    return [_ranks(values), values > half, values > upper, values <= lower]


def _ranks(values: NDArray[Any]) -> NDArray[np.int_]:
    ranks: NDArray[np.int_] = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks


def _standardised(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values with mean 0 and length 1; all 0 where they are constant."""
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length else centred, dtype=np.float64)
