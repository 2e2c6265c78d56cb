"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_shows_the_two_commands_first():
    text = README.read_text(encoding="utf-8")
    first = re.search(r"```sh\n(.*?)```", text, re.DOTALL).group(1)
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert all((README.parent / picture).exists() for picture in pictures)
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", text)
    assert all((README.parent / link).exists() for link in links), links


@pytest.mark.slow
def test_the_lines_of_python_in_the_readme_run_as_a_script(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) == 12
    script = tmp_path / "study.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("study-report.html")
    assert (tmp_path / "voxmine-out" / "study-report.html").stat().st_size > 50_000
