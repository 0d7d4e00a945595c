"""The layout before `behaviors:`: a `default` section and one section per behavior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import PydanticCustomError

from mlagents_tf.settings.base import boolean, near, number, show
from mlagents_tf.settings.document import Document
from mlagents_tf.settings.legacy_section import LegacySection
from mlagents_tf.settings.registry import (
    built_in_trainers,
    reward_signal_settings,
    trainer_names,
    trainer_settings,
)
from mlagents_tf.settings.run import RunSettings

NETWORK = ("normalize", "hidden_units", "num_layers", "vis_encode_type")
MEMORY = ("memory_size", "sequence_length")
UNCHANGED = (
    "max_steps",
    "time_horizon",
    "summary_freq",
    "keep_checkpoints",
    "init_path",
    "threaded",
    "behavioral_cloning",
    "self_play",
)
HANDLED = ("trainer", "use_recurrent", "reward_signals", "pretraining")
SAC_INTERVALS = ("num_update", "train_interval", "reward_signal_num_update")
# in old files and never used by the trainers that read them
LEFTOVERS = {*SAC_INTERVALS, "gamma", "curiosity_enc_size", "burn_in_ratio", "demo_path"}
LEFTOVERS |= {"summary_path", "model_path", "reward_signal_steps_per_update"}
LEFTOVERS |= {"batches_per_epoch"}
TRAINERS = {"offline_bc": "bc"}
# keys that offline_bc left alone, and that its sections inherit from `default`
NOT_CLONED = ("behavioral_cloning", "pretraining", "reward_signals", "self_play")
# defaults of 0.16 that are not today's
SELF_PLAY = {"save_steps": 20_000, "swap_steps": 20_000, "team_change": 100_000}


def is_legacy(data: dict[str, Any]) -> bool:
    """True if no key is of the current layout and there is a section that names a trainer."""
    if any(key in RunSettings.model_fields for key in data):
        return False
    return "default" in data or any(
        isinstance(section, dict) and "trainer" in section for section in data.values()
    )


def convert_legacy(legacy: Document) -> tuple[Document, list[str]]:
    """The same in the current layout, every behavior complete, and what changed on the way."""
    document = Document({"behaviors": {}}, {(): legacy.place(())}, legacy.faults)
    notices = [
        "this is the layout of ML-Agents 0.16 and before; 'mlagents-tf upgrade-config' rewrites it."
    ]
    notices += [str(repeat) for repeat in legacy.repeats]
    for name in legacy.data:
        section = _Conversion(legacy, document, name, notices)
        if name == "default":
            section.root = ("default_settings",)
            if "trainer" not in section.sources:
                continue  # every behavior names its own
        section.convert()
    return document, notices


class _Conversion(LegacySection):
    """Writes one behavior in the current layout."""

    trainer: str = ""
    hyperparameters: Sequence[str] = ()  # its keys

    def convert(self) -> None:
        """Write this section into the document."""
        if not self.convert_trainer():
            return
        self.drop_what_cloning_ignored()
        for key in self.hyperparameters:
            self.move(key, "hyperparameters", key)
        for key in NETWORK:
            self.move(key, "network_settings", key)
        for key in UNCHANGED:
            self.move(key, key)
        if self.get("threaded") is None:
            self.set(True, "trainer", "threaded")
        self.convert_memory()
        self.convert_reward_signals()
        self.convert_schedules()
        self.convert_update_intervals()
        self.convert_steps_of_cloning()
        self.convert_pretraining()
        self.convert_self_play()
        self.name_ignored_keys()

    def convert_trainer(self) -> bool:
        """False if the trainer is not known, which is then reported."""
        given = self.get("trainer")
        self.set({}, "trainer")
        known = [*trainer_names(), *TRAINERS]
        if given is None:
            self.legacy.fault((self.name,), "trainer is required: ppo or sac.")
        elif given == "online_bc":
            self.legacy.fault(
                self.sources["trainer"],
                "trainer 'online_bc' learned from a person playing and is gone. Record a "
                "demonstration and use 'trainer: ppo' with gail or behavioral_cloning.",
            )
        elif given not in known:
            self.legacy.fault(
                self.sources["trainer"],
                f"no such trainer (received {show(given)}).{near(str(given), known)}",
            )
        else:
            self.trainer = TRAINERS.get(given, given)
            model = trainer_settings(self.trainer)
            self.hyperparameters = list(model.model_fields) if model else []
            self.set(self.trainer, "trainer", "trainer_type")
            return True
        return False

    def drop_what_cloning_ignored(self) -> None:
        """Rewards and self-play of `default` were never read for a section of offline_bc."""
        if self.trainer == "bc":
            own = set(self.own_keys()).intersection(NOT_CLONED)
            if own:
                self.notices.append(
                    f"{self.name}: ignored {', '.join(sorted(own))}, which bc does not use."
                )
            for key in NOT_CLONED:
                self.sources.pop(key, None)

    def convert_memory(self) -> None:
        """memory_size and sequence_length count only with use_recurrent."""
        recurrent = self.get("use_recurrent")
        try:
            if recurrent is None or not boolean(recurrent):
                return
        except PydanticCustomError as error:
            received = show(recurrent)
            self.legacy.fault(
                self.sources["use_recurrent"], f"{error.message()} (received {received})."
            )
            return
        self.set({}, "use_recurrent", "network_settings", "memory")
        for key in MEMORY:
            self.move(key, "network_settings", "memory", key)

    def convert_reward_signals(self) -> None:
        """Signals keep their names; keys that a signal never had are left out."""
        signals = self.get("reward_signals")
        if not isinstance(signals, dict):
            self.move("reward_signals", "reward_signals")  # and be refused there
            return
        source = self.sources["reward_signals"]
        self.set({}, "reward_signals", "reward_signals")
        ignored = []
        for name, signal in signals.items():
            target = (*self.root, "reward_signals", name)
            if name.startswith("reward_signal_"):
                self.sources.setdefault(name, (*source, name))
            elif not isinstance(signal, dict) or (model := reward_signal_settings(name)) is None:
                self.document.take(self.legacy, (*source, name), target)
            else:
                known = {*model.model_fields, "encoding_size"}
                ignored += [f"{name}.{key}" for key in signal if key not in known]
                self.document.put(target, {}, self.legacy.place((*source, name)))
                for key in signal:
                    if key in known and (name, key) != ("extrinsic", "encoding_size"):
                        self.document.take(self.legacy, (*source, name, key), (*target, key))
        self.move(
            "reward_signal_steps_per_update", "hyperparameters", "reward_signal_steps_per_update"
        )
        if ignored and source[0] == self.name:
            self.notices.append(f"{self.name}.reward_signals: ignored {', '.join(ignored)}.")

    def convert_schedules(self) -> None:
        """Only the learning rate followed its schedule; beta and epsilon always fell linearly."""
        if self.trainer in ("ppo", "poca") and self.get("learning_rate_schedule") == "constant":
            for key in ("beta_schedule", "epsilon_schedule"):
                if key not in self.sources:
                    self.set("linear", "learning_rate_schedule", "hyperparameters", key)

    def convert_update_intervals(self) -> None:
        """`num_update` minibatches every `train_interval` steps become steps per update."""
        if self.trainer != "sac":
            return
        names = {
            "steps_per_update": "num_update",
            "reward_signal_steps_per_update": "reward_signal_num_update",
        }
        for target, updates in names.items():
            because = updates if updates in self.sources else "train_interval"
            if self.get(target) is not None or because not in self.sources:
                continue
            if target != "steps_per_update" and because == "train_interval":
                continue
            try:
                interval, count = (self.get(key) for key in ("train_interval", updates))
                steps = number(1 if interval is None else interval)
                steps /= number(1 if count is None else count)
            except (PydanticCustomError, ZeroDivisionError):
                self.legacy.fault(self.sources[because], "expected a positive number.")
                continue
            self.set(steps, because, "hyperparameters", target)
            if {"train_interval", updates} & set(self.own_keys()):
                self.notices.append(
                    f"{self.name}: train_interval / {updates} became {target} {steps:g}."
                )

    def convert_steps_of_cloning(self) -> None:
        """offline_bc learned from `batches_per_epoch` minibatches with each step of its students.

        They are not there any more, so steps become the rows that were learned from in them.
        """
        if self.trainer != "bc" or self.get("batches_per_epoch") is None:
            return
        for key in ("max_steps", "summary_freq"):
            if self.get(key) is None:
                continue
            try:
                rows = number(self.get("batches_per_epoch")) * number(self.get("batch_size"))
                self.set(number(self.get(key)) * rows, key, key)
            except PydanticCustomError:
                self.legacy.fault(
                    self.sources["batches_per_epoch"],
                    f"{key}, batches_per_epoch and batch_size must be numbers.",
                )
                return
            if key in self.own_keys() or "batches_per_epoch" in self.own_keys():
                self.notices.append(
                    f"{self.name}.{key}: {show(self.get(key))} steps of {rows:g} rows "
                    f"(batches_per_epoch x batch_size) became rows."
                )

    def convert_pretraining(self) -> None:
        """The first name of behavioral_cloning; SAC drew one minibatch for each update."""
        if self.get("pretraining") is None or self.get("behavioral_cloning") is not None:
            return
        self.move("pretraining", "behavioral_cloning")
        if "pretraining" in self.own_keys():
            self.notices.append(f"{self.name}: pretraining became behavioral_cloning.")
        given = self.get("pretraining")
        if self.trainer != "sac" or not isinstance(given, dict):
            return
        if "num_epoch" not in given:
            self.set(1, "pretraining", "behavioral_cloning", "num_epoch")
        batch_size = given.get("batch_size", self.get("batch_size"))
        if batch_size is not None:
            self.set(batch_size, "pretraining", "behavioral_cloning", "samples_per_update")

    def convert_self_play(self) -> None:
        """Opponents changed less often, and one key had another name."""
        given = self.get("self_play")
        if not isinstance(given, dict):
            return
        old, new = "play_against_current_self_ratio", "play_against_latest_model_ratio"
        if old in given:
            source = self.sources["self_play"]
            self.document.take(self.legacy, (*source, old), (*self.root, "self_play", new))
            del self.document.data[self.root[0]][self.root[1]]["self_play"][old]
        for key, value in SELF_PLAY.items():
            if key not in given:
                self.set(value, "self_play", "self_play", key)

    def name_ignored_keys(self) -> None:
        """One notice for the keys of this section that its trainer does not have."""
        used = {*self.hyperparameters}
        used.update(NETWORK, MEMORY, UNCHANGED, HANDLED, ("reward_signal_steps_per_update",))
        if self.trainer == "sac":
            used.update(SAC_INTERVALS)
        if self.trainer == "bc":
            used.add("batches_per_epoch")
        known = {key for model in built_in_trainers().values() for key in model.model_fields}
        known.update(LEFTOVERS)
        foreign = []
        for key in self.own_keys():
            if key in known and key not in used:
                foreign.append(key)
            elif key not in used:
                self.notices.append(f"{self.name}.{key} is ignored: no such key.{near(key, used)}")
        if foreign:
            self.notices.append(
                f"{self.name}: ignored {', '.join(foreign)}, which {self.trainer} does not use."
            )
