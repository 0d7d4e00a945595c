"""README, docs and CI say what is so: commands parse, files exist, configurations load."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagents_tf.cli.main import build_parser
from mlagents_tf.envs.registry import EMBEDDED, GYMNASIUM_PREFIX
from mlagents_tf.settings.load import load_text

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
COMMAND = re.compile(r"^(?:\S*/)?mlagents-tf(?:-learn)? ")


class Snippet(NamedTuple):
    """A piece of code on a page."""

    page: Path
    text: str

    @property
    def label(self) -> str:
        """Names the snippet in the list of tests."""
        return f"{self.page.name}: {self.text.strip().splitlines()[0][:60]}"


def blocks(*languages: str) -> list[Snippet]:
    """Fenced blocks of all pages in one of the languages."""
    return [
        Snippet(page, match[2])
        for page in PAGES
        for match in FENCE.finditer(page.read_text(encoding="utf-8"))
        if match[1] in languages
    ]


def shell_commands(text: str) -> Iterator[str]:
    """Commands of a shell block, one at a time."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split("#")[0].split("&&"):
            yield command.strip().removeprefix("$ ")


def command_lines() -> list[Snippet]:
    """Every command line of ours in a shell block, and those between backticks with arguments."""
    found = [
        Snippet(block.page, command)
        for block in blocks("sh", "bash", "console")
        for command in shell_commands(block.text)
        if COMMAND.match(command)
    ]
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        spans = [match[1] for match in INLINE.finditer(prose)]
        found += [Snippet(page, span) for span in spans if COMMAND.match(span)]
    return found


def configurations() -> list[Snippet]:
    """YAML blocks that are whole configurations, in either layout."""
    roots = re.compile(r"^(behaviors|default_settings|default):", re.MULTILINE)
    return [block for block in blocks("yaml") if roots.search(block.text)]


def test_ci_runs_the_test_line_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in readme.splitlines() if "pytest" in line and "&&" in line]
    assert len(lines) == 1
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert lines[0].strip() in [line.strip() for line in ci.splitlines()]


def test_ci_checks_lint_format_and_types():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("ruff check .", "ruff format --check .", "mypy mlagents_tf"):
        assert command in ci


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a heading is called in links."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("command", command_lines(), ids=lambda snippet: snippet.label)
def test_commands_parse(command, capsys):
    words = shlex.split(re.sub(r"[\[\]]", "", command.text))  # [--optional] in a synopsis
    arguments = words[1:]
    if words[0].endswith("mlagents-tf-learn"):
        arguments = ["learn", *arguments]
    if len(arguments) == 1 and arguments[0] in subcommands():
        return  # the name of a command, in a sentence
    try:
        values = vars(build_parser().parse_args(arguments))
    except SystemExit as ended:
        if ended.code:
            pytest.fail(capsys.readouterr().err)
        return  # --version and --help
    missing = [word for word in arguments if word.startswith("config/") and not exists(word)]
    assert missing == []
    env = values.get("env_settings.env_path") or values.get("env")
    assert env is None or env in EMBEDDED or env.startswith(GYMNASIUM_PREFIX)


def exists(path: str) -> bool:
    """Whether a path, or a pattern of the shell, names a file of the repository."""
    return bool(list(ROOT.glob(path)))


def subcommands() -> set[str]:
    """Names of the commands."""
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return set(action.choices)
    return set()


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in subcommands() if f"`mlagents-tf {name}" not in readme] == []


@pytest.mark.parametrize("block", configurations(), ids=lambda snippet: snippet.label)
def test_configurations_load(block):
    assert load_text(block.text, block.page.name).settings.behaviors is not None


@pytest.mark.parametrize("block", blocks("python"), ids=lambda snippet: snippet.label)
def test_python_compiles(block):
    compile(block.text, block.page.name, "exec")


@pytest.mark.slow
def test_the_page_about_python_runs_from_top_to_bottom(tmp_path):
    page = [block.text for block in blocks("python") if block.page.name == "python.md"]
    subprocess.run([sys.executable, "-c", "\n".join(page)], cwd=tmp_path, check=True)


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    linked = {target.partition("#")[0] for target in LINK.findall(index)}
    unlisted = [
        page
        for page in pages
        if page != "README.md" and page not in linked and not page.startswith("benchmarks/")
    ]
    assert unlisted == []
