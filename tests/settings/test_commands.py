"""validate, upgrade-config and schema, as the command line calls them."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlagents_tf.cli import schema, upgrade_config, validate
from mlagents_tf.errors import StorageError
from mlagents_tf.settings.load import load_settings

ROOT = Path(__file__).parents[2]


def call(*words):
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for command in (validate, upgrade_config, schema):
        command.add_parser(subparsers)
    args = parser.parse_args([str(word) for word in words])
    return args.run(args)


def test_validate_sums_up_each_behavior(capsys):
    path = ROOT / "config" / "ppo" / "Basic.yaml"
    assert call("validate", path) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{path}: OK"
    assert second.startswith("  Basic: ppo, 500,000 steps, batch 32 of 256")


def test_validate_checks_all_files_and_returns_2_if_one_is_wrong(tmp_path, capsys):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("behaviors: {A: {}}")
    bad.write_text("behaviours: {A: {}}")
    assert call("validate", bad, good) == 2
    captured = capsys.readouterr()
    assert "Did you mean 'behaviors'?" in captured.err
    assert "good.yaml: OK" in captured.out


def test_upgrade_config_writes_a_file_that_loads(tmp_path, capsys):
    old, new = ROOT / "config" / "trainer_config.yaml", tmp_path / "new.yaml"
    assert call("upgrade-config", old, new) == 0
    assert load_settings(new).settings == load_settings(old).settings
    assert load_settings(new).notices == ()
    assert f"wrote {new}" in capsys.readouterr().out


def test_upgrade_config_names_a_file_it_cannot_write(tmp_path):
    old = ROOT / "config" / "trainer_config.yaml"
    with pytest.raises(StorageError, match="cannot be written"):
        call("upgrade-config", old, tmp_path / "nowhere" / "new.yaml")


def test_schema_knows_keys_bounds_and_meanings(tmp_path):
    call("schema", "--output", tmp_path / "schema.json")
    definitions = json.loads((tmp_path / "schema.json").read_text())["$defs"]
    batch_size = definitions["PPOSettings"]["properties"]["batch_size"]
    assert batch_size["exclusiveMinimum"] == 0
    assert batch_size["description"] == "rows per gradient step"
    choices = [
        rule["if"]["properties"]["trainer_type"]
        for rule in definitions["BehaviorSettings"]["allOf"]
    ]
    assert {"const": "sac"} in choices


def test_every_reference_of_the_schema_is_defined(capsys):
    call("schema")
    text = capsys.readouterr().out
    definitions = json.loads(text)["$defs"]
    references = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references <= set(definitions)


def test_the_commands_are_imported_without_anything_heavy():
    code = (
        "import sys; from mlagents_tf.cli import schema, upgrade_config, validate; "
        "print(sorted({'pydantic', 'yaml', 'numpy', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_settings_does_not_import_tensorflow():
    code = (
        "import sys; import mlagents_tf.settings.convert, mlagents_tf.settings.schema; "
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
