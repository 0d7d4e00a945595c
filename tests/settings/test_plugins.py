"""Reward signals of other packages, found by their entry point."""

import subprocess
import sys

import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.load import load_text
from mlagents_tf.settings.registry import (
    built_in_signals,
    reward_signal_names,
    reward_signal_settings,
)
from mlagents_tf.settings.schema import configuration_schema

COUNTS = """\
from pydantic import Field
from mlagents_tf.settings.rewards import RewardSignalSettings

class CountSettings(RewardSignalSettings):
    \"\"\"Reward for what was seldom seen.\"\"\"

    num_bins: int = Field(default=8, ge=2, description="bins of an observation")

class NotASignal:
    pass
"""
YAML = "behaviors: {A: {reward_signals: {extrinsic: {}, count: {num_bins: 4}}}}"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a package with one module and these entry points importable."""

    def make(points, source=COUNTS):
        info = tmp_path / "counting-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mlagents_tf.reward_signal_settings]\n{points}\n")
        (tmp_path / "counting_signal.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "counting_signal", raising=False)
        return tmp_path

    return make


def test_an_installed_signal_is_configured_like_ours(install):
    install("count = counting_signal:CountSettings")
    signals = load_text(YAML).settings.behaviors["A"].reward_signals
    assert (signals["count"].num_bins, signals["count"].gamma) == (4, 0.99)


def test_its_keys_are_checked_like_ours(install):
    install("count = counting_signal:CountSettings")
    with pytest.raises(
        SettingsError, match=r"count.numbins: no such key .*Did you mean 'num_bins'"
    ):
        load_text(YAML.replace("num_bins", "numbins"))


def test_names_and_the_schema_import_no_package(install):
    install("count = counting_signal:CountSettings", "raise RuntimeError('imported')")
    assert reward_signal_names() == [*built_in_signals(), "count"]
    behavior = configuration_schema()["$defs"]["BehaviorSettings"]
    assert "count" in behavior["properties"]["reward_signals"]["properties"]


def test_what_is_built_in_wins(install):
    install("gail = counting_signal:CountSettings")
    assert reward_signal_settings("gail") is built_in_signals()["gail"]
    assert reward_signal_names() == [*built_in_signals()]


def test_a_misspelled_name_is_near_to_an_installed_one(install):
    install("count = counting_signal:CountSettings")
    with pytest.raises(SettingsError, match=r"conut: no such reward signal. Did you mean 'count'"):
        load_text(YAML.replace("count", "conut"))


@pytest.mark.parametrize(
    ("value", "source", "message"),
    [
        ("counting_signal:CountSettings", "import no_such_module", "ModuleNotFoundError: No mod"),
        ("counting_signal:Missing", COUNTS, "cannot be imported: AttributeError"),
        ("counting_signal:NotASignal", COUNTS, "which is not a subclass of mlagents_tf.settings"),
        ("no_such_package:Settings", COUNTS, "ModuleNotFoundError: No module named 'no_such_pack"),
    ],
)
def test_a_broken_package_is_named_in_one_sentence(install, value, source, message):
    install(f"count = {value}", source)
    with pytest.raises(SettingsError) as caught:
        load_text(YAML)
    text = str(caught.value)
    assert f"reward signal 'count': the package counting says it is {value}, which" in text
    assert message in text
    assert text.endswith("Repair or uninstall the package.")
    assert "\n" not in text


def test_a_broken_package_disturbs_nobody_who_does_not_use_it(install):
    install("count = counting_signal:CountSettings", "raise RuntimeError('imported')")
    assert load_text("behaviors: {A: {reward_signals: {curiosity: {}}}}").settings.behaviors


def test_an_installed_signal_is_validated_without_tensorflow(install):
    place = install("count = counting_signal:CountSettings")
    (place / "run.yaml").write_text(YAML)
    program = (
        f"import sys; sys.path.insert(0, {str(place)!r}); from mlagents_tf.cli.main import main; "
        f"code = main(['validate', {str(place / 'run.yaml')!r}]); "
        "sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "rewards extrinsic, count" in done.stdout
