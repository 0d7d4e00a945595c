"""What a test of workers that fails has started does not disturb the next one."""

import contextlib

import psutil
import pytest

from tests.envs.workers.playing import environment_processes


@pytest.fixture(autouse=True)
def _nobody_stays():
    yield
    for process in environment_processes():
        with contextlib.suppress(psutil.Error):
            process.kill()
