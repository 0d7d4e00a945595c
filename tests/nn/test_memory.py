"""Sequences go through the LSTM as if each decision were taken alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.memory import FORGET_BIAS, LSTM, Recall, each_alone, in_sequences

INPUTS, UNITS = 3, 4
SEQUENCES, LENGTH = 5, 7
ROWS = SEQUENCES * LENGTH


def make_lstm():
    return LSTM(INPUTS, 2 * UNITS, [1, 2])


def rows(seed=0):
    """Inputs, stored memories, and stories that begin in the middle of sequences, too."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((ROWS, INPUTS), np.float32)
    stored = rng.standard_normal((ROWS, 2 * UNITS), np.float32)
    recall = in_sequences(tf.constant(stored), LENGTH, tf.constant(rng.random(ROWS) < 0.2))
    assert 0 < np.count_nonzero(recall.begins[:, 1:]) < ROWS - SEQUENCES
    return tf.constant(inputs), recall


def one_by_one(lstm, inputs, recall):
    """Encodings, memories before and after each row, one decision after another."""
    begins = np.reshape(recall.begins, -1)
    found, memory = [], None
    for row in range(ROWS):
        memory = recall.stored[row : row + 1] if begins[row] else memory
        found.append(plain_step(lstm, inputs[row : row + 1], memory))
        memory = found[-1][2]
    return [tf.concat(parts, axis=0) for parts in zip(*found, strict=True)]


def plain_step(lstm, x, memory):
    """Gers et al. (2000) without peepholes, as TensorFlow differentiates it."""
    hidden, cells = tf.split(memory, 2, axis=1)
    gates = x @ lstm.kernel + hidden @ lstm.recurrent_kernel + lstm.bias
    let_in, keep, candidates, let_out = tf.split(gates, 4, axis=1)
    cells = tf.sigmoid(keep) * cells + tf.sigmoid(let_in) * tf.tanh(candidates)
    hidden = tf.sigmoid(let_out) * tf.tanh(cells)
    return hidden, memory, tf.concat([hidden, cells], axis=1)


MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function, autograph=False),
    "xla": lambda function: tf.function(function, jit_compile=True, autograph=False),
}
by_mode = pytest.mark.parametrize("mode", MODES)


@by_mode
def test_sequences_are_what_steps_are_one_by_one(mode):
    lstm, (inputs, recall) = make_lstm(), rows()
    found = MODES[mode](lstm.call)(inputs, recall)
    for part, expected in zip(found, one_by_one(lstm, inputs, recall), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-6)


@by_mode
def test_gradients_are_those_of_steps_one_by_one(mode):
    lstm, (inputs, recall) = make_lstm(), rows()
    weights = tf.constant(np.random.default_rng(5).standard_normal((ROWS, UNITS), np.float32))
    variables = [variable.value for variable in lstm.weights]

    def gradients(encode):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(weights * encode())
        return tape.gradient(loss, [inputs, *variables])

    found = MODES[mode](lambda: gradients(lambda: lstm.call(inputs, recall).encoding))()
    expected = gradients(lambda: one_by_one(lstm, inputs, recall)[0])
    for part, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, wanted, rtol=1e-4, atol=1e-5)


def test_a_step_can_be_checked_by_hand():
    lstm = LSTM(1, 2, [0, 0])
    lstm.kernel.assign([[1.0, 0.0, 2.0, 0.0]])
    lstm.recurrent_kernel.assign([[0.0, 0.0, 0.0, 1.0]])
    lstm.bias.assign([0.0, 0.0, 0.0, 0.0])
    found = lstm.call(tf.constant([[0.5]]), each_alone(tf.constant([[2.0, 4.0]])))
    # input gate 1/(1+e^-0.5), forget gate 1/2, candidate tanh 1, output gate 1/(1+e^-2)
    cells = 0.5 * 4 + 0.6224593 * 0.7615942
    np.testing.assert_allclose(found.after, [[0.8807971 * np.tanh(cells), cells]], rtol=1e-6)
    np.testing.assert_array_equal(found.encoding, found.after[:, :1])


def test_it_is_the_lstm_of_keras():
    lstm, (inputs, _) = make_lstm(), rows()
    recall = in_sequences(tf.zeros([ROWS, 2 * UNITS]), LENGTH)
    theirs = keras.layers.LSTM(UNITS, return_sequences=True)
    theirs.build((None, LENGTH, INPUTS))
    theirs.set_weights([np.asarray(weight) for weight in lstm.weights])
    expected = theirs(tf.reshape(inputs, (SEQUENCES, LENGTH, INPUTS)))
    found = lstm(inputs, recall).encoding
    np.testing.assert_allclose(found, tf.reshape(expected, (ROWS, UNITS)), rtol=1e-5, atol=1e-6)


def test_no_gradient_flows_over_the_beginning_of_a_story():
    lstm, inputs = make_lstm(), rows()[0]
    begins = np.arange(ROWS) % LENGTH == 3
    recall = in_sequences(tf.zeros([ROWS, 2 * UNITS]), LENGTH, tf.constant(begins))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        last = lstm(inputs, recall).encoding[LENGTH - 1]
    slopes = np.abs(tape.gradient(last, inputs)).sum(axis=1)
    assert (slopes[3:LENGTH] > 0).all()
    assert not slopes[:3].any()
    assert not slopes[LENGTH:].any()


def test_memories_are_constants_to_gradients():
    lstm, (inputs, recall) = make_lstm(), rows()
    for stands in (recall, each_alone(recall.stored)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            found = lstm(inputs, stands)
            memories = tf.reduce_sum(found.before) + tf.reduce_sum(found.after)
        assert tape.gradient(memories, inputs) is None


def test_an_untrained_memory_keeps_most_of_what_it_holds():
    bias = np.asarray(make_lstm().bias)
    np.testing.assert_array_equal(bias[UNITS : 2 * UNITS], FORGET_BIAS)
    assert not np.delete(bias, range(UNITS, 2 * UNITS)).any()


@pytest.mark.parametrize("name", ["kernel", "recurrent_kernel"])
def test_kernels_are_drawn_as_if_each_gate_were_alone(name):
    lstm = LSTM(300, 8, [1, 2]) if name == "kernel" else LSTM(3, 600, [1, 2])
    kernel = np.asarray(getattr(lstm, name))
    bound = (6 / (kernel.shape[0] + lstm.units)) ** 0.5
    assert 0.98 * bound < np.abs(kernel).max() < bound
    np.testing.assert_allclose(kernel.std(), bound / 3**0.5, rtol=0.02)


def test_rows_stand_in_sequences_that_always_begin():
    recall = in_sequences(tf.zeros([6, 2]), 3, tf.constant([0, 1, 0, 0, 0, 0]) > 0)
    np.testing.assert_array_equal(recall.begins, [[1, 1, 0], [1, 0, 0]])


def test_parts_and_blanks_stand_as_the_whole_does():
    recall = Recall(tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[True]]))
    np.testing.assert_array_equal(recall.part(slice(1, None)).stored, [[2.0, 3.0]])
    np.testing.assert_array_equal(recall.blank().stored, [[0.0, 0.0, 0.0]])
    assert recall.part(slice(1)).begins is recall.blank().begins is recall.begins
