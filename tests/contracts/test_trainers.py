"""Every trainer keeps the contract, and the contract notices who does not."""

import itertools

import numpy as np
import pytest

from mlagents_tf.errors import ContractError
from mlagents_tf.plugins import BUILT_IN, TRAINERS
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.trainers.check_trainer import SPECS, check_trainer
from tests.rewards.signals import write_demo
from tests.trainers.small import small_settings

VECTORS = ("continuous, one vector", "discrete, several vectors", "hybrid, one vector")
# compiling takes seconds
FAST = [
    *itertools.product(BUILT_IN[TRAINERS], VECTORS),
    ("ppo", "hybrid, entities and goal"),
    ("poca", "hybrid, entities and goal"),
    ("ppo", "discrete, image and vector"),
    ("sac", "discrete, image and vector"),
]


def maker(trainer_type, folder, change=lambda trainer: None, memory=None, threaded=False):
    def make(behavior, spec, seed):
        demo = folder / "expert.demo"
        if trainer_type == "bc" and not demo.exists():
            write_demo(folder, spec)
        keys = {"demo_path": str(demo)} if trainer_type == "bc" else {}
        settings = small_settings(
            trainer_type,
            network_settings={"normalize": True, "memory": memory},
            hyperparameters=keys,
            threaded=threaded,
        )
        trainer = make_trainer(behavior, spec, settings, seed)
        change(trainer)
        return trainer

    return make


@pytest.mark.parametrize(("trainer_type", "name"), FAST)
def test_a_trainer_keeps_the_contract(trainer_type, name, tmp_path):
    check_trainer(maker(trainer_type, tmp_path), {name: SPECS[name]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainer_type", "name"),
    [case for case in itertools.product(BUILT_IN[TRAINERS], SPECS) if case not in FAST],
)
def test_a_trainer_keeps_the_contract_on_the_whole_matrix(trainer_type, name, tmp_path):
    check_trainer(maker(trainer_type, tmp_path), {name: SPECS[name]})


MEMORY = {"memory_size": 6, "sequence_length": 4}
REMEMBERING = [
    *itertools.product(("ppo", "poca", "sac"), ["hybrid, one vector"]),
    ("bc", VECTORS[0]),
]


@pytest.mark.parametrize(("trainer_type", "name"), REMEMBERING)
def test_a_trainer_with_memory_keeps_the_contract(trainer_type, name, tmp_path):
    check_trainer(maker(trainer_type, tmp_path, memory=MEMORY), {name: SPECS[name]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainer_type", "name"),
    [case for case in itertools.product(BUILT_IN[TRAINERS], SPECS) if case not in REMEMBERING],
)
def test_a_trainer_with_memory_keeps_the_contract_on_the_whole_matrix(trainer_type, name, tmp_path):
    check_trainer(maker(trainer_type, tmp_path, memory=MEMORY), {name: SPECS[name]})


@pytest.mark.parametrize("trainer_type", BUILT_IN[TRAINERS])
def test_a_threaded_trainer_keeps_the_contract(trainer_type, tmp_path):
    name = VECTORS[0] if trainer_type == "bc" else "hybrid, one vector"
    check_trainer(maker(trainer_type, tmp_path, threaded=True), {name: SPECS[name]})


def learns_nothing(trainer):
    trainer.update = lambda: (trainer.forget(), {"Losses/Policy Loss": 0.0})[1]


def reports_nan(trainer):
    trainer.update = lambda: (trainer.forget(), {"Losses/Policy Loss": float("nan")})[1]


def is_never_ready(trainer):
    trainer.ready = lambda: False


def takes_forbidden_options(trainer):
    act = trainer.act

    def wrong(step):
        actions = act(step)
        return actions._replace(discrete=np.zeros_like(actions.discrete))

    trainer.act = wrong


def draws_while_it_computes(trainer):
    begin = trainer.begin_update

    def drawing():
        update = begin()
        return update._replace(compute=lambda: (trainer.rng.random(), update.compute())[1])

    trainer.begin_update = drawing


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (draws_while_it_computes, "what an update computes counted steps or drew"),
        (learns_nothing, "an update left every weight as it was"),
        (reports_nan, "the statistic Losses/Policy Loss is nan"),
        (is_never_ready, "no update was due after 100 turns"),
        (takes_forbidden_options, "a forbidden option of branch 0 was taken"),
    ],
)
def test_a_broken_promise_is_named(fault, sentence, tmp_path):
    name = "discrete, one vector"
    with pytest.raises(ContractError, match=f"{name}: {sentence}"):
        check_trainer(maker("ppo", tmp_path, fault), {name: SPECS[name]}, max_steps=100)
