"""What networks remember from decision to decision: an LSTM (Hochreiter & Schmidhuber 1997).

Rows of a batch stand in sequences of one length, sequence after sequence. What was remembered
before a decision is stored with its row; where a sequence begins, or another agent's story within
it, the LSTM starts from what is stored, elsewhere from what it has just made of the rows before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

FORGET_BIAS = 2.0
"""An untrained gate keeps nine tenths of a memory; ML-Agents' two biases of 1 come to the same."""


class Recall(NamedTuple):
    """How N rows stand in sequences, and what was remembered before them.

    Attributes:
        stored: [N, M] memories before each row; they count where something begins.
        begins: [S, L] bool, N = S * L; True where what is stored counts, so in the first column.
    """

    stored: tf.Tensor
    begins: tf.Tensor

    def part(self, columns: slice) -> Recall:
        """The same rows with some of the numbers that were remembered."""
        return Recall(self.stored[:, columns], self.begins)

    def blank(self) -> Recall:
        """The same rows with nothing remembered where something begins."""
        return Recall(tf.zeros_like(self.stored), self.begins)


class Remembered(NamedTuple):
    """What a network made of N rows.

    Attributes:
        encoding: [N, H].
        before: [N, M] memories before each row; constants to gradients.
        after: [N, M] memories behind each row; constants to gradients.
    """

    encoding: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor


def each_alone(stored: tf.Tensor) -> Recall:
    """Rows [N, M] that are sequences of one decision each."""
    return Recall(stored, tf.ones_like(stored[:, :1], tf.bool))


def in_sequences(stored: tf.Tensor, length: int, begins: tf.Tensor | None = None) -> Recall:
    """Rows [N, M] in sequences of `length`; `begins` [N] bool are stories that start within one."""
    if begins is None:
        begins = tf.zeros_like(stored[:, 0], tf.bool)
    first = tf.range(length) == 0
    return Recall(stored, tf.reshape(begins, (-1, length)) | first)


class LSTM(keras.layers.Layer):
    """A memory of `memory_size` numbers: the output of M / 2 cells, then their states.

    Args:
        input_size: width of the inputs.
        memory_size: M, even.
        seeds: two, of the initial weights.
    """

    def __init__(
        self, input_size: int, memory_size: int, seeds: Sequence[int], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.units = units = memory_size // 2
        self.kernel, self.recurrent_kernel = (
            self.add_weight(
                shape=(size, 4 * units),
                initializer=_of_each_gate(size, units, seed),
                name=name,
            )
            for size, seed, name in zip(
                (input_size, units), seeds, ("kernel", "recurrent_kernel"), strict=True
            )
        )
        self.bias = self.add_weight(shape=(4 * units,), initializer=_bias, name="bias")
        self.built = True

    def call(self, inputs: tf.Tensor, recall: Recall) -> Remembered:
        """[N, input_size] -> encoding [N, M / 2] and memories."""
        projected = tf.matmul(inputs, self.kernel) + self.bias
        num_steps = recall.begins.shape[1]
        if num_steps == 1:
            return self._one_step(projected, recall.stored)

        def by_time(x: tf.Tensor) -> tf.Tensor:
            return tf.transpose(tf.reshape(x, (-1, num_steps, x.shape[-1])), (1, 0, 2))

        def by_sequence(x: tf.Tensor) -> tf.Tensor:
            return tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, x.shape[-1]))

        stored, begins = by_time(recall.stored), tf.transpose(recall.begins)
        hidden, cells = _roll(
            by_time(projected), tf.convert_to_tensor(self.recurrent_kernel), stored, begins
        )
        memories = tf.stop_gradient(tf.concat([hidden, cells], axis=-1))
        before = _before(memories, stored, begins)
        return Remembered(by_sequence(hidden), by_sequence(before), by_sequence(memories))

    def _one_step(self, projected: tf.Tensor, stored: tf.Tensor) -> Remembered:
        hidden, cells = tf.split(stored, 2, axis=-1)
        gates = _gates(projected + tf.matmul(hidden, self.recurrent_kernel))
        cells = _next_cells(gates, cells)
        hidden = gates[3] * tf.tanh(cells)
        after = tf.stop_gradient(tf.concat([hidden, cells], axis=-1))
        return Remembered(hidden, tf.stop_gradient(stored), after)


def _of_each_gate(size: int, units: int, seed: int) -> keras.initializers.Initializer:
    """Glorot & Bengio (2010), eq. 16, as if the kernel of each gate were drawn alone."""
    bound = (6.0 / (size + units)) ** 0.5
    return keras.initializers.RandomUniform(-bound, bound, seed=seed)


def _bias(shape: tuple[int, ...], dtype: str | None = None) -> tf.Tensor:
    """0, and FORGET_BIAS for the second of four gates."""
    gate = tf.range(shape[0]) // (shape[0] // 4)
    return tf.cast(tf.where(gate == 1, FORGET_BIAS, 0.0), dtype or "float32")


def _gates(inputs: tf.Tensor) -> list[tf.Tensor]:
    """[..., 4 U] -> input gate, forget gate, candidates and output gate [..., U]."""
    let_in, keep, candidates, let_out = tf.split(inputs, 4, axis=-1)
    return [tf.sigmoid(let_in), tf.sigmoid(keep), tf.tanh(candidates), tf.sigmoid(let_out)]


def _next_cells(gates: Sequence[tf.Tensor], cells: tf.Tensor) -> tf.Tensor:
    let_in, keep, candidates, _ = gates
    return keep * cells + let_in * candidates


def _before(memories: tf.Tensor, stored: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
    """[L, S, M] memories behind each step -> before it."""
    shifted = tf.concat([memories[:1], memories[:-1]], axis=0)
    return tf.where(begins[..., None], stored, shifted)


@tf.custom_gradient
def _roll(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, stored: tf.Tensor, begins: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """All steps one after another; the gradient goes through hidden outputs only.

    The gradient is written by hand: one matrix product gives that of the recurrent kernel, where
    TensorFlow would make one of every step (docs/architecture.md has the figures).

    Args:
        projected: [L, S, 4 U] what the inputs add to the gates.
        recurrent_kernel: [U, 4 U].
        stored: [L, S, 2 U].
        begins: [L, S] bool.

    Returns:
        Hidden outputs and cells [L, S, U].
    """
    # constants, or an eager tape would look into the compiled loop for a gradient of its own
    hidden, cells, gates = _forward(
        *(tf.stop_gradient(x) for x in (projected, recurrent_kernel, stored)), begins
    )

    def gradient(
        of_hidden: tf.Tensor, _of_cells: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, None, None]:
        of_projected, of_kernel = _backward(
            of_hidden, recurrent_kernel, hidden, cells, gates, stored, begins
        )
        return of_projected, of_kernel, None, None

    return (hidden, cells), gradient


@tf.function(jit_compile=True, autograph=False)
def _forward(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, stored: tf.Tensor, begins: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Hidden outputs [L, S, U], cells [L, S, U] and gates [L, S, 4 U]."""
    num_steps, num_sequences, width = projected.shape
    units = width // 4
    # not stored[i, :, units:] below: with an index that is a tensor XLA takes the wrong columns
    stored_hidden, stored_cells = tf.split(stored, 2, axis=-1)

    def step(
        i: tf.Tensor, hidden: tf.Tensor, cells: tf.Tensor, *history: tf.TensorArray
    ) -> tuple[object, ...]:
        begun = begins[i][:, None]
        hidden = tf.where(begun, stored_hidden[i], hidden)
        cells = tf.where(begun, stored_cells[i], cells)
        gates = _gates(projected[i] + tf.matmul(hidden, recurrent_kernel))
        cells = _next_cells(gates, cells)
        hidden = gates[3] * tf.tanh(cells)
        written = (hidden, cells, tf.concat(gates, axis=-1))
        kept = (array.write(i, x) for array, x in zip(history, written, strict=True))
        return i + 1, hidden, cells, *kept

    nothing = tf.zeros((num_sequences, units))
    history = (_steps(num_steps, num_sequences, size) for size in (units, units, width))
    _, _, _, *history = tf.while_loop(
        lambda i, *_: i < num_steps,
        step,
        (0, nothing, nothing, *history),
        maximum_iterations=num_steps,
    )
    hidden, cells, gates = (array.stack() for array in history)
    return hidden, cells, gates


@tf.function(jit_compile=True, autograph=False)
def _backward(
    of_hidden: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    hidden: tf.Tensor,
    cells: tf.Tensor,
    gates: tf.Tensor,
    stored: tf.Tensor,
    begins: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients of `projected` [L, S, 4 U] and of the recurrent kernel [U, 4 U]."""
    num_steps, num_sequences, units = hidden.shape
    before = _before(tf.concat([hidden, cells], axis=-1), stored, begins)
    hidden_before, cells_before = tf.split(before, 2, axis=-1)
    goes_on = 1.0 - tf.cast(begins, tf.float32)[..., None]
    squashed = tf.tanh(cells)
    transposed = tf.transpose(recurrent_kernel)

    def step(
        i: tf.Tensor, of_next: tf.Tensor, of_cells: tf.Tensor, history: tf.TensorArray
    ) -> tuple[object, ...]:
        let_in, keep, candidates, let_out = tf.split(gates[i], 4, axis=-1)
        of_output = of_hidden[i] + of_next
        of_cells += of_output * let_out * (1.0 - tf.square(squashed[i]))
        of_gates = tf.concat(
            [
                of_cells * candidates * let_in * (1.0 - let_in),
                of_cells * cells_before[i] * keep * (1.0 - keep),
                of_cells * let_in * (1.0 - tf.square(candidates)),
                of_output * squashed[i] * let_out * (1.0 - let_out),
            ],
            axis=-1,
        )
        of_next = tf.matmul(of_gates, transposed) * goes_on[i]
        return i - 1, of_next, of_cells * keep * goes_on[i], history.write(i, of_gates)

    nothing = tf.zeros((num_sequences, units))
    *_, history = tf.while_loop(
        lambda i, *_: i >= 0,
        step,
        (num_steps - 1, nothing, nothing, _steps(num_steps, num_sequences, 4 * units)),
        maximum_iterations=num_steps,
    )
    of_projected = history.stack()
    of_kernel = tf.matmul(
        tf.reshape(hidden_before, (-1, units)),
        tf.reshape(of_projected, (-1, 4 * units)),
        transpose_a=True,
    )
    return of_projected, of_kernel


def _steps(num_steps: int, num_sequences: int, width: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, num_steps, element_shape=(num_sequences, width))
