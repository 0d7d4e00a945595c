"""Updates beside the loop: what runs meanwhile, what is waited for, and where errors surface."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import mlagents_tf
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError, TrainingError
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.updating import Updates
from mlagents_tf.trainers.ppo import PPOTrainer
from mlagents_tf.trainers.trainer import Update
from tests.run.runs import CONFIG, SAC_CONFIG

PATIENCE = 60.0  # seconds until a test gives up on another thread


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


class FakeTrainer:
    """Computes an update when it is let; its memory is filled by hand."""

    def __init__(self, behavior, threaded=True, error=None):
        self.behavior = behavior
        self.settings = SimpleNamespace(threaded=threaded)
        self.may_compute = threading.Event()
        self.error = error
        self.due = 0
        self.begun = 0
        self.finished_on = []

    def ready(self):
        return self.due > 0

    def begin_update(self):
        self.due -= 1
        self.begun += 1

        def compute():
            assert self.may_compute.wait(PATIENCE)
            if self.error:
                raise self.error
            return threading.current_thread()

        def finish(thread):
            self.finished_on.append((thread, threading.current_thread()))
            return {"updates": float(len(self.finished_on))}

        return Update(compute, finish)

    def update(self):
        self.due -= 1
        return {"updates": 1.0}


@pytest.fixture
def reports():
    return []


@pytest.fixture
def updates(reports):
    updates = Updates(lambda behavior, statistics: reports.append((behavior, statistics)))
    yield updates
    updates.close()


def test_an_update_is_computed_elsewhere_and_its_result_is_taken_here(updates, reports):
    trainer = FakeTrainer("walker")
    trainer.due = 1
    updates.train(trainer)
    updates.take()
    assert (trainer.begun, reports) == (1, [])  # begun, and nobody waited
    trainer.may_compute.set()
    updates.join()
    assert reports == [("walker", {"updates": 1.0})]
    ((computed_on, finished_on),) = trainer.finished_on
    assert finished_on is threading.current_thread() is not computed_on


def test_who_is_due_again_waits_for_the_update_before(updates, reports):
    trainer = FakeTrainer("walker")
    trainer.due = 1
    updates.train(trainer)
    trainer.may_compute.set()
    trainer.due = 2  # so that two more updates make up what is due
    updates.train(trainer)
    assert trainer.begun == 3
    assert len(reports) == 2  # the third is under way
    updates.join()
    assert len(reports) == 3


def test_who_is_not_threaded_learns_at_once(updates, reports):
    trainer = FakeTrainer("walker", threaded=False)
    trainer.due = 1
    updates.train(trainer)
    assert (reports, trainer.begun) == ([("walker", {"updates": 1.0})], 0)


def test_an_error_surfaces_once_and_the_others_come_to_their_end(updates, reports):
    fine, broken = FakeTrainer("fine"), FakeTrainer("broken", error=TrainingError("no number"))
    for trainer in (fine, broken):
        trainer.due = 1
        trainer.may_compute.set()
        updates.train(trainer)
    with pytest.raises(TrainingError, match="no number"):
        updates.join()
    assert reports == [("fine", {"updates": 1.0})]
    updates.join()


class Counted:
    """A toy world that counts its steps and lets others wait for them."""

    def __init__(self, break_after=None):
        self.world = make_env("toy-discrete", num_areas=4, seed=1)
        self.specs = self.world.specs
        self.steps = 0
        self.break_after = break_after
        self.changed = threading.Condition()
        self.broken = threading.Event()

    def reset(self, parameters=None):
        return self.world.reset(parameters)

    def step(self, actions):
        if self.steps == self.break_after:
            self.broken.set()
            raise EnvError("the world has come to an end")
        with self.changed:
            self.steps += 1
            self.changed.notify_all()
        return self.world.step(actions)

    def close(self):
        self.world.close()

    def wait_for(self, steps):
        """Until the world has made so many more; whether it did."""
        with self.changed:
            goal = self.steps + steps
            return self.changed.wait_for(lambda: self.steps >= goal, PATIENCE)


def settings(text=CONFIG, **keys):
    settings = yaml.safe_load(text)
    settings["default_settings"] |= {"threaded": True, "max_steps": 400} | keys
    return settings


def computing(monkeypatch, compute):
    """Lets `compute(original, number)` stand in for the computation of each PPO update."""
    begin, numbers = PPOTrainer.begin_update, iter(range(100))

    def begin_update(trainer):
        update, number = begin(trainer), next(numbers)
        return update._replace(compute=lambda: compute(update.compute, number))

    monkeypatch.setattr(PPOTrainer, "begin_update", begin_update)


def commit_of(folder):
    found = find_commits(folder / "results" / "r")[0]  # the newest
    return found, np.load(found.path / "toy-discrete" / "trainer.npz")


def train(folder, env, given, **more):
    return mlagents_tf.learn(
        given, env=env, run_id="r", results_dir=folder / "results", seed=1, **more
    )


def test_the_environment_steps_while_an_update_is_computed(tmp_path, monkeypatch):
    env, waited = Counted(), []

    def slow(compute, number):
        if number == 0:
            waited.append(env.wait_for(5))
        return compute()

    computing(monkeypatch, slow)
    result = train(tmp_path, env, settings(summary_freq=400))  # of all updates but the last
    assert waited == [True]  # five steps were made before the first update was computed
    assert result.finished
    assert "Losses/Policy Loss" in result.statistics["toy-discrete"]


def failing(compute, number):
    if number == 1:
        raise TrainingError("the second update failed")
    return compute()


def test_an_update_that_fails_stops_the_run_and_leaves_it_saved(tmp_path, monkeypatch):
    computing(monkeypatch, failing)
    with pytest.raises(TrainingError, match="the second update failed"):
        train(tmp_path, Counted(), settings(checkpoint_interval=100_000))
    found, arrays = commit_of(tmp_path)
    assert found.step >= 2 * 128
    assert all(np.isfinite(arrays[name]).all() for name in arrays if name.startswith("network/"))


def test_the_last_update_is_waited_for_and_its_failure_is_one_of_the_run(tmp_path, monkeypatch):
    computing(monkeypatch, failing)
    given = settings(max_steps=256, checkpoint_interval=100_000)  # it begins with the last step
    with pytest.raises(TrainingError, match="the second update failed"):
        train(tmp_path, Counted(), given)
    assert commit_of(tmp_path)[0].step == 256


def test_of_two_errors_the_first_is_told_and_the_run_is_saved(tmp_path, monkeypatch):
    env = Counted(break_after=70)  # 280 steps: the second update began at 256

    def slow(compute, number):
        if number == 1:
            env.broken.wait(PATIENCE)
        return failing(compute, number)

    computing(monkeypatch, slow)
    with pytest.raises(EnvError, match="the world has come to an end"):
        train(tmp_path, env, settings(checkpoint_interval=100_000))
    assert commit_of(tmp_path)[0].step == 280


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_run_goes_on_threaded_or_not(tmp_path, before, after):
    given = settings(threaded=before, max_steps=320, checkpoint_interval=100)
    train(tmp_path, Counted(), given, stop_at=200)
    found, arrays = commit_of(tmp_path)
    assert found.step == 200
    assert ("memory/rows/log_probs" in arrays) is before
    result = train(tmp_path, Counted(), settings(threaded=after, max_steps=320), resume=True)
    assert (result.steps, result.finished) == (320, True)


def test_sac_learns_beside_the_loop(tmp_path):
    result = train(tmp_path, Counted(), settings(SAC_CONFIG))
    assert result.finished
    assert "Losses/Q1 Loss" in result.statistics["toy-discrete"]
