import subprocess
import sys

import pytest

from mlagents_tf.envs.embedded.ball import Ball3D
from mlagents_tf.envs.registry import EMBEDDED, list_envs, make_env
from mlagents_tf.errors import EnvError

AREAS = {
    "Basic": 1,
    "3DBall": 12,
    "3DBallHard": 12,
    "PushBlock": 32,
    "Pyramids": 16,
    "Hallway": 16,
    "GridWorld": 9,
    "GridWorldVector": 9,
    "Match3": 16,
    "FoodCollector": 4,
    "Sorter": 16,
    "CooperativePushBlock": 9,
    "DungeonEscape": 9,
    "WallJump": 24,
    "Tennis": 18,
    "SoccerTwos": 8,
    "StrikersVsGoalie": 8,
}
AGENTS = {  # in an area; elsewhere 1
    "FoodCollector": 5,
    "CooperativePushBlock": 3,
    "DungeonEscape": 3,
    "Tennis": 2,
    "SoccerTwos": 4,
    "StrikersVsGoalie": 3,
}


@pytest.mark.parametrize(("name", "areas"), AREAS.items())
def test_an_embedded_environment_has_its_scenes_number_of_areas(name, areas):
    agents = AGENTS.get(name, 1)
    assert num_deciding(make_env(name).reset()) == areas * agents
    assert num_deciding(make_env(name, num_areas=2).reset()) == 2 * agents


def num_deciding(steps):
    return sum(step.num_deciding for step in steps.values())


def test_the_list_shows_specs_and_hides_toys_until_asked():
    rows = list_envs()
    assert {row.name: row.default_areas for row in rows} == AREAS
    assert next(row for row in rows if row.name == "3DBall").spec == "obs [8]; continuous 2"
    assert {row.name for row in list_envs(toys=True)} == set(EMBEDDED)


def test_every_name_is_the_behaviors_own():
    assert all(env.behavior == name for name, env in EMBEDDED.items())
    assert isinstance(make_env("3DBall"), Ball3D)


def test_a_seed_decides_how_episodes_begin():
    first, same, other = (make_env("3DBall", seed=seed).reset()["3DBall"] for seed in (1, 1, 2))
    assert (first.obs[0] == same.obs[0]).all()
    assert (first.obs[0] != other.obs[0]).any()


def test_an_unknown_name_says_what_there_is_and_what_is_near():
    with pytest.raises(EnvError, match=r"no Unity build is here\. Did you mean '3DBall'"):
        make_env("3dbal")
    with pytest.raises(EnvError, match=r"Known names: Basic, 3DBall, .*, gym:ID .* Unity builds"):
        make_env("Crawler")
    with pytest.raises(EnvError, match=r"'builds/Crawler.x86_64': there is no Unity build here"):
        make_env("builds/Crawler.x86_64")


def test_the_registry_imports_neither_gymnasium_nor_tensorflow():
    code = (
        "import sys, mlagents_tf.envs.registry;"
        "print(sorted({'gymnasium', 'tensorflow', 'PIL'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
