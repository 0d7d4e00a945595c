"""Random actions in a Unity scene, in the words of ML-Agents 0.28 to 1.1.

With the path of a build as its argument it starts that; without, it waits until Play is pressed in
the Editor. A port may stand behind the path. For `mlagents_envs`, put that
name in place of `mlagents_tf.envs.unity`.
"""

import sys
import uuid

from mlagents_tf.envs.unity.base_env import ActionTuple
from mlagents_tf.envs.unity.environment import UnityEnvironment
from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import (
    EngineConfigurationChannel,
)
from mlagents_tf.envs.unity.side_channel.environment_parameters_channel import (
    EnvironmentParametersChannel,
)
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel
from mlagents_tf.envs.unity.side_channel.stats_side_channel import StatsSideChannel


class TextChannel(SideChannel):
    """Sends and prints lines; the scene needs a channel of the same id."""

    def __init__(self) -> None:
        super().__init__(uuid.UUID("621f0a70-4f87-11ea-a6bf-784f4387d1f7"))

    def on_message_received(self, msg: IncomingMessage) -> None:
        print("The scene says:", msg.read_string())

    def send(self, line: str) -> None:
        message = OutgoingMessage()
        message.write_string(line)
        super().queue_message_to_send(message)


engine = EngineConfigurationChannel()
parameters = EnvironmentParametersChannel()
stats = StatsSideChannel()
text = TextChannel()

env = UnityEnvironment(
    file_name=sys.argv[1] if len(sys.argv) > 1 else None,
    base_port=int(sys.argv[2]) if len(sys.argv) > 2 else None,
    seed=1,
    side_channels=[engine, parameters, stats, text],
)
engine.set_configuration_parameters(time_scale=20.0)
parameters.set_float_parameter("scale", 1.0)
text.send("hello")
env.reset()

behavior_name = next(iter(env.behavior_specs))
spec = env.behavior_specs[behavior_name]
for observation_spec in spec.observation_specs:
    print(f"{observation_spec.name}: shape {observation_spec.shape}")
print(spec.action_spec)

for episode in range(3):
    env.reset()
    decision_steps, terminal_steps = env.get_steps(behavior_name)
    tracked_agent = -1  # whose episode this is
    episode_rewards = 0.0
    done = False
    while not done:
        if tracked_agent == -1 and len(decision_steps) >= 1:
            tracked_agent = decision_steps.agent_id[0]
        actions = spec.action_spec.random_action(len(decision_steps))
        assert isinstance(actions, ActionTuple)
        env.set_actions(behavior_name, actions)
        env.step()
        decision_steps, terminal_steps = env.get_steps(behavior_name)
        if tracked_agent in decision_steps:
            episode_rewards += decision_steps[tracked_agent].reward
        if tracked_agent in terminal_steps:
            step = terminal_steps[tracked_agent]
            episode_rewards += step.reward
            done = True
            how = "was interrupted" if step.interrupted else "ended"
            print(f"Episode {episode} {how} with reward {episode_rewards:.2f}")

for key, values in stats.get_and_reset_stats().items():
    print(f"{key}: {len(values)} values")
env.close()
