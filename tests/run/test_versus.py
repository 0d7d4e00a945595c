"""Runs against runs."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.versus import compete, match_figures, told
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, make_step, stack_steps
from mlagents_tf.trainers.actor import Decision

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(1))
SELF_PLAY = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 32, buffer_size: 64, num_epoch: 1}
  network_settings: {hidden_units: 8, num_layers: 1}
  max_steps: 100
  summary_freq: 50
  checkpoint_interval: 50
  self_play: {save_steps: 40}
"""


class Duels:
    """Who says the larger number wins at the next step; of equals nobody does.

    Args:
        areas: duels at a time.
        handicap: is taken from what team 1 says.
        teams: how many.
    """

    def __init__(self, areas, handicap=0.0, teams=2):
        self.specs = {f"Duel?team={k}": SPEC for k in range(teams)}
        self.areas, self.handicap = areas, handicap
        self._next = 0
        self._playing = {}

    def reset(self, parameters=None):
        return {name: self._begin(name) for name in self.specs}

    def _begin(self, name):
        ids = self._playing[name] = np.arange(self._next, self._next + self.areas)
        self._next += self.areas
        return make_step(ids, (np.zeros((self.areas, 1), np.float32),))

    def step(self, actions):
        said = {name: action.continuous[:, 0] for name, action in actions.items()}
        lead = said["Duel?team=0"] - said["Duel?team=1"] + self.handicap
        steps = {}
        for name in self.specs:
            rewards = lead if name == "Duel?team=0" else -lead
            ended = make_step(
                self._playing[name],
                (np.zeros((self.areas, 1), np.float32),),
                rewards.astype(np.float32),
                terminated=np.ones(self.areas, np.bool_),
            )
            steps[name] = stack_steps(ended, self._begin(name))
        return steps


def saying(number):
    """A player of one idea."""

    def decide(obs, allowed, rng, memories):
        count = len(obs[0])
        continuous = np.full((count, 1), number, np.float32)
        nothing = np.zeros((count, 0), np.int32)
        return Decision(Actions(continuous, nothing), continuous, nothing, memories, None)

    return SimpleNamespace(actor=SimpleNamespace(memory_size=0, decide=decide))


def everywhere(env, player):
    return dict.fromkeys(env.specs, player)


def test_the_better_wins_every_game_as_either_team():
    env = Duels(4)
    scores = compete(env, everywhere(env, saying(0.5)), everywhere(env, saying(0.1)), 11)
    assert {team: found.tolist() for team, found in scores.items()} == {0: [1.0] * 6, 1: [1.0] * 5}


def test_an_unfair_game_is_shared_by_playing_both_sides():
    env = Duels(4, handicap=1.0)  # whoever is team 0 wins
    scores = compete(env, everywhere(env, saying(0.5)), everywhere(env, saying(0.1)), 10)
    assert {team: found.tolist() for team, found in scores.items()} == {0: [1.0] * 5, 1: [0.0] * 5}


def test_equals_draw():
    env = Duels(4)
    scores = compete(env, everywhere(env, saying(0.5)), everywhere(env, saying(0.5)), 4)
    assert np.concatenate(list(scores.values())).tolist() == [0.5] * 4


def test_nobody_plays_against_nobody():
    env = Duels(4, teams=1)
    with pytest.raises(SettingsError, match="one team only"):
        compete(env, everywhere(env, saying(0.5)), everywhere(env, saying(0.1)), 10)


def test_what_is_told_of_nine_wins_in_ten():
    found = match_figures(np.array([1.0] * 9 + [0.0]))
    assert (found["won"], found["drawn"], found["lost"]) == (9, 0, 1)
    assert found["elo_difference"] == pytest.approx(400 * np.log10(9))  # 381.7
    assert "9 won, 0 drawn, 1 lost of 10 games: score 0.900" in told(found)
    assert "ELO difference +382 (" in told(found)


def test_draws_count_half():
    assert match_figures(np.array([1.0, 0.5]))["score"] == 0.75


def test_an_infinite_difference_is_told_by_its_bound():
    always = match_figures(np.ones(200))
    assert always["elo_difference"] is None
    assert told(always).endswith("ELO difference at least +687")
    assert told(match_figures(np.zeros(200))).endswith("ELO difference at most -687")


@pytest.fixture(scope="module")
def tennis(tmp_path_factory):
    """A run of two teams that has hardly begun."""
    folder = tmp_path_factory.mktemp("tennis")
    config = folder / "config.yaml"
    config.write_text(SELF_PLAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        arguments = ["--env", "Tennis", "--run-id", "r", "--results-dir", str(folder), "--seed=1"]
        assert main(["learn", str(config), *arguments]) == 0
    return folder / "r"


def test_both_teams_have_one_trainer_and_one_model(tennis):
    assert (tennis / "Tennis" / "statistics.csv").is_file()
    assert (tennis / "Tennis.onnx").is_file()


def test_a_run_plays_against_one_of_its_checkpoints(tennis, capsys):
    first = min((tennis / "checkpoints").iterdir())
    arguments = ["evaluate", str(tennis), "--against", str(first), "--games", "6", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["games"] == found["won"] + found["drawn"] + found["lost"] == 6
    assert [team["games"] for team in found["teams"].values()] == [3, 3]
    assert main(arguments[:-1]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("  as team 0: ")


def test_evaluation_without_an_opponent_plays_both_teams(tennis, capsys):
    assert main(["evaluate", str(tennis), "--episodes", "3", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["Tennis?team=0", "Tennis?team=1"]
