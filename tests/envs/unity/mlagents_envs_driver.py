"""Drives a player with ML-Agents' own package, in a Python that has it, and says what it saw.

    python mlagents_envs_driver.py BUILD PORT STEPS [ARGUMENT ...]

An empty BUILD waits for the Editor at PORT. One JSON object is printed.
"""

import json
import sys
import uuid

import numpy as np
from mlagents_envs.base_env import ActionTuple
from mlagents_envs.environment import UnityEnvironment
from mlagents_envs.side_channel.engine_configuration_channel import EngineConfigurationChannel
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
from mlagents_envs.side_channel.raw_bytes_channel import RawBytesChannel
from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel


def action(spec, number, rows):
    """The same for all agents, by the number of the step."""
    continuous = np.full((rows, spec.continuous_size), np.sin(number), np.float32)
    discrete = [[number % size for size in spec.discrete_branches]] * rows
    return ActionTuple(continuous, np.array(discrete, np.int32).reshape(rows, spec.discrete_size))


def total(steps):
    """A number for each of rewards, rewards of groups, and observations."""
    rewards = [steps.reward, steps.group_reward, *steps.obs]
    return [float(np.sum(each, dtype=np.float64)) for each in rewards]


def play(env, steps):
    """What is seen in `steps` steps."""
    name = next(iter(env.behavior_specs))
    spec = env.behavior_specs[name]
    found = {
        "behavior": name,
        "shapes": [each.shape for each in spec.observation_specs],
        "types": [each.observation_type.value for each in spec.observation_specs],
        "actions": [spec.action_spec.continuous_size, list(spec.action_spec.discrete_branches)],
        "first": [int(each) for each in env.get_steps(name)[0].agent_id],
        "deciding": [],
        "ended": 0,
        "interrupted": 0,
        "totals": [],
        "groups": [],
    }
    for number in range(steps):
        decisions, ends = env.get_steps(name)
        found["deciding"].append(len(decisions))
        found["ended"] += len(ends)
        found["interrupted"] += int(np.sum(ends.interrupted))
        found["totals"].append(np.add(total(decisions), total(ends)).tolist())
        found["groups"] = sorted({*found["groups"], *map(int, decisions.group_id)})
        env.set_actions(name, action(spec.action_spec, number, len(decisions)))
        env.step()
    return found


def main(build, port, steps, *arguments):
    """Greets the player, speaks on every side channel, plays, and says good bye."""
    engine, parameters = EngineConfigurationChannel(), EnvironmentParametersChannel()
    statistics, raw = StatsSideChannel(), RawBytesChannel(uuid.UUID(int=77))
    env = UnityEnvironment(
        build or None,
        base_port=int(port),
        seed=5,
        num_areas=3,
        timeout_wait=30,
        no_graphics=bool(build),
        side_channels=[engine, parameters, statistics, raw],
        additional_args=list(arguments),
    )
    try:
        engine.set_configuration_parameters(width=84, height=84, time_scale=20)
        parameters.set_float_parameter("scale", 1.0)
        parameters.set_gaussian_sampler_parameters("unheard_of", 1.0, 0.1, 3)
        raw.send_raw_data(b"hello")
        env.reset()
        found = play(env, int(steps))
        found["episodes"] = [
            value for values in statistics.get_and_reset_stats().values() for value, _ in values
        ]
        found["echoes"] = [bytes(each).decode() for each in raw.get_and_clear_received_messages()]
        env.reset()
        found["second"] = [int(each) for each in env.get_steps(found["behavior"])[0].agent_id]
    finally:
        env.close()  # or its threads go on
    print(json.dumps(found))


main(*sys.argv[1:])
