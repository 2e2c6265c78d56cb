"""How much memory this process holds; it imports nothing, as it runs in other programs' environments."""


def memory_mb(which: str) -> float:
    """Return the memory held now (VmRSS), or at most so far (VmHWM; `ru_maxrss` would count that of the parent too)."""
    with open("/proc/self/status") as file:  # noqa: PTH123 - pathlib is imported by what is measured, or not
        (line,) = (line for line in file if line.startswith(which))
    return int(line.split()[1]) * 1024 / 1e6


def start_peak() -> None:
    """Have VmHWM begin anew at what is held now."""
    with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123 - as above
        file.write("5")
