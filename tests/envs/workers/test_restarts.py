"""Pauses double, and limits are those of ML-Agents."""

import pytest

from mlagents_tf.envs.workers.restarts import Failure, RestartLimits, Restarts
from mlagents_tf.errors import EnvError

FAILURE = Failure("its process was killed by SIGKILL")


def test_pauses_double_up_to_half_a_minute_until_a_step_succeeds():
    restarts = Restarts(RestartLimits(-1, -1))
    pauses = [restarts.pause(0, FAILURE, 0.0) for _ in range(11)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    restarts.worked()
    assert restarts.pause(0, FAILURE, 0.0) == 0.1


def test_a_rate_is_counted_over_its_period():
    restarts = Restarts(RestartLimits(-1, 2, 60.0))
    restarts.pause(0, FAILURE, 0.0)
    restarts.pause(0, FAILURE, 30.0)
    restarts.pause(0, FAILURE, 60.0)  # the first is a whole period old
    with pytest.raises(EnvError, match=r"worker 3 failed once more after 3 restarts, .* 2 in 60 s"):
        restarts.pause(3, FAILURE, 89.0)


def test_the_lifetime_limit_is_kept_however_slow_the_failures():
    restarts = Restarts(RestartLimits(2, -1))
    restarts.pause(0, FAILURE, 0.0)
    restarts.worked()
    restarts.pause(0, FAILURE, 1e6)
    with pytest.raises(EnvError, match="max_lifetime_restarts allows 2"):
        restarts.pause(0, FAILURE, 2e6)


def test_the_error_tells_the_first_failure_since_the_worker_worked():
    restarts = Restarts(RestartLimits(2, -1))
    restarts.pause(0, Failure("long ago"), 0.0)
    restarts.worked()
    restarts.pause(0, Failure("ValueError: first", "Traceback\n  here\n"), 1.0)
    with pytest.raises(EnvError) as caught:
        restarts.pause(0, FAILURE, 2.0)
    assert str(caught.value).endswith("first failure: ValueError: first\n\nTraceback\n  here")
