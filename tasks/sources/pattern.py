"""Patterns that read patient, visit, modality, region and reader from the name of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

FIELDS = ("patient", "visit", "modality", "region", "reader", "any")
"""What a pattern may ask for; `any` matches and is forgotten."""
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class NamePattern:
    """Match names like `{patient}_{region}.png`.

    Each field stands for one or more characters other than `/`, as many as fit: in
    `{patient}_{region}.png` the name `case_01_tumour.png` gives patient `case_01`. A field that comes twice
    must be the same text twice, except `any`. A pattern with `/` is matched against the end of the path
    below the source's root, folder by folder; one without, against the file's own name.

    Parameters
    ----------
    template : str
        The pattern.
    """

    template: str

    def __post_init__(self) -> None:
        names = _PLACE.findall(self.template)
        unknown = sorted(set(names) - set(FIELDS))
        if unknown or re.search(r"[{}]", _PLACE.sub("", self.template)) or not self.template:
            came = f"{{{unknown[0]}}}" if unknown else f"{self.template!r}"
            message = f"A pattern is text with {', '.join(f'{{{name}}}' for name in FIELDS)} in it: {came} is not"
            raise ValueError(message)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        parts = _PLACE.split(self.template)
        seen: set[str] = set()
        return re.compile("".join(_field(part, seen) if k % 2 else re.escape(part) for k, part in enumerate(parts)))

    def match(self, name: str) -> dict[str, str] | None:
        """Return the fields found in a POSIX path below the source's root, None where it does not match."""
        depth = self.template.count("/") + 1
        found = self._compiled.fullmatch("/".join(name.split("/")[-depth:]))
        return None if found is None else found.groupdict()


def _field(name: str, seen: set[str]) -> str:
    if name == "any":
        return "[^/]+"
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>[^/]+)"


def checked_pattern(template: str) -> str:
    """Return the pattern itself, or raise `ValueError` with the allowed fields: a validator for plans."""
    return NamePattern(template).template
