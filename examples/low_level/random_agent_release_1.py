"""Random actions in a Unity scene, in the words of ML-Agents Release 1 (0.16).

With the path of a build as its argument it starts that; without, it waits until Play is pressed in
the Editor. A port may stand behind the path. For `mlagents_envs` 0.16, put that
name in place of `mlagents_tf.envs.unity`.
"""

import sys

from mlagents_tf.envs.unity.environment import UnityEnvironment
from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import (
    EngineConfig,
    EngineConfigurationChannel,
)
from mlagents_tf.envs.unity.side_channel.float_properties_channel import FloatPropertiesChannel

engine_channel = EngineConfigurationChannel()
properties = FloatPropertiesChannel()

env = UnityEnvironment(
    file_name=sys.argv[1] if len(sys.argv) > 1 else None,
    base_port=int(sys.argv[2]) if len(sys.argv) > 2 else None,
    seed=1,
    side_channels=[engine_channel, properties],
)
engine_channel.set_configuration(EngineConfig.default_config())
properties.set_property("scale", 1.0)
env.reset()

behavior_name = env.get_behavior_names()[0]
spec = env.get_behavior_spec(behavior_name)
print("Shapes of the observations:", spec.observation_shapes)
if spec.is_action_continuous():
    print(f"{spec.action_size} continuous actions")
if spec.is_action_discrete():
    for branch, options in enumerate(spec.discrete_action_branches):
        print(f"Branch {branch} has {options} options")

for episode in range(3):
    env.reset()
    decision_steps, terminal_steps = env.get_steps(behavior_name)
    tracked_agent = decision_steps.agent_id[0]  # whose episode this is
    episode_rewards = 0.0
    while tracked_agent not in terminal_steps:
        env.set_actions(behavior_name, spec.create_random_action(len(decision_steps)))
        if tracked_agent in decision_steps:
            env.set_action_for_agent(behavior_name, tracked_agent, spec.create_random_action(1)[0])
        env.step()
        decision_steps, terminal_steps = env.get_steps(behavior_name)
        if tracked_agent in decision_steps:
            episode_rewards += decision_steps[tracked_agent].reward
    step = terminal_steps[tracked_agent]
    how = "reached Max Step" if step.max_step else "ended"
    print(f"Episode {episode} {how} with reward {episode_rewards + step.reward:.2f}")
env.close()
