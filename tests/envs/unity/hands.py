"""A script for ML-Agents' low-level interface that writes down all that it sees.

Arguments: the package that offers the interface, a build, a port, a file to write.
"""

import importlib
import sys

import numpy as np

package, build, port, path = sys.argv[1:]
base_env = importlib.import_module(f"{package}.base_env")
environment = importlib.import_module(f"{package}.environment")

np.random.seed(5)  # noqa: NPY002, TID251 - as scripts do; both packages draw from it
seen = {}


def note(*values):
    """Writes down one value after the other."""
    for value in values:
        seen[f"{len(seen):06}"] = np.asarray(value)


def note_agents(agents, *more):
    """Everything about agents, as columns and one by one."""
    groups = np.asarray(agents.group_id, np.int32)  # a list, in ML-Agents
    note(*agents.obs, agents.reward, agents.agent_id, groups, agents.group_reward, *more)
    for agent_id in agents:
        for value in agents[agent_id]:
            if isinstance(value, list):
                note(*value)
            else:
                note(-1 if value is None else value)


env = environment.UnityEnvironment(build, base_port=int(port), seed=3)
env.reset()
for turn in range(40):
    for name, spec in sorted(env.behavior_specs.items()):
        for observation in spec.observation_specs:
            note(
                observation.shape,
                [int(each) for each in observation.dimension_property],
                observation.observation_type.value,
                observation.name,
            )
        note(str(spec.action_spec), spec.action_spec.discrete_size)
        deciding, ended = env.get_steps(name)
        note_agents(deciding, *(deciding.action_mask or ()))
        note_agents(ended, ended.interrupted)
        actions = spec.action_spec.random_action(len(deciding))
        note(actions.continuous, actions.discrete)
        if turn % 3 == 0:
            env.set_actions(name, actions)
        elif turn % 3 == 1 and len(deciding):
            one = spec.action_spec.random_action(1)
            env.set_action_for_agent(name, int(deciding.agent_id[-1]), one)
        empty = base_env.DecisionSteps.empty(spec)
        note(*empty.obs, empty.reward, empty.agent_id)
    env.step()
env.close()
np.savez(path, **seen)
