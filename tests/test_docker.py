"""The Dockerfile copies what exists and installs what can be; commands of its page parse."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mlagents_tf.cli.main import build_parser

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8")
IMAGE = re.compile(r"mlagents-tf(:gpu)?")


def unfolded(text):
    """Lines, with those that a backslash continues made one."""
    return text.replace("\\\n", " ").splitlines()


def instructions():
    """(name, argument) of each line of the Dockerfile."""
    lines = unfolded((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def arguments(name):
    """Arguments of the instructions called `name`, in order."""
    return [argument for found, argument in instructions() if found == name]


def copied():
    """Sources of all COPY instructions."""
    return [source for argument in arguments("COPY") for source in argument.split()[:-1]]


def packaging(keyword):
    """What setup.py passes to `setup` under a keyword, if it is written out."""
    calls = [
        node for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())) if is_setup(node)
    ]
    values = [item.value for item in calls[0].keywords if item.arg == keyword]
    return ast.literal_eval(values[0])


def is_setup(node):
    """Whether a node of the syntax tree is the call of `setup`."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"


def docker_lines(command):
    """Words of each `docker <command>` in shell blocks of the page, without the two."""
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    lines = [shlex.split(line) for line in unfolded(shell)]
    return [words[2:] for words in lines if words[:2] == ["docker", command]]


def trainings():
    """What `docker run` lines of the page give to the entry point, if it is the image's own."""
    found = []
    for words in docker_lines("run"):
        image = next(i for i, word in enumerate(words) if IMAGE.fullmatch(word))
        if "--entrypoint" not in words:
            found.append(words[image + 1 :])
    return found


def test_the_base_is_a_supported_python_with_a_tag():
    (base,) = arguments("FROM")
    version = re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)[1]
    classifiers = packaging("classifiers")
    assert f"Programming Language :: Python :: {version}" in classifiers


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_reaches_the_builder(source):
    assert (ROOT / source).exists()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert f"!{source}" in ignored


def test_the_entry_point_is_a_command_of_the_package():
    (entry,) = (ast.literal_eval(argument) for argument in arguments("ENTRYPOINT"))
    commands = [line.split("=")[0] for line in packaging("entry_points")["console_scripts"]]
    assert entry[0] in commands


def test_it_does_not_run_as_root():
    names = [name for name, _ in instructions()]
    assert arguments("USER")[-1] not in ("root", "0")
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")


def test_a_change_of_the_source_does_not_install_the_dependencies_again():
    before = [source for source in copied() if source in ("setup.py", "pyproject.toml")]
    order = instructions()
    first_install = next(i for i, (_, text) in enumerate(order) if "pip install" in text)
    copies = [text for name, text in order[:first_install] if name == "COPY"]
    assert copies == [f"{' '.join(before)} ./"]


def test_the_variants_install_extras_that_exist():
    runs = " ".join(arguments("RUN"))
    variants = dict(re.findall(r"(\w+)\) extras=([\w,]+)", runs))
    assert set(variants) == {"cpu", "gpu"}
    extras = {extra for names in variants.values() for extra in names.split(",")}
    assert extras <= packaging("extras_require").keys()
    assert arguments("ARG") == ["VARIANT=cpu"]


@pytest.mark.parametrize("script", arguments("RUN"), ids=range(len(arguments("RUN"))))
def test_the_shell_can_read_what_is_run(script):
    subprocess.run(["sh", "-n", "-c", script], check=True)


def test_results_are_in_the_volume_where_runs_are_written_to():
    assert arguments("VOLUME") == [f"{arguments('WORKDIR')[-1]}/results"]


@pytest.mark.parametrize("words", trainings(), ids=" ".join)
def test_commands_of_the_page_parse(words, capsys):
    build_parser().parse_args(words)
    missing = [word for word in words if word.startswith("config/") and not (ROOT / word).exists()]
    assert missing == []


def test_images_of_the_page_are_built_on_it():
    builds = docker_lines("build")
    assert ["-t", "mlagents-tf", "."] in builds
    assert ["-t", "mlagents-tf:gpu", "--build-arg", "VARIANT=gpu", "."] in builds
