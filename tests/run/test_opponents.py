"""Who learns, who plays against whom, and what it does to ratings."""

from types import SimpleNamespace

import numpy as np
import pytest

from mlagents_tf.errors import EnvError
from mlagents_tf.nn.weights import named_weights
from mlagents_tf.run.opponents import SelfPlay
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.settings.load import load_settings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step

SPEC = Spec((ObservationSpec((2,)),), ActionSpec(1))
CONFIG = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 8, buffer_size: 16}
  network_settings: {hidden_units: 4, num_layers: 1}
  max_steps: 1000
  self_play:
    {save_steps: 10, team_change: 50, swap_steps: 6, window: 2,
     play_against_latest_model_ratio: RATIO, initial_elo: 1000}
env_settings: {seed: 3}
"""
FIRST, SECOND = "Game?team=0", "Game?team=1"


class Club:
    """Self-play of trainers that are told how far they have come."""

    def __init__(self, folder, ratio):
        path = folder / "config.yaml"
        path.write_text(CONFIG.replace("RATIO", str(ratio)))
        self.settings = load_settings(path).settings
        self.notices, self.warnings, self.trainers = [], [], {}
        self.self_play = self.new()

    def new(self):
        return SelfPlay(self.settings, self.notices.append, self.warnings.append)

    def trainer(self, behavior):
        name = self.settings.trainer_name(behavior)
        if name not in self.trainers:
            chosen = self.settings.for_behavior(name)
            self.trainers[name] = make_trainer(name, SPEC, chosen, len(self.trainers))
        return self.trainers[name]

    def observe(self, behavior, *deciding, **ended):
        """Passes a step on; `won`, `lost`, `drawn` and `cut` say whose episodes end how."""
        return self.self_play.observe(behavior, self.trainer(behavior), step(deciding, **ended))

    def learn(self, name, steps, shift=1.0):
        """A trainer has taken decisions, and its weights have moved."""
        trainer = self.trainers[name]
        trainer.steps += steps
        for weight in named_weights(trainer.network.policy).values():
            weight.assign_add(np.full(weight.shape, shift))

    @property
    def ladder(self):
        return self.self_play.ladders["Game"]


def step(deciding, won=(), lost=(), drawn=(), cut=()):
    ids = [*won, *lost, *drawn, *cut, *deciding]
    over = [i in (*won, *lost, *drawn) for i in ids]
    rewards = [1.0 * (i in won) - 1.0 * (i in lost) for i in ids]
    return make_step(
        np.array(ids, np.int64),
        (np.zeros((len(ids), 2), np.float32),),
        np.array(rewards, np.float32),
        terminated=np.array(over, np.bool_),
        interrupted=np.array([i in cut for i in ids], np.bool_),
    )


def weights_of(player):
    return {name: np.asarray(w).copy() for name, w in named_weights(player.network.policy).items()}


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def club(tmp_path):
    """Two teams that have met; opponents are snapshots, never the newest."""
    return met(Club(tmp_path, 0.0))


@pytest.fixture
def modern(tmp_path):
    """The same, whose opponents are always the newest."""
    return met(Club(tmp_path, 1.0))


def met(club):
    assert club.observe(FIRST, 0)
    assert not club.observe(SECOND, 1)
    return club


def test_who_was_met_first_learns_and_the_other_plays_its_first_weights(club):
    assert club.self_play.opponent(FIRST) is None
    opponent = club.self_play.opponent(SECOND)
    assert same(opponent.snapshot.weights, weights_of(club.trainers["Game"]))
    actions = club.self_play.act(opponent, step([1, 2, 3]))
    assert actions.continuous.shape == (3, 1)


def test_an_opponent_does_not_learn_with_its_trainer(club):
    before = club.self_play.opponent(SECOND).snapshot.weights
    kept = {name: array.copy() for name, array in before.items()}
    club.learn("Game", 5)
    assert same(kept, club.self_play.opponent(SECOND).snapshot.weights)
    assert not same(kept, weights_of(club.trainers["Game"]))


def test_snapshots_are_taken_after_more_than_save_steps_and_the_oldest_forgotten(club):
    club.learn("Game", 10)
    assert not club.ladder.save_due
    club.learn("Game", 1)
    for steps in (11, 22, 33):
        assert club.self_play.due
        club.self_play.advance()
        assert club.ladder.pool[-1].steps == steps
        club.learn("Game", 11)
    assert [snapshot.steps for snapshot in club.ladder.pool] == [22, 33]


def test_opponents_are_exchanged_after_more_than_swap_steps_of_theirs(club):
    club.learn("Game", 11)
    club.self_play.advance()  # a snapshot
    for _ in range(5):
        club.observe(SECOND, 1)
    assert club.ladder.steps == 6
    assert not club.ladder.swap_due
    club.observe(SECOND, 1)
    assert club.ladder.swap_due
    drawn = set()
    for _ in range(30):
        club.ladder.swap(0, np.random.default_rng(len(drawn)))
        drawn.add(club.self_play.opponent(SECOND).snapshot.steps)
    assert drawn <= {0, 11}
    assert not club.ladder.swap_due


def test_the_ratio_decides_between_snapshots_and_the_newest_policy(tmp_path):
    club = met(Club(tmp_path, 0.25))
    club.learn("Game", 5)
    rng = np.random.default_rng(0)
    newest = 0
    for _ in range(200):
        club.ladder.swap(0, rng)
        newest += club.self_play.opponent(SECOND).snapshot.steps == 5
    assert 35 <= newest <= 65


def test_after_more_than_team_change_steps_the_other_team_learns(club):
    club.learn("Game", 50)
    assert not club.self_play.advance()
    club.learn("Game", 1)
    assert club.self_play.advance()
    assert club.self_play.opponent(SECOND) is None
    assert club.self_play.opponent(FIRST).snapshot in club.ladder.pool
    assert club.notices == ["Self-play: team 1 learns now (Game)."]
    club.learn("Game", 50)
    assert not club.self_play.advance()
    club.learn("Game", 1)
    assert club.self_play.advance()
    assert club.self_play.opponent(FIRST) is None


def test_a_win_among_equals_is_half_a_point(club):
    club.observe(FIRST, 2, won=[0])
    assert club.ladder.elo == 1000.5
    assert club.self_play.opponent(SECOND).snapshot.elo == 999.5


def test_the_results_of_one_step_count_together(club):
    club.observe(FIRST, 2, 4)
    club.observe(FIRST, won=[0, 2], lost=[4])
    assert club.ladder.elo == 1000.5


def test_points_depend_on_the_difference(club):
    club.ladder.elo = 1400.0
    club.observe(FIRST, lost=[0])
    assert club.ladder.elo == pytest.approx(1400.0 - 10 / 11)
    assert club.self_play.opponent(SECOND).snapshot.elo == pytest.approx(1000.0 + 10 / 11)


def test_what_is_cut_has_no_result(club):
    club.observe(FIRST, cut=[0])
    assert club.ladder.elo == 1000.0


def test_a_copy_of_the_newest_is_rated_apart_from_it(modern):
    modern.observe(FIRST, won=[0])
    assert modern.ladder.elo == 1000.5
    assert modern.self_play.opponent(SECOND).rated.elo == 999.5


def test_behaviors_of_two_teams_learn_in_turn(tmp_path):
    club = Club(tmp_path, 1.0)
    assert club.observe("Striker?team=0", 0)
    assert not club.observe("Goalie?team=1", 1)
    club.observe("Striker?team=0", won=[0])
    striker, goalie = (club.self_play.ladders[name] for name in ("Striker", "Goalie"))
    assert striker.elo == 1000.5
    assert goalie.elo == 999.5  # the newest goalie is the one that let it in
    club.learn("Striker", 51)
    assert club.self_play.advance()
    assert club.self_play.opponent("Goalie?team=1") is None
    opponent = club.self_play.opponent("Striker?team=0")
    assert opponent.snapshot.steps == 51
    assert opponent.rated is striker


def test_mates_of_two_behaviors_learn_together(tmp_path):
    club = Club(tmp_path, 0.0)
    names = [f"{role}?team={team}" for team in (0, 1) for role in ("Striker", "Goalie")]
    assert [club.observe(name, k) for k, name in enumerate(names)] == [True, True, False, False]
    club.learn("Goalie", 51)
    club.learn("Striker", 40)
    assert club.self_play.advance()
    assert club.self_play.opponent("Goalie?team=1") is None
    assert club.self_play.opponent("Striker?team=1") is None
    club.learn("Striker", 50)  # counted from the change
    assert not club.self_play.advance()


def test_a_team_that_is_finished_leaves_its_turn_to_the_other(tmp_path):
    club = Club(tmp_path, 0.5)
    club.observe("Striker?team=0", 0)
    club.observe("Goalie?team=1", 1)
    club.trainers["Striker"].steps = 1000
    assert club.self_play.advance()
    for _ in range(5):
        club.learn("Goalie", 51)
        assert not club.self_play.advance()
    club.trainers["Goalie"].steps = 1000
    assert not club.self_play.advance()


def test_one_team_alone_is_said_once(tmp_path):
    club = Club(tmp_path, 0.5)
    club.observe(FIRST, 0)
    assert club.self_play.elo("Game") == club.self_play.elo("Game") == 1000.0
    (warning,) = club.warnings
    assert "only team 0 has agents" in warning


def test_behaviors_without_self_play_are_left_alone(club):
    other = SimpleNamespace(settings=SimpleNamespace(self_play=None), behavior="Other")
    assert club.self_play.observe("Other", other, step([0]))
    assert club.self_play.opponent("Other") is None
    assert club.self_play.elo("Other") is None


def test_what_an_opponent_sees_is_checked(club):
    nans = step([1])._replace(obs=(np.full((1, 2), np.nan, np.float32),))
    with pytest.raises(EnvError, match=r"team=1: .* is nan"):
        club.self_play.observe(SECOND, club.trainers["Game"], nans)


def test_everything_goes_on_where_it_was_saved(club, tmp_path):
    for _ in range(3):
        club.learn("Game", 11)
        club.self_play.advance()
        club.observe(SECOND, 1, 5)
    club.observe(FIRST, 2, won=[0])
    club.learn("Game", 30)
    club.self_play.advance()
    club.observe(SECOND, 1)
    club.self_play.write(tmp_path)
    resumed = club.new()
    resumed.load(tmp_path, club.trainers)
    ways = []
    for self_play in (club.self_play, resumed):
        club.self_play = self_play
        ladder = self_play.ladders["Game"]
        found = []
        for k in range(8):
            club.observe(SECOND, 10 + k)
            found += [self_play.advance()]
        for behavior in (FIRST, SECOND):
            club.observe(behavior, won=[2])
            playing = self_play.opponent(behavior)
            found.append(playing and (playing.snapshot.steps, playing.snapshot.elo))
        found += [ladder.elo, [(each.steps, each.elo) for each in ladder.pool]]
        ways.append(found)
    assert ways[0] == ways[1]
    pools = [play.ladders["Game"].pool for play in (club.self_play, resumed)]
    assert all(same(a.weights, b.weights) for a, b in zip(*pools, strict=True))


def test_a_smaller_window_keeps_the_youngest(club, tmp_path):
    club.learn("Game", 11)
    club.self_play.advance()
    club.self_play.write(tmp_path)
    chosen = club.trainers["Game"].settings
    smaller = chosen.self_play.model_copy(update={"window": 1})
    club.trainers["Game"].settings = chosen.model_copy(update={"self_play": smaller})
    resumed = club.new()
    resumed.load(tmp_path, club.trainers)
    assert [snapshot.steps for snapshot in resumed.ladders["Game"].pool] == [11]
