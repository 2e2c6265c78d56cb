"""What orchestration costs: the same items as plain Python, as stages, on plain Dask, and as the flow.

Run by `make bench`, or with other sizes: `python -m benchmarks.orchestration --rounds 5 --patients 20`.
"""

from __future__ import annotations

import argparse

from benchmarks.home import home


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that every way is measured (3)")
    parser.add_argument("--patients", type=int, default=6, help="patients of the invented cohort, at least 4 (6)")
    parser.add_argument("--items", type=int, default=1000, help="items of about a millisecond (1000)")
    chosen = parser.parse_args()
    with home() as folder:
        # Prefect reads its environment when it is imported.
        from benchmarks.compare import compare  # noqa: PLC0415

        compare(folder, rounds=chosen.rounds, patients=chosen.patients, items=chosen.items)


if __name__ == "__main__":
    main()
