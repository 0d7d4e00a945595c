import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_the_pages_code_runs(code):
    if "gymnasium" in code:
        pytest.importorskip("gymnasium")
    exec(code, {})
