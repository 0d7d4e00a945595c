"""In every format a policy acts as it does in the run, or is not exported."""

import itertools

import numpy as np
import pytest

from mlagents_tf.errors import DataError, SettingsError, StorageError
from mlagents_tf.export import formats, packages
from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.export.models import open_model
from mlagents_tf.export.verify import BATCHES
from mlagents_tf.trainers.actor import Actor
from tests.export.policies import (
    ALGORITHMS,
    EVERY_CASE,
    FORMATS,
    MEMORIES,
    PAIRWISE,
    inputs_of,
    make_policy,
)


@pytest.fixture(params=FORMATS)
def name(request):
    needs_packages(request.param)
    return request.param


def needs_packages(name):
    if name == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")


def exported(policy, name, directory):
    path = directory / f"model{SUFFIXES[name]}"
    export_policy(policy, name, path)
    return open_model(path)


def check_acts_alike(policy, model):
    """The model takes the likeliest actions that a trainer's actor takes, and remembers as much."""
    for rows in BATCHES:
        obs, allowed, memories, inputs = inputs_of(policy, rows)
        actor = Actor(policy, deterministic=True)
        taken = actor.decide(obs, allowed, np.random.default_rng(0), memories)
        outputs = model.run(inputs)
        if policy.spec.actions.continuous_size:
            found = outputs["deterministic_continuous_actions"]
            np.testing.assert_allclose(found, taken.actions.continuous, rtol=1e-5, atol=1e-5)
        if policy.spec.actions.num_branches:
            found = outputs["deterministic_discrete_actions"]
            np.testing.assert_array_equal(found, taken.actions.discrete)
        if policy.memory_size:
            found = outputs["recurrent_out"]
            np.testing.assert_allclose(found[:, 0], taken.memories, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", PAIRWISE, ids=" ".join)
def test_an_exported_policy_takes_the_same_actions(case, tmp_path):
    *kind, name = case
    needs_packages(name)
    policy = make_policy(*kind)
    check_acts_alike(policy, exported(policy, name, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY_CASE, ids=" ".join)
def test_an_exported_policy_of_any_kind_takes_the_same_actions(case, tmp_path):
    test_an_exported_policy_takes_the_same_actions(case, tmp_path)


@pytest.mark.parametrize("memory", MEMORIES)
def test_an_exported_policy_of_poca_takes_the_same_actions(memory, name, tmp_path):
    policy = make_policy("hybrid", algorithm="poca", memory=memory)
    check_acts_alike(policy, exported(policy, name, tmp_path))


def test_the_fast_tests_have_every_pair_of_properties():
    for i, j in itertools.combinations(range(5), 2):
        assert {(case[i], case[j]) for case in PAIRWISE} == {(c[i], c[j]) for c in EVERY_CASE}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_drawn_actions_have_the_distribution_of_the_policy(algorithm, name, tmp_path):
    policy = make_policy("hybrid", algorithm=algorithm)
    rows = 20_000
    obs, _, _, inputs = inputs_of(policy, 1)
    inputs = {key: np.repeat(array, rows, axis=0) for key, array in inputs.items()}
    inputs["action_masks"] = np.tile(np.float32([1, 0, 1]), (rows, 1))
    outputs = exported(policy, name, tmp_path).run(inputs)

    means, log_stds, logits, _ = (tensor.numpy() for tensor in policy(obs))
    noise = np.random.default_rng(0).standard_normal((rows, 2))
    expected = policy.squashed((means + np.exp(log_stds) * noise).astype(np.float32)).numpy()
    drawn = outputs["continuous_actions"]
    np.testing.assert_allclose(drawn.mean(axis=0), expected.mean(axis=0), atol=0.04)
    np.testing.assert_allclose(drawn.std(axis=0), expected.std(axis=0), atol=0.04)

    options = outputs["discrete_actions"][:, 0]
    probability = 1 / (1 + np.exp(logits[0, 2] - logits[0, 0]))
    assert not (options == 1).any()
    assert (options == 0).mean() == pytest.approx(probability, abs=0.02)


def test_a_model_that_acts_differently_is_not_kept(name, tmp_path, monkeypatch):
    policy, other = make_policy("continuous"), make_policy("continuous", seed=5)
    path = tmp_path / f"model{SUFFIXES[name]}"
    export_policy(policy, name, path)
    write = formats.WRITERS[name]
    monkeypatch.setitem(formats.WRITERS, name, lambda _, path: write(other, path))
    with pytest.raises(DataError, match=r"model.*was not exported.*differs from the policy by"):
        export_policy(policy, name, path)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    check_acts_alike(policy, open_model(path))


def test_a_model_that_chooses_differently_is_not_kept(tmp_path, monkeypatch):
    policy, other = make_policy("discrete"), make_policy("discrete", seed=5)
    write = formats.WRITERS["savedmodel"]
    monkeypatch.setitem(formats.WRITERS, "savedmodel", lambda _, path: write(other, path))
    with pytest.raises(DataError, match="deterministic_discrete_actions differs from the policy"):
        export_policy(policy, "savedmodel", tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_export_replaces_the_one_before(name, tmp_path):
    path = tmp_path / f"model{SUFFIXES[name]}"
    for seed in range(2):
        policy = make_policy("hybrid", seed=seed)
        assert export_policy(policy, name, path) < 1e-5
        check_acts_alike(policy, open_model(path))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_is_named(name, tmp_path):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / f"model{SUFFIXES[name]}"
    with pytest.raises(StorageError, match=rf"{path}: cannot write the model"):
        export_policy(make_policy("continuous"), name, path)


def test_without_its_packages_onnx_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "ONNX_PACKAGES", ("onnx", "no_such_runtime"))
    with pytest.raises(
        SettingsError, match=r"no_such_runtime; .*pip install 'mlagents-tf\[onnx\]'"
    ):
        export_policy(make_policy("continuous"), "onnx", tmp_path / "model.onnx")
