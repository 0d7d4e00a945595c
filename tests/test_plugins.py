"""Entry points of this package and of others: found, named when they are broken, listed."""

import sys

import pytest

from mlagents_tf import plugins
from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.plugins import BUILT_IN, ENCODERS, TRAINER_SETTINGS, TRAINERS
from mlagents_tf.run.plugins import list_plugins, make_trainer, trainer_class
from mlagents_tf.settings.load import load_text
from mlagents_tf.settings.registry import trainer_names, trainer_settings
from mlagents_tf.settings.schema import configuration_schema
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import SPECS
from mlagents_tf.trainers.ppo import PPOTrainer
from tests.test_docker import packaging
from tests.trainers.small import small_settings

SETTINGS = '''\
from pydantic import Field
from mlagents_tf.settings.ppo import HyperparameterSettings

class SlowSettings(HyperparameterSettings):
    """Learns slowly."""

    patience: int = Field(default=3, ge=1, description="updates that are waited for")
'''
CLASS = """\
from mlagents_tf.trainers.bc import BCTrainer
from mlagents_tf.trainers.trainer import Trainer

class SlowTrainer(Trainer):
    def __init__(self, behavior, spec, settings, seed):
        super().__init__(behavior, spec, settings, seed)

    act = _remember = ready = begin_update = forget = abandon = BCTrainer.forget
"""
POINTS = f"""\
[{TRAINER_SETTINGS}]
slow = slow_settings:SlowSettings

[{TRAINERS}]
slow = slow_trainer:SlowTrainer
"""
YAML = "behaviors: {A: {trainer_type: slow, hyperparameters: {patience: 4}}}"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes packages with these modules and entry points importable."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(points=POINTS, settings=SETTINGS, trainer=CLASS, package="slowly"):
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(points)
        (tmp_path / "slow_settings.py").write_text(settings)
        (tmp_path / "slow_trainer.py").write_text(trainer)

    yield make
    for name in ("slow_settings", "slow_trainer"):
        sys.modules.pop(name, None)


def test_setup_declares_what_is_built_in():
    declared = {
        group: dict(line.split("=") for line in lines)
        for group, lines in packaging("entry_points").items()
        if group != "console_scripts"
    }
    assert declared == {group: dict(entries) for group, entries in BUILT_IN.items()}


def test_everything_that_is_built_in_loads():
    assert {row.problem for row in list_plugins() if row.plugin.package == plugins.OURS} == {""}


def test_a_trainer_of_a_package_is_configured_and_made_like_ours(install):
    install()
    settings = load_text(YAML).settings.behaviors["A"]
    assert (settings.hyperparameters.patience, settings.hyperparameters.batch_size) == (4, 1024)
    assert trainer_class("slow").__name__ == "SlowTrainer"


def test_its_keys_are_checked_like_ours(install):
    install()
    with pytest.raises(SettingsError, match=r"patiense: no such key .*Did you mean 'patience'\?"):
        load_text(YAML.replace("patience", "patiense"))
    with pytest.raises(SettingsError, match=r"patience: must be at least 1 \(received 0\)"):
        load_text(YAML.replace("patience: 4", "patience: 0"))


def test_an_unknown_trainer_is_answered_with_what_there_is(install):
    install()
    with pytest.raises(SettingsError) as refused:
        load_text("behaviors: {A: {trainer_type: slwo}}")
    assert (
        "behaviors.A.trainer_type: no such trainer (received 'slwo'). Did you mean 'slow'? "
        "Known: bc, poca, ppo, sac, slow." in str(refused.value)
    )


def test_an_old_file_may_name_it(install):
    install()
    behavior = load_text("default: {trainer: slow, patience: 5}\nA: {}").settings.behaviors["A"]
    assert (behavior.trainer_type, behavior.hyperparameters.patience) == ("slow", 5)


def test_names_and_the_schema_import_no_package(install):
    install(settings="raise RuntimeError('imported')")
    assert trainer_names() == [*BUILT_IN[TRAINER_SETTINGS], "slow"]
    behavior = configuration_schema()["$defs"]["BehaviorSettings"]
    assert behavior["properties"]["trainer_type"]["enum"] == trainer_names()
    assert "slow" not in str(behavior["allOf"])  # its hyperparameters stay open


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("import no_such_module", "which cannot be imported: ModuleNotFoundError: No module named"),
        ("SlowSettings = 3", "which is not a subclass of mlagents_tf.settings.ppo.Hyperparameter"),
    ],
)
def test_a_broken_package_is_named_in_one_sentence(install, settings, sentence):
    install(settings=settings)
    with pytest.raises(SettingsError) as refused:
        load_text(YAML)
    text = str(refused.value)
    assert text.startswith(
        "trainer 'slow': the package slowly says it is slow_settings:SlowSettings, " + sentence
    )
    assert "\n" not in text
    assert load_text("behaviors: {A: {trainer_type: sac}}")  # who does not ask is not disturbed


def test_a_class_is_only_missed_by_who_trains(install):
    install(points=f"[{TRAINER_SETTINGS}]\nslow = slow_settings:SlowSettings\n")
    assert load_text(YAML).settings
    with pytest.raises(SettingsError, match=f"'slow': its package has .* group {TRAINERS} with"):
        trainer_class("slow")


def test_two_packages_with_one_name_are_both_named(install):
    install()
    install(package="slower")
    with pytest.raises(SettingsError) as refused:
        load_text(YAML)
    assert "trainer 'slow': the packages slower and slowly all bring one" in str(refused.value)


def test_what_is_built_in_wins(install):
    install(points=f"[{TRAINERS}]\nppo = slow_trainer:SlowTrainer\n")
    assert trainer_class("ppo") is PPOTrainer
    assert trainer_settings("ppo").__name__ == "PPOSettings"
    row = next(row for row in list_plugins() if row.plugin.package == "slowly")
    assert row.problem == "not used: the name is that of one that is built in"


def test_the_command_lists_all_and_says_what_does_not_load(install, capsys):
    assert main(["plugins"]) == 0
    ours = capsys.readouterr().out.splitlines()
    assert len(ours) == len(BUILT_IN) + sum(map(len, BUILT_IN.values()))
    install(trainer="raise OSError('no\\nluck')")
    assert main(["plugins"]) == 2
    lines = capsys.readouterr().out.splitlines()
    (settings,) = (line for line in lines if "SlowSettings" in line)
    (trainer,) = (line for line in lines if "SlowTrainer" in line)
    assert settings.split() == ["slow", "slow_settings:SlowSettings", "slowly", "ok"]
    assert "slowly" in trainer
    assert "cannot be imported: OSError: no luck. Repair or uninstall the package." in trainer


def test_an_encoder_that_is_built_in_has_a_short_name():
    plugin = plugins.find(ENCODERS, "nature_cnn")
    assert plugin.load().__name__ == "NatureEncoder"


def test_a_trainer_of_a_package_is_made_for_a_run(install):
    install()
    made = make_trainer("A", SPECS["continuous, one vector"], small_settings("slow"), seed=0)
    assert type(made).__name__ == "SlowTrainer"


def test_an_observation_that_no_network_sees_is_refused():
    video = Spec((ObservationSpec((2, 3, 8, 8)),), ActionSpec(1))
    with pytest.raises(SettingsError, match=r"observation 0 has shape \[2, 3, 8, 8\]"):
        make_trainer("A", video, small_settings("ppo"), seed=0)
