"""Writes docs/configuration.md from the settings models."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mlagents_tf.settings import behavior, imitation, network, parameters, run
from mlagents_tf.settings.base import Settings, is_settings, show
from mlagents_tf.settings.evaluation import EvaluationSettings
from mlagents_tf.settings.ppo import HyperparameterSettings
from mlagents_tf.settings.registry import built_in_signals, built_in_trainers
from mlagents_tf.settings.rewards import RewardSignalSettings

PAGE = Path(__file__).with_name("configuration.md")

INTRODUCTION = """\
# Configuration

One YAML file configures a run. Its keys are those of ML-Agents. This page is generated from the
models that read the file (`python docs/generate_configuration.py`); `mlagents-tf schema` prints the
same as JSON Schema for editors, and `mlagents-tf validate FILE` checks a file without training.

```yaml
behaviors:
  3DBall:
    trainer_type: ppo
    hyperparameters:
      batch_size: 64
      buffer_size: 12000
    network_settings:
      normalize: true
    max_steps: 5e5
```

**Who wins.** A default is beaten by the file, the file by a flag, and a flag by
`--set PATH=VALUE`, such as `--set behaviors.3DBall.max_steps=1e5`. The value is YAML. `--max-steps`
and `--deterministic` set every behavior.

**Defaults of your own.** `default_settings` is merged under each behavior, section by section, and
is used as it is for behaviors that are not listed. Two things are not inherited: `hyperparameters`
if the behavior names another `trainer_type`, and a reward signal whose value is `null`. Without
`default_settings`, a behavior that is not listed is an error; if the file lists none at all, every
behavior trains with PPO's defaults.

**Numbers and truth.** `5e6` and `3e-4` are numbers, also in quotes. Integers must be whole (`1e5`
is, `1.5` is not). Only `true` and `false` (also in quotes) and YAML's own `yes`, `no`, `on` and
`off` are truth values.

**Errors** come all at once, each with its line and what to type instead:

```text
trainer.yaml:5: behaviors.3DBall.hyperparameters.batchsize: no such key (received 64). \
Did you mean 'batch_size'?
```

**Old files.** The layout of ML-Agents 0.16 and before (a `default` section and one section per
behavior) is recognised and converted when it is read, and what was changed or ignored is printed.
`mlagents-tf upgrade-config OLD NEW [--curriculum F] [--sampler F]` writes the current layout.
A 2019 file's `train_interval` and `num_update` become `steps_per_update`, `pretraining` becomes
`behavioral_cloning`, and a section may be the name of another section. `trainer: offline_bc`
becomes `trainer_type: bc`, and each of its steps `batches_per_epoch` times `batch_size` rows.

**Started from what?** `resume` and `initialize_from` exclude each other. If one is on the command
line and the other in the file, the command line wins; otherwise `resume` does.
"""

SECTIONS: list[tuple[str, list[type[Settings]]]] = [
    ("The file", [run.RunSettings]),
    ("A behavior", [behavior.BehaviorSettings]),
    ("Trainers", list(built_in_trainers().values())),
    ("Network", [network.NetworkSettings, network.MemorySettings]),
    ("Reward signals", list(built_in_signals().values())),
    ("Imitation and self-play", [imitation.BehavioralCloningSettings, behavior.SelfPlaySettings]),
    (
        "Environment parameters",
        [
            parameters.SamplerSettings,
            *parameters.SAMPLER_SETTINGS.values(),
            parameters.CurriculumSettings,
            parameters.LessonSettings,
            parameters.CompletionSettings,
        ],
    ),
    (
        "The run",
        [
            run.CheckpointSettings,
            EvaluationSettings,
            run.EnvSettings,
            run.EngineSettings,
            run.TFSettings,
            run.TorchSettings,
        ],
    ),
]

BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "multiple of"}
# what stands for one of several models
CHOICES: dict[type[Settings], str] = {
    HyperparameterSettings: "[keys of the trainer](#trainers)",
    RewardSignalSettings: "[keys of the signal](#reward-signals)",
    parameters.SamplerParameters: "[keys of the sampler](#environment-parameters)",
}
TYPES = {int: "integer", float: "number", bool: "true, false", str: "text"}


def configuration_page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for heading, models in SECTIONS:
        parts.append(f"\n## {heading}\n")
        parts += [table(model) for model in models]
    return "".join(parts)


def table(model: type[Settings]) -> str:
    """One model, a row for each key."""
    lines = [f"\n### {model.__name__}", "", inspect.cleandoc(model.__doc__ or ""), ""]
    lines += ["| key | type | default | bounds | meaning |", "|---|---|---|---|---|"]
    for key, field in model.model_fields.items():
        cells = (f"`{key}`", kind(field.annotation), default(field), bounds(field))
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| {' | '.join(cells)} | {meaning} |")
    return "\n".join(lines) + "\n"


def kind(annotation: Any) -> str:
    """A type in words; models are links."""
    if annotation in TYPES:
        return TYPES[annotation]
    if annotation in CHOICES:
        return CHOICES[annotation]
    if is_settings(annotation):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if get_origin(annotation) is dict:
        return f"by name: {kind(arguments[1])}"
    if get_origin(annotation) is tuple:
        return f"list of {kind(arguments[0])}" if arguments[-1] is Ellipsis else "pair of numbers"
    if hasattr(annotation, "__metadata__"):
        return kind(arguments[0])
    return " or ".join(kind(choice) for choice in arguments if choice is not type(None))


def default(field: FieldInfo) -> str:
    """The value of a key that is not given."""
    if field.is_required():
        return "required"
    if field.default_factory is behavior.extrinsic_only:
        return "`extrinsic`"
    if field.default_factory is dict:
        return "none"
    if field.default_factory is not None or field.default == {}:
        return "its defaults"
    if field.default is None:
        return "none"
    value = field.default
    return f"`{value if isinstance(value, str) else show(value)}`"


def bounds(field: FieldInfo) -> str:
    """What a value must satisfy."""
    found = [
        f"{sign} {show(getattr(rule, name))}"
        for rule in field.metadata
        for name, sign in BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return ", ".join(found) or "-"


if __name__ == "__main__":
    PAGE.write_text(configuration_page(), encoding="utf-8")
