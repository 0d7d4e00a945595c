"""A worker that fails is replaced while the others go on, up to a limit."""

import os
import signal
import sys
import time
from functools import partial

import numpy as np
import psutil
import pytest

from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.workers import workers
from mlagents_tf.envs.workers.restarts import RestartLimits
from mlagents_tf.envs.workers.shared import LIFE_BITS
from mlagents_tf.errors import EnvError
from tests.envs.workers.faulty import (
    NAME,
    Broken,
    FaultyLine,
    Forgetful,
    Parametric,
    Sleeper,
    WithPlayer,
    WrongShape,
    choose_spec,
)
from tests.envs.workers.playing import (
    NO_LIMITS,
    answers,
    environment_processes,
    gone,
    make_workers,
    play,
    play_until,
)

LIFE = 1 << LIFE_BITS
SENTENCES = {
    "raise_error": "ValueError: the ball is gone",
    "raise_env_error": "the scene has no agents; add one.",
    "be_killed": "its process was killed by SIGKILL",
    "exit_at_once": "its process exited with code 7",
    "exit_in_order": "its process exited with code 5",
    "hang": "it said nothing for 2 s, and was killed",
    "be_stopped": "it said nothing for 2 s, and was killed",
}

SILENT = ("hang", "be_stopped")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="faults are POSIX signals")


def has_life(number):
    return lambda steps: (steps[NAME].agent_ids >> LIFE_BITS == number).any()


@pytest.mark.parametrize("fault", SENTENCES)
def test_a_worker_that_fails_is_replaced_and_its_agents_are_reported_once(fault, tmp_path):
    env = make_workers(
        partial(FaultyLine, fault, once=str(tmp_path / "once")),
        partial(Sleeper, 0.001),
        step_timeout=2.0 if fault in SILENT else 20.0,
    )
    steps = env.reset()
    assert sorted(steps[NAME].agent_ids.tolist()) == [0, 1, LIFE]
    steps = play_until(env, steps, lambda _: bool(env.remarks))
    assert env.remarks == [f"Restarting worker[0] after '{SENTENCES[fault]}'"]
    lost = env.take_lost()
    assert list(lost) == [NAME]
    assert lost[NAME].tolist() == [0, 1]
    assert env.take_lost() == {}
    steps = play_until(env, steps, has_life(2))  # the third process that was started
    assert [each.name for each in env.take_statistics()] == ["Environment/Worker Restarts"]
    play(env, steps, 20)
    env.close()


def test_a_killed_worker_is_noticed_at_once_and_the_other_goes_on_meanwhile():
    env = make_workers(partial(Sleeper, 2.0), partial(Sleeper, 0.001), limits=NO_LIMITS)
    steps = env.step(answers(env, env.reset(), np.random.default_rng(0)))
    victim = min(environment_processes(), key=lambda child: child.create_time())
    victim.kill()
    began = time.monotonic()
    seen = 0
    while not env.remarks:
        steps = play(env, steps, 1)
        seen += 1
    assert time.monotonic() - began < 1.5
    steps = play(env, steps, 10)
    assert (steps[NAME].agent_ids >> LIFE_BITS == 1).all()
    play_until(env, steps, has_life(2))
    env.close()


def test_agents_that_an_environment_has_lost_are_passed_on_once():
    env = make_workers(Forgetful)
    steps = play(env, env.reset(), 2)
    assert env.take_lost()[NAME].tolist() == [0]
    environment_processes()[0].kill()
    play_until(env, steps, has_life(1))
    assert env.take_lost()[NAME].tolist() == [1]
    env.close()


def test_a_failure_in_the_reset_of_a_replacement_counts_and_is_retried(tmp_path):
    once = tmp_path / "once"
    once.write_text("not yet")
    env = make_workers(partial(FaultyLine, "be_killed", when=0, once=str(once)), limits=NO_LIMITS)
    steps = env.reset()
    once.unlink()
    environment_processes()[0].kill()
    play_until(env, steps, has_life(2))
    assert len(env.remarks) == 2
    env.close()


def test_a_replacement_gets_the_parameters_of_the_last_reset(tmp_path):
    env = make_workers(Parametric)
    steps = play(env, env.reset({"size": 4.0}), 2)
    environment_processes()[0].kill()
    steps = play(env, play_until(env, steps, has_life(1)), 1)
    assert steps[NAME].rewards[0] == 4.0
    env.close()


@pytest.mark.parametrize(
    ("limits", "restarts", "sentence"),
    [
        (RestartLimits(0, -1), 0, "after 0 restarts, and max_lifetime_restarts allows 0"),
        (RestartLimits(2, -1), 2, "after 2 restarts, and max_lifetime_restarts allows 2"),
        (RestartLimits(), 1, "after 1 restarts, and restarts_rate_limit_n allows 1 in 60 s"),
    ],
)
def test_beyond_the_limits_the_first_failure_is_told(limits, restarts, sentence):
    env = make_workers(partial(FaultyLine, "raise_error", when=1), limits=limits)
    steps = env.reset()
    with pytest.raises(EnvError, match="worker 0 failed once more") as caught:
        play(env, steps, 100)
    assert len(env.remarks) == restarts
    text = str(caught.value)
    assert sentence in text
    assert "Its first failure: ValueError: the ball is gone\n\nTraceback" in text
    assert "in raise_error" in text
    with pytest.raises(EnvError, match="failed once more"):  # it stays so
        env.reset()
    env.close()


def test_a_worker_that_cannot_make_its_environment_ends_the_start():
    with pytest.raises(EnvError) as caught:
        make_workers(partial(make_env, "3DBall"), Broken)
    assert str(caught.value) == "worker 1: there is no scene 'Nowhere'."
    assert not environment_processes()


@pytest.mark.parametrize("fault", ["be_killed", "raise_error", "hang"])
def test_a_failure_in_the_first_reset_is_not_retried(fault):
    env = make_workers(partial(FaultyLine, fault, when=0), limits=NO_LIMITS, step_timeout=2.0)
    with pytest.raises(EnvError, match=f"worker 0: {SENTENCES[fault]}"):
        env.reset()
    env.close()
    assert not environment_processes()


def test_a_maker_that_cannot_be_sent_is_refused():
    with pytest.raises(EnvError, match=r"worker 0: its process cannot be started: .*lambda"):
        make_workers(lambda: make_env("3DBall"))


def test_a_step_that_is_not_what_its_spec_says_is_refused():
    env = make_workers(WrongShape)
    with pytest.raises(EnvError, match=r"observation 0 is float32 of shape \(1, 2\); expected"):
        env.reset()
    env.close()


def test_workers_with_different_specs_are_refused():
    with pytest.raises(EnvError, match=r"worker \d: toy-continuous is 'obs \[\d\]; .* but was"):
        make_workers(partial(choose_spec, 1), partial(choose_spec, 2))


def test_a_player_dies_with_its_worker():
    env = make_workers(WithPlayer)
    steps = env.reset()
    (worker,) = environment_processes()
    (player,) = worker.children()
    worker.kill()
    play_until(env, steps, has_life(1))
    assert gone(player)
    env.close()


def test_a_worker_that_is_killed_for_its_silence_takes_along_what_it_has_started():
    env = make_workers(partial(WithPlayer, stuck=True, told=False), step_timeout=0.5)
    steps = env.reset()
    (player,) = environment_processes()[0].children()
    with pytest.raises(EnvError, match=r"it said nothing for 0.5 s, and was killed"):
        play(env, steps, 3)
    assert gone(player)
    env.close()


def test_twenty_kills_leave_nothing_behind():
    makers = [partial(make_env, "toy-fuzz", seed=seed) for seed in range(2)]
    env = make_workers(*makers, limits=NO_LIMITS)
    generator = np.random.default_rng(1)
    steps, known, kills = env.reset(), set(), 0
    while kills < 20:
        for _ in range(generator.integers(1, 12)):
            alive = ~steps["toy-fuzz"].ended
            known.update(steps["toy-fuzz"].agent_ids[alive].tolist())
            steps = env.step(answers(env, steps, generator))
            lost = env.take_lost().get("toy-fuzz", np.zeros(0, np.int64)).tolist()
            assert known.issuperset(lost)
            assert len(set(lost)) == len(lost)
            assert not set(lost).intersection(steps["toy-fuzz"].agent_ids.tolist())
            known.difference_update(lost)
        victims = environment_processes()
        victims[generator.integers(len(victims))].kill()
        kills += 1
    assert len(env.remarks) > 10  # some were hit while they started, or twice
    env.close()
    assert not environment_processes()


def test_a_stopped_worker_does_not_keep_close_waiting_for_ever(monkeypatch):
    monkeypatch.setattr(workers, "CLOSE_SECONDS", 0.5)
    monkeypatch.setattr(workers, "TERMINATE_SECONDS", 0.5)
    env = make_workers(partial(make_env, "3DBall"))
    env.reset()
    (worker,) = environment_processes()
    os.kill(worker.pid, signal.SIGSTOP)
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 3
    assert not psutil.pid_exists(worker.pid)
