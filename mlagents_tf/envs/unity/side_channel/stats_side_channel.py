"""What a scene's StatsRecorder reports."""

from __future__ import annotations

from mlagents_tf.envs.unity.channels import STATISTICS
from mlagents_tf.envs.unity.exception import UnitySideChannelException
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel
from mlagents_tf.stats import Aggregation, EnvStatistic

StatsAggregationMethod = Aggregation
EnvironmentStats = dict[str, list[tuple[float, Aggregation]]]


class StatsSideChannel(SideChannel):
    """Keeps what is reported until somebody takes it."""

    def __init__(self) -> None:
        super().__init__(STATISTICS)
        self._statistics: list[EnvStatistic] = []

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Keeps a number."""
        name, value, aggregation = msg.read_string(), msg.read_float32(), msg.read_int32()
        try:
            self._statistics.append(EnvStatistic(name, value, Aggregation(aggregation)))
        except ValueError:
            raise UnitySideChannelException(
                f"statistic '{name}' has aggregation {aggregation}, known are 0 to 3"
            ) from None

    def take(self) -> list[EnvStatistic]:
        """What was reported since anything was taken last, in its order."""
        taken, self._statistics = self._statistics, []
        return taken

    def get_and_reset_stats(self) -> EnvironmentStats:
        """The same by name, each with how it is to be aggregated."""
        by_name: EnvironmentStats = {}
        for name, value, aggregation in self.take():
            by_name.setdefault(name, []).append((value, aggregation))
        return by_name
