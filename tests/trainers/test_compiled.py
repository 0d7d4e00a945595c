"""How updates are compiled, and parts of them."""

import pytest
import tensorflow as tf

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.compiled import compiled, compiled_apart, suits_xla

IMAGE = Spec((ObservationSpec((3, 20, 20), dtype="uint8"),), ActionSpec(1))
VECTOR = Spec((ObservationSpec((3,)),), ActionSpec(1))


def settings(encoder):
    network = {"vis_encode_type": encoder}
    return BehaviorSettings.model_validate({"trainer_type": "ppo", "network_settings": network})


def test_convolutions_do_not_suit_xla():
    assert suits_xla(VECTOR, settings("simple"))
    assert suits_xla(IMAGE, settings("fully_connected"))
    assert not suits_xla(IMAGE, settings("simple"))


@pytest.mark.parametrize("update_is_xla", [True, False])
def test_a_part_of_an_update_changes_variables_in_every_kind_of_update(update_is_xla):
    variable = tf.Variable([1.0, 2.0])

    def part(x):
        variable.assign_add(x)
        return tf.reduce_sum(variable)

    update = compiled(lambda x: compiled_apart(part, update_is_xla)(x) + 1.0, update_is_xla)
    assert update(tf.constant([0.5, 0.5])) == 5.0
    assert update(tf.constant([1.0, 1.0])) == 7.0


def test_what_is_compiled_apart_is_left_alone_within_xla():
    assert compiled_apart(len, update_is_xla=True) is len
