import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium import spaces  # noqa: E402
from gymnasium.vector import AutoresetMode, VectorEnv  # noqa: E402
from gymnasium.vector.utils import batch_space  # noqa: E402

from mlagents_tf.envs.gymnasium import GymnasiumEnv  # noqa: E402
from mlagents_tf.envs.registry import make_env  # noqa: E402
from mlagents_tf.errors import EnvError  # noqa: E402
from mlagents_tf.specs import ActionSpec  # noqa: E402
from mlagents_tf.steps import Actions  # noqa: E402
from tests.envs.playing import continuous, discrete  # noqa: E402


class Countdown(gymnasium.Env):
    """Counts 0, 1, 2, ...; terminates at 3, or is truncated there if `truncates`."""

    observation_space = spaces.Box(0.0, 9.0, (1,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, truncates=False, render_mode=None):
        self.truncates, self.count, self.render_mode = truncates, 0, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.array([0.0]), {}

    def step(self, action):
        self.count += 1
        ends = self.count == 3
        flags = ends and not self.truncates, ends and self.truncates
        return np.array([float(self.count)]), float(action), *flags, {}


class CountdownVector(VectorEnv):
    """The same as arrays; area i begins at i, so that areas end at different times."""

    def __init__(self, num_envs, mode=AutoresetMode.NEXT_STEP, max_episode_steps=None):
        self.metadata = {"autoreset_mode": mode}
        self.num_envs, self.mode = num_envs, mode
        self.single_observation_space = Countdown.observation_space
        self.single_action_space = Countdown.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed=None, options=None):
        mask = (options or {}).get("reset_mask")
        if mask is not None:
            self.count[mask] = 0.0
        else:
            self.count = np.arange(self.num_envs, dtype=np.float64)
            self.ended = np.zeros(self.num_envs, bool)
        return self.count[:, None].copy(), {}

    def step(self, actions):
        rewards = np.asarray(actions, np.float64)
        self.count += 1
        if self.mode == AutoresetMode.NEXT_STEP:
            self.count[self.ended], rewards[self.ended] = 0.0, 0.0
        self.ended = self.count == 3
        return self.count[:, None].copy(), rewards, self.ended, np.zeros_like(self.ended), {}


@pytest.fixture(autouse=True)
def registered():
    """Our environments under Gymnasium's names, for the time of a test."""
    gymnasium.register("Countdown-v0", entry_point=Countdown)
    gymnasium.register("Countup-v0", entry_point=Countdown, kwargs={"truncates": True})
    for mode in AutoresetMode:
        gymnasium.register(
            f"Vector{mode.name}-v0", vector_entry_point=CountdownVector, kwargs={"mode": mode}
        )
    yield
    for name in list(gymnasium.registry):
        if name.startswith(("Countdown", "Countup", "Vector", "Spaces")):
            del gymnasium.registry[name]


def steps_of(env, count, options=(1, 1, 1)):
    """The first step and those after it, every agent taking option 1."""
    ((behavior, step),) = env.reset().items()
    found = [step]
    for _ in range(count):
        step = env.step({behavior: discrete(options[: step.num_deciding])})[behavior]
        found.append(step)
    return found


def test_the_last_observation_and_the_next_first_one_stand_in_one_step():
    last = steps_of(GymnasiumEnv("Countdown-v0", 2), 3)[-1]
    assert last.agent_ids.tolist() == [0, 1, 2, 3]
    assert last.terminated.tolist() == [True, True, False, False]
    assert last.obs[0].ravel().tolist() == [3.0, 3.0, 0.0, 0.0]
    assert last.rewards.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert last.obs[0].dtype == np.float32


def test_truncation_is_interruption():
    last = steps_of(GymnasiumEnv("Countup-v0", 1), 3)[-1]
    assert last.interrupted.tolist() == [True, False]
    assert not last.terminated.any()


def test_an_area_that_is_reset_by_its_next_step_waits_for_it():
    steps = steps_of(GymnasiumEnv("VectorNEXT_STEP-v0", 3), 3)
    rows = [(s.agent_ids.tolist(), s.obs[0].ravel().tolist(), s.ended.tolist()) for s in steps]
    # areas at 0, 1, 2: the third ends first and begins again one step later, and so on
    assert rows[1] == ([2, 0, 1], [3.0, 1.0, 2.0], [True, False, False])
    assert rows[2] == ([1, 0, 3], [3.0, 2.0, 0.0], [True, False, False])
    assert rows[3] == ([0, 4, 3], [3.0, 0.0, 1.0], [True, False, False])
    assert steps[2].rewards.tolist() == [1.0, 1.0, 0.0]


def test_where_all_areas_wait_the_step_is_taken_at_once():
    steps = steps_of(GymnasiumEnv("VectorNEXT_STEP-v0", 1), 3)
    assert steps[-1].agent_ids.tolist() == [0, 1]
    assert steps[-1].obs[0].ravel().tolist() == [3.0, 0.0]


def test_an_area_that_nobody_resets_is_reset_by_mask():
    steps = steps_of(GymnasiumEnv("VectorDISABLED-v0", 3), 2)
    assert steps[1].agent_ids.tolist() == [2, 0, 1, 3]
    assert steps[1].obs[0].ravel().tolist() == [3.0, 1.0, 2.0, 0.0]
    assert steps[2].agent_ids.tolist() == [1, 0, 4, 3]


def test_cartpole_uses_its_own_vector_version():
    env = GymnasiumEnv("CartPole-v1", 4)
    assert type(env._vector).__name__ == "CartPoleVectorEnv"
    assert env.specs["CartPole-v1"].describe() == "obs [4]; discrete [2]"


def test_rewards_are_cartpoles_own():
    env = GymnasiumEnv("CartPole-v1", 1, seed=5)
    steps = steps_of(env, 60)
    single = gymnasium.make_vec("CartPole-v1", 1)
    single.reset(seed=5)
    expected, count = [], 0
    while len(expected) < 5:
        _, _, terminated, _, _ = single.step(np.array([1]))
        count += 1
        if terminated[0]:
            expected.append(count)
            single.step(np.array([1]))
            count = 0
    ends = [index for index, step in enumerate(steps) if step.ended.any()]
    assert np.diff([0, *ends])[:5].tolist() == expected


def test_a_box_of_actions_is_scaled_from_minus_one_and_one():
    env = GymnasiumEnv("Pendulum-v1", 1)
    received = []
    step = env._vector.step
    env.reset()
    env._vector.step = lambda batch: received.append(batch) or step(batch)
    for action in (-1.0, 0.0, 0.5, 3.0):
        env.step({"Pendulum-v1": continuous([[action]])})
    assert np.concatenate(received).ravel().tolist() == [-2.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("CartPole-v9", r"has no such environment\. Did you mean 'gym:CartPole-v1'"),
        ("no_such_module:Own-v0", "cannot be made: No module named 'no_such_module'"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_sentence(wrong, message):
    with pytest.raises(EnvError, match=message):
        GymnasiumEnv(wrong)


def test_no_areas_are_refused():
    with pytest.raises(EnvError, match="gym:CartPole-v1: num_areas is 0"):
        GymnasiumEnv("CartPole-v1", 0)


def test_a_namespaced_id_gives_the_behavior_its_last_part():
    gymnasium.register("Countdown/Inner-v0", entry_point=Countdown)
    assert set(GymnasiumEnv("Countdown/Inner-v0").specs) == {"Inner-v0"}


def test_wrong_rows_are_refused():
    env = GymnasiumEnv("Countdown-v0", 2)
    with pytest.raises(EnvError, match="before reset"):
        env.step({"Countdown-v0": discrete([0, 0])})
    env.reset()
    with pytest.raises(EnvError, match="one row for each agent that decides"):
        env.step({"Countdown-v0": discrete([0])})
    with pytest.raises(EnvError, match="behavior 'Countdown-v0' alone"):
        env.step({})


def register_spaces(observation_space, action_space):
    """An environment of these spaces that repeats the actions it was given as infos."""

    class Spaces(Countdown):
        taken: list = []  # noqa: RUF012

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            observation_space.seed(0)
            return observation_space.sample(), {}

        def step(self, action):
            assert action_space.contains(action), action
            self.taken.append(action)
            _, *rest = super().step(0)
            return observation_space.sample(), *rest

    Spaces.observation_space, Spaces.action_space = observation_space, action_space
    gymnasium.register("Spaces-v0", entry_point=Spaces, disable_env_checker=True)
    return Spaces


SEEN = spaces.Dict(
    {
        "camera": spaces.Box(0, 255, (16, 12, 3), np.uint8),
        "hand": spaces.Tuple([spaces.Discrete(3, start=5), spaces.Box(-1, 1, (), np.float32)]),
        "map": spaces.MultiDiscrete([2, 3]),
        "flags": spaces.MultiBinary(4),
    }
)
TAKEN = spaces.Tuple(
    [
        spaces.Discrete(2),
        spaces.Box(0.0, 10.0, (2,), np.float32),
        spaces.MultiDiscrete([3, 4], start=[1, 1]),
    ]
)


def test_a_dict_of_spaces_becomes_several_observations():
    register_spaces(SEEN, TAKEN)
    env = GymnasiumEnv("Spaces-v0", 2)
    spec = env.specs["Spaces-v0"]
    names = {obs.name: obs.shape for obs in spec.observations}
    assert names == {
        "camera": (3, 16, 12),
        "flags": (4,),
        "hand/0": (3,),
        "hand/1": (1,),
        "map": (5,),
    }
    step = env.reset()["Spaces-v0"]
    by_name = dict(zip([obs.name for obs in spec.observations], step.obs, strict=True))
    assert by_name["camera"].dtype == np.uint8
    assert (by_name["hand/0"].sum(axis=1) == 1).all()
    assert (by_name["map"][:, :2].sum(axis=1) == 1).all()


def test_a_tuple_of_spaces_becomes_hybrid_actions():
    world = register_spaces(SEEN, TAKEN)
    env = GymnasiumEnv("Spaces-v0", 2)
    assert env.specs["Spaces-v0"].actions == ActionSpec(2, (2, 3, 4))
    env.reset()
    actions = Actions(
        np.array([[-1.0, 1.0], [0.0, 0.5]], np.float32), np.array([[1, 2, 3], [0, 0, 0]], np.int32)
    )
    for _ in range(3):
        step = env.step({"Spaces-v0": actions})["Spaces-v0"]
    first, second = world.taken[:2]
    assert (int(first[0]), first[1].tolist(), first[2].tolist()) == (1, [0.0, 10.0], [3, 4])
    assert (int(second[0]), second[1].tolist(), second[2].tolist()) == (0, [5.0, 7.5], [1, 1])
    assert step.agent_ids.tolist() == [0, 1, 2, 3]
    assert step.obs[0].shape == (4, 3, 16, 12)


@pytest.mark.parametrize(
    ("observation", "action", "message"),
    [
        (spaces.Text(5), spaces.Discrete(2), r"gym:Spaces-v0: observation space Text\(.* is none"),
        (spaces.Discrete(3), spaces.Text(5), r"gym:Spaces-v0: action space Text\(.* is none"),
        (spaces.Discrete(3), spaces.Box(0, 9, (1,), np.int64), "action space Box"),
    ],
)
def test_spaces_nobody_can_learn_from_are_named(observation, action, message):
    register_spaces(observation, action)
    with pytest.raises(EnvError, match=message):
        GymnasiumEnv("Spaces-v0")


def test_a_picture_is_drawn_only_if_asked_for():
    env = GymnasiumEnv("Countdown-v0")
    env.reset()
    env._vector.render = lambda: None
    with pytest.raises(EnvError, match="drawable=True"):
        env.render()


def test_a_picture_is_the_first_areas():
    pytest.importorskip("pygame")
    env = make_env("gym:CartPole-v1", num_areas=2, drawable=True)
    env.reset()
    assert env.render().shape == (400, 600, 3)
    env.close()
