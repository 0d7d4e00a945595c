"""A reward signal of another package, installed as pip does it, and trained with by its key."""

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.plugins import SIGNALS as PLUGINS
from mlagents_tf.rewards.check_signal import SPECS, check_reward_signal
from mlagents_tf.run.checkpoints import newest_valid
from mlagents_tf.run.storage import load_arrays
from mlagents_tf.settings.registry import reward_signal_settings
from mlagents_tf.trainers.signals import make_signals
from tests.run.runs import CONFIG, SAC_CONFIG, arguments

PACKAGE = Path(__file__).parents[1] / "plugin_package"
NAME = "discrete, several vectors"
SIGNALS = "  reward_signals: {extrinsic: {}, count: {num_bins: 4, strength: 0.5, gamma: 0.9}}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A directory into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("site")
    wheel = folder / "counting-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                archive.write(file, file.relative_to(PACKAGE))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    target = folder / "packages"
    subprocess.run([*pip, "--no-index", "--no-deps", "--target", target, wheel], check=True)
    return target


@pytest.fixture
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    yield site
    for module in [name for name in sys.modules if name.split(".")[0] == "counting"]:
        del sys.modules[module]


def counting(spec, seed):
    settings = reward_signal_settings("count")(num_bins=4)
    (signal,) = make_signals({"count": settings}, spec, np.random.default_rng(seed))
    return signal


def test_it_keeps_the_contract(installed):
    check_reward_signal(counting, {NAME: SPECS[NAME]})


def test_ppo_learns_with_it_in_a_process_of_its_own(site, tmp_path):
    text = CONFIG.replace("max_steps: 1000", "max_steps: 400") + SIGNALS
    ended = subprocess.run(
        [sys.executable, "-m", "mlagents_tf", *arguments(tmp_path, text=text)],
        env=os.environ | {"PYTHONPATH": str(site), "MLAGENTS_TF_MODE": "eager"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    check_it_was_learned_with(tmp_path / "results" / "r")


def test_sac_learns_with_it(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    assert main(arguments(tmp_path, text=SAC_CONFIG + SIGNALS)) == 0
    check_it_was_learned_with(tmp_path / "results" / "r")


def check_it_was_learned_with(run):
    found = newest_valid(run, warn=print)
    arrays = load_arrays(found.path / "toy-discrete" / "trainer.npz")
    assert arrays["signals/count/counts"].sum() > 100
    with (run / "toy-discrete" / "statistics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert 0 < float(last["Policy/Count Bonus"]) < 0.5
    assert 0 < float(last["Policy/Count Reward"]) < 0.5
    assert float(last["Policy/Count Value Estimate"]) != 0


def broken(folder, monkeypatch, points, source=""):
    """A package whose settings are good and whose class is not."""
    info = folder / "counting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[mlagents_tf.reward_signal_settings]\ncount = broken_count:CountSettings\n{points}"
    )
    text = (PACKAGE / "counting" / "settings.py").read_text()
    (folder / "broken_count.py").write_text(text)
    (folder / "broken_signal.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    for module in ("broken_count", "broken_signal"):
        monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.mark.parametrize(
    ("value", "source", "sentence"),
    [
        (None, "", f"no entry point of the group {PLUGINS} with this name, which would be its cla"),
        (
            "broken_signal:Count",
            "import nothing",
            "broken_signal:Count, which cannot be imported: Module",
        ),
        ("broken_signal:Count", "", "cannot be imported: AttributeError: "),
        ("broken_signal:Count", "Count = 3", "is not a subclass of mlagents_tf.rewards.signal.Rew"),
    ],
)
def test_a_package_without_a_good_class_is_named(tmp_path, monkeypatch, value, source, sentence):
    broken(tmp_path, monkeypatch, f"[{PLUGINS}]\ncount = {value}\n" if value else "", source)
    with pytest.raises(SettingsError) as refused:
        counting(SPECS[NAME], 0)
    text = str(refused.value)
    assert text.startswith("reward signal 'count': ")
    assert sentence in text
    assert "\n" not in text


def test_the_command_ends_with_the_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    broken(tmp_path, monkeypatch, "")
    assert main(arguments(tmp_path, text=CONFIG + SIGNALS)) == 2
    assert "reward signal 'count': its package has settings for it, but" in capsys.readouterr().err
