"""Policies with encoders of users: TensorFlow's formats hold them, ONNX if they say how."""

import numpy as np
import pytest

from mlagents_tf.errors import DataError
from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.export.test_formats import check_acts_alike, exported, needs_packages
from tests.nn.networks import make_network

SEES = Spec(
    (ObservationSpec((3, 12, 10), dtype="uint8"), ObservationSpec((3, 8, 9))), ActionSpec(1, (3,))
)


def make_policy(name):
    policy = make_network(SEES, encoder=f"tests.nn.own.{name}", normalize=True).policy
    rng = np.random.default_rng(1)
    for weight in policy.heads.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return policy


@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        ("MeanEncoder", "savedmodel"),
        ("MeanEncoder", "litert"),
        ("WritableEncoder", "onnx"),
        ("TwoLayers", "onnx"),
        ("TwoLayers", "savedmodel"),
    ],
)
def test_an_exported_policy_takes_the_same_actions(encoder, name, tmp_path):
    needs_packages(name)
    policy = make_policy(encoder)
    check_acts_alike(policy, exported(policy, name, tmp_path))


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        ("MeanEncoder", "MeanEncoder does not say how it is written as ONNX .* formats savedmodel "
         "and litert can hold it"),
        ("WronglyWrittenEncoder", "was not exported"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_or_is_written_wrongly_is_no_onnx(encoder, sentence, tmp_path):
    needs_packages("onnx")
    path = tmp_path / f"model{SUFFIXES['onnx']}"
    with pytest.raises(DataError, match=sentence):
        export_policy(make_policy(encoder), "onnx", path)
    assert not path.exists()
