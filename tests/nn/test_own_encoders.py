"""Encoders of users: found by name, built, checked, and stored under names that last."""

import itertools
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.errors import ContractError, SettingsError
from mlagents_tf.nn.check_encoder import check_encoder
from mlagents_tf.nn.own_encoders import make_encoders, own_encoder
from mlagents_tf.nn.weights import named_weights
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.nn import own
from tests.nn.networks import make_network, make_soft, random_obs

IMAGE = (3, 12, 10)
SEES = Spec((ObservationSpec(IMAGE), ObservationSpec((4,))), ActionSpec(1))
BLIND = Spec((ObservationSpec((4,)),), ActionSpec(1))
TWICE = Spec((ObservationSpec(IMAGE), ObservationSpec(IMAGE)), ActionSpec(1))


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a module, and a package that brings an encoder of it, importable."""

    def make(module="", points=""):
        (tmp_path / "brought_encoders.py").write_text(module)
        info = tmp_path / "bringing-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bringing\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mlagents_tf.encoders]\n{points}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "brought_encoders", raising=False)

    return make


def test_an_import_path_leads_to_a_class():
    assert own_encoder("tests.nn.own.MeanEncoder") is own.MeanEncoder


def test_an_entry_point_leads_to_a_class(install):
    install("from tests.nn.own import MeanEncoder", "mean = brought_encoders:MeanEncoder")
    assert own_encoder("mean") is own.MeanEncoder


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.Mine", "the module nowhere cannot be imported: ModuleNotFoundError: No module "
         "named 'nowhere'. Install its package, or put the directory that has nowhere into"),
        ("tests.nn.own.Mine", r"tests.nn.own \(.*own.py\) has no Mine."),
        ("tests.nn.own.NotAnEncoder", "no subclass of mlagents_tf.nn.encoders.ImageEncoder, but "
         "the class NotAnEncoder"),
        ("tests.nn.own.tf", "no subclass of .*, but module"),
        ("brought_encoders.Mine", "brought_encoders cannot be imported: RuntimeError: no luck.$"),
        ("absent", r"no installed package has an encoder called 'absent' \(there is: simple, .*, "
         r"broken\)"),
        ("broken", "the package bringing says it is brought_encoders:Mine, which cannot be "
         "imported: RuntimeError: no luck. Repair or uninstall"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_cause(install, name, sentence):
    install("raise RuntimeError('no luck')", "broken = brought_encoders:Mine")
    with pytest.raises(SettingsError, match=f"network_settings.encoder: .*{sentence}"):
        own_encoder(name)


def make(name, shapes=(IMAGE,), size=8):
    return make_encoders("simple", f"tests.nn.own.{name}", shapes, size, itertools.count())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("TooWide", r"makes float32 \[1, 9\] of one image \[3, 12, 10\]; .* float32 \[1, 8\]"),
        ("Idle", "never uses .*unused/kernel, .*unused/bias"),
        ("Fails", r"fails on an image .*ValueError: .*Fails.call\(\). no such thing and more.$"),
        ("Undefined", r"Undefined must define call\(\)"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_built(name, sentence):
    with pytest.raises(SettingsError, match=f"network_settings.encoder: '{name}' .*{sentence}"):
        make(name)


def test_an_encoder_says_how_small_images_may_be():
    with pytest.raises(SettingsError, match="at least 6x6, and these are 5x12"):
        make("TwoLayers", ((3, 12, 5),))


def test_without_an_image_there_is_nothing_to_encode():
    with pytest.raises(SettingsError, match="there is no image among the observations"):
        make_network(BLIND, encoder="tests.nn.own.TwoLayers")


def test_each_image_has_an_encoder_of_its_own():
    network = make_network(TWICE, encoder="tests.nn.own.MeanEncoder")
    first, second = network.policy.body.images
    assert isinstance(first, own.MeanEncoder)
    assert not np.array_equal(first.weights[0], second.weights[0])


@pytest.mark.parametrize("make_any", [make_network, make_soft])
def test_weights_have_the_same_names_whatever_keras_has_counted(make_any):
    names = named_weights(make_any(TWICE, encoder="tests.nn.own.MeanEncoder")).keys()
    assert {"actor/image_0/0_kernel", "actor/image_1/3_bias"} <= names
    keras.layers.Dense(1)
    assert named_weights(make_any(TWICE, encoder="tests.nn.own.MeanEncoder")).keys() == names


@pytest.mark.parametrize("encoder", [None, "tests.nn.own.MeanEncoder"])
@pytest.mark.parametrize("make_any", [make_network, make_soft])
def test_no_weight_of_several_images_is_lost_on_the_way_to_a_file(make_any, encoder):
    network = make_any(TWICE, encoder=encoder, vis_encode_type="fully_connected")
    weights = [w for part in network.parts().values() for w in part.weights]
    assert [id(w) for w in named_weights(network).values()] == [id(w) for w in weights]


def test_one_built_in_encoder_keeps_the_names_it_always_had():
    spec = Spec((ObservationSpec((3, 20, 20)),), ActionSpec(1))
    assert "actor/conv_0/kernel" in named_weights(make_network(spec))


def test_two_weights_of_one_name_are_an_error():
    class Careless:
        def parts(self):
            layers = [keras.layers.Dense(1, name="same") for _ in range(2)]
            for layer in layers:
                layer.build((None, 2))
            holder = keras.layers.Layer()
            holder.layers = layers
            return {"part": holder}

    with pytest.raises(ValueError, match="two weights are called part/same/kernel"):
        named_weights(Careless())


def test_the_policy_acts_on_what_the_encoder_puts_out():
    policy = make_network(SEES, encoder="tests.nn.own.MeanEncoder", num_layers=1).policy
    obs = random_obs(SEES, 3)
    means = [w.numpy() for w in policy.body.images[0].weights]
    x = obs[0].mean(axis=(2, 3))
    for kernel, bias in (means[:2], means[2:]):
        x = np.maximum(x @ kernel + bias, 0)
    dense = policy.body.dense[0]
    x = np.concatenate([obs[1], x], axis=1) @ dense.kernel.numpy() + dense.bias.numpy()
    expected = x / (1 + np.exp(-x))
    seen = policy.inputs(tuple(map(tf.constant, obs)))
    np.testing.assert_allclose(policy.body(seen), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("good", [own.MeanEncoder, own.WritableEncoder, own.TwoLayers])
def test_the_check_accepts_what_keeps_the_contract(good):
    check_encoder(good, IMAGE, 8)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (own.Forgetful, "with the same seeds .*kernel was drawn differently"),
        (own.Sociable, "an encoding depends on the other images of the batch"),
    ],
)
def test_the_check_names_a_broken_promise(bad, sentence):
    with pytest.raises(ContractError, match=f"{bad.__name__}: {sentence}"):
        check_encoder(bad, IMAGE, 8)
