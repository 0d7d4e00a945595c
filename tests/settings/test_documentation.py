"""The documentation of the configuration is generated, and current."""

import importlib.util
from pathlib import Path

from mlagents_tf.settings.base import Settings

DOCS = Path(__file__).parents[2] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("generator", DOCS / "generate_configuration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_models_say():
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert page == generator().configuration_page(), "run python docs/generate_configuration.py"


def test_every_link_of_the_page_has_its_heading():
    page = generator().configuration_page()
    headings = {
        line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line[:1] == "#"
    }
    links = {part.split(")")[0] for part in page.split("](#")[1:]}
    assert links <= headings


def models(model=Settings):
    for child in model.__subclasses__():
        yield child
        yield from models(child)


def test_every_key_says_what_it_means():
    silent = [
        f"{model.__name__}.{key}"
        for model in models()
        for key, field in model.model_fields.items()
        if model.__module__.startswith("mlagents_tf") and not field.description
    ]
    assert silent == []
