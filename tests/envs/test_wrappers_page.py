import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "wrappers.md"
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_the_pages_code_runs(code):
    for package in ("stable_baselines3", "sb3_contrib"):
        if package in code:
            pytest.importorskip(package)
    exec(code, {})
