"""Runs with an encoder of the user's: trained, read again, and never imported unasked."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.check_encoder import check_encoder
from mlagents_tf.run import encoders
from mlagents_tf.settings.load import load_text
from tests.run.runs import CONFIG, arguments

PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"
MODULE, CHECK, PLAIN, ONNX = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
NAME = "my_encoders.SmallEncoder"
OWN = CONFIG.replace("normalize: true", f"encoder: {NAME}")


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """A directory in which Python finds modules; what it found there is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    monkeypatch.delitem(sys.modules, "my_encoders", raising=False)
    yield tmp_path
    sys.modules.pop("my_encoders", None)


@pytest.fixture
def run(importable, capsys):
    """A run that was trained with the page's encoder."""
    (importable / "my_encoders.py").write_text(MODULE, encoding="utf-8")
    assert main(learning(importable)) == 0
    capsys.readouterr()
    return importable / "results" / "r"


def learning(folder, *more, text=OWN):
    return arguments(folder, "--max-steps", "200", *more, env="toy-image", text=text)


def is_imported():
    return "my_encoders" in sys.modules


def test_a_run_trains_with_it_and_warns_that_onnx_cannot_hold_it(run, capsys):
    pytest.importorskip("onnxruntime")
    assert (run / "toy-image" / "saved_model" / "saved_model.pb").is_file()
    assert not (run / "toy-image.onnx").exists()
    assert main(["export", str(run), "--format", "onnx", "--encoder", NAME]) == 5
    assert "SmallEncoder does not say how it is written as ONNX" in capsys.readouterr().err


def test_its_policy_plays_when_the_path_is_named(run, capsys):
    played = ["evaluate", str(run), "--episodes", "4", "--json"]
    assert main([*played, "--encoder", NAME]) == 0
    assert json.loads(capsys.readouterr().out)["toy-image"]["steps"] == 200
    assert mlagents_tf.load_policy(run, encoder=NAME).steps == 200


def test_it_is_resumed_by_the_command_that_is_printed(importable, capsys):
    (importable / "my_encoders.py").write_text(MODULE, encoding="utf-8")
    assert main(learning(importable, "--stop-at", "100")) == 0
    printed = capsys.readouterr()
    command = re.search(
        r"To go on: mlagents-tf (.*)", (printed.out + printed.err).replace("\n ", "")
    )
    words = command[1].split()
    assert words[-3:] == ["--resume", "--encoder", NAME]
    assert main(words) == 0
    assert main(learning(importable, "--resume", "--max-steps", "300")) == 0


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate",),
        ("export",),
        ("play", "--model", "model.onnx"),
        ("export", "--encoder", "other.Encoder"),
    ],
)
def test_no_command_imports_what_only_the_run_names(run, command, capsys):
    del sys.modules["my_encoders"]
    word, *flags = command
    assert main([word, str(run), *flags]) == 2
    assert re.search(
        r"configuration.yaml: default_settings.network_settings.encoder is 'my_encoders.Small"
        r"Encoder', and a module is not imported .* add --encoder my_encoders.SmallEncoder",
        capsys.readouterr().err,
    )
    assert not is_imported()


def test_python_does_not_import_it_either(run):
    del sys.modules["my_encoders"]
    with pytest.raises(SettingsError, match="a module is not imported because a file of a run"):
        mlagents_tf.load_policy(run)
    with pytest.raises(SettingsError, match=f"encoder='{NAME}'"):
        mlagents_tf.learn(run / "configuration.yaml", resume=True)
    assert not is_imported()


def test_the_record_of_a_run_is_no_file_of_the_users(run, capsys):
    del sys.modules["my_encoders"]
    record = str(run / "configuration.yaml")
    assert main(["learn", record, "--resume"]) == 2
    assert "add --encoder" in capsys.readouterr().err
    assert not is_imported()
    assert main(["learn", record, "--resume", "--encoder", NAME]) == 0


def test_what_a_package_brings_needs_no_flag(importable, capsys):
    (importable / "my_encoders.py").write_text(MODULE, encoding="utf-8")
    info = importable / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mlagents_tf.encoders]\nsmall = my_encoders:SmallEncoder\n"
    )
    assert main(learning(importable, text=OWN.replace(NAME, "small"))) == 0
    assert main(["evaluate", str(importable / "results" / "r"), "--episodes", "2"]) == 0


def test_a_wrong_path_is_found_before_a_run_exists(importable, capsys):
    assert main(learning(importable)) == 2
    assert "default_settings.network_settings.encoder: 'my_encoders.SmallEncoder': the module " in (
        capsys.readouterr().err
    )
    assert not (importable / "results").exists()


def test_validate_looks_at_the_form_only(importable, capsys):
    path = importable / "c.yaml"
    path.write_text(OWN, encoding="utf-8")
    assert main(["validate", str(path)]) == 0
    assert "not implemented" not in capsys.readouterr().out
    path.write_text(OWN.replace(NAME, "my-encoders.py"), encoding="utf-8")
    assert main(["validate", str(path)]) == 2
    assert "'my-encoders.py' can be no encoder. Give an import path such as" in (
        capsys.readouterr().err
    )


def test_every_network_that_is_trained_is_asked():
    text = """
    behaviors:
      A:
        network_settings: {encoder: a.B}
        reward_signals:
          extrinsic: {network_settings: {encoder: never.Used}}
          rnd: {network_settings: {encoder: short}}
    default_settings: {network_settings: {encoder: c.D}}
    """
    settings = load_text(text).settings
    assert encoders.named_encoders(settings) == {
        "behaviors.A.network_settings.encoder": "a.B",
        "behaviors.A.reward_signals.rnd.network_settings.encoder": "short",
        "default_settings.network_settings.encoder": "c.D",
    }
    assert encoders.encoder_flags(settings) == " --encoder a.B --encoder c.D"


def test_the_page_is_right(importable):
    (importable / "my_encoders.py").write_text(MODULE, encoding="utf-8")
    exec(CHECK, {})
    defined = {}
    exec(PLAIN, defined)
    check_encoder(defined["WideEncoder"], (3, 36, 36))


def test_the_page_writes_onnx(importable):
    pytest.importorskip("onnxruntime")
    indented = "".join(f"    {line}\n" for line in ONNX.partition("\n\n\n")[2].splitlines())
    module = ONNX.partition("\n\n\n")[0] + "\n" + MODULE + "\n" + indented
    (importable / "my_encoders.py").write_text(module, encoding="utf-8")
    assert main(learning(importable)) == 0
    assert (importable / "results" / "r" / "toy-image.onnx").is_file()
    policy = mlagents_tf.load_policy(importable / "results" / "r", encoder=NAME)
    assert np.isfinite(policy.act(np.zeros((1, *policy.spec.observations[0].shape)))[0]).all()
