"""GridWorld without the camera: reach the goal of the colour shown. Exactly Unity's rules."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, ObservationType, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

MAX_SIZE = 5  # cells on a side of the largest grid, which is also Unity's usual one
NUM_CELLS = MAX_SIZE * MAX_SIZE
AGENT, PLUS, EX = 0, 1, 2  # planes of the observation
STEP_REWARD, RIGHT, WRONG = -0.01, 1.0, -1.0
# by option: stay, up (+z), down, left, right
MOVES = np.array([[0, 0], [0, 1], [0, -1], [-1, 0], [1, 0]])
# by what stands on the cell reached (nothing, plus, ex) and by the colour asked for (plus, ex)
REWARDS = np.array([[STEP_REWARD] * 2, [RIGHT, WRONG], [WRONG, RIGHT]], np.float32)


class GridWorldVector(World):
    """A grid with green plus signs and red ex signs; one of both colours is asked for.

    Grids smaller than five stand in the corner of the observation's planes.

    Attributes:
        places: [A, 2] x and z of the agent.
        signs: [A, 5, 5] what stands on each cell: 0 nothing, 1 plus, 2 ex; indexed x, z.
        goals: [A] 0 = plus is the goal, 1 = ex.
    """

    behavior = "GridWorldVector"
    summary = "walk on a grid to the sign that is asked for, without the camera"
    spec = Spec(
        (
            ObservationSpec((3 * NUM_CELLS,), "agent, plus and ex planes"),
            ObservationSpec((2,), "goal", observation_type=ObservationType.GOAL_SIGNAL),
        ),
        ActionSpec(0, (len(MOVES),)),
    )
    default_areas = 9
    max_decisions = 100
    default_parameters: ClassVar[dict[str, float]] = {
        "gridSize": 5.0,
        "numPlusGoals": 1.0,
        "numExGoals": 1.0,
    }
    stored: ClassVar[tuple[str, ...]] = ("places", "signs", "goals")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.places = np.zeros((self.num_areas, 2), np.int64)
        self.signs = np.zeros((self.num_areas, MAX_SIZE, MAX_SIZE), np.int64)
        self.goals = np.zeros(self.num_areas, np.int64)
        self._goal_rows = np.eye(2, dtype=np.float32)
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        size, plus, ex = (int(self.parameters[name]) for name in self.default_parameters)
        if not 2 <= size <= MAX_SIZE:
            raise EnvError(f"{self.behavior}: parameter gridSize is {size}; give 2 to {MAX_SIZE}.")
        if min(plus, ex) < 0 or plus + ex >= size * size:
            raise EnvError(
                f"{self.behavior}: {plus} plus and {ex} ex goals (numPlusGoals, numExGoals) leave "
                f"no cell for the agent on a grid of {size} x {size}."
            )
        self._size = size
        # who moves where, and which moves are open, for every cell: looked up, not computed
        cells = np.stack(np.divmod(np.arange(NUM_CELLS), MAX_SIZE), axis=1)
        targets = cells[:, None] + MOVES
        self._open = ((targets >= 0) & (targets < size)).all(axis=2)  # [cells, options]
        self._new_signs = np.repeat([PLUS, EX], [plus, ex])

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n, num_signs = len(areas), len(self._new_signs)
        ranks = self.generator.random((n, self._size**2)).argsort(axis=1)
        x, z = np.divmod(ranks[:, : num_signs + 1], self._size)  # distinct cells
        self.signs[areas] = 0
        self.signs[areas[:, None], x[:, :-1], z[:, :-1]] = self._new_signs
        self.places[areas] = np.stack([x[:, -1], z[:, -1]], axis=1)
        self.goals[areas] = self.generator.integers(0, 2, n)

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        option = actions.discrete[:, 0]
        may = self._open[self._cells(), option]
        self.places += MOVES[option] * may[:, None]
        found = self.signs.reshape(-1, NUM_CELLS)[self._all_areas, self._cells()]
        return REWARDS[found, self.goals], found > 0

    def _cells(self) -> NDArray[np.int64]:
        """[A] index of the agent's cell."""
        cells: NDArray[np.int64] = self.places[:, 0] * MAX_SIZE + self.places[:, 1]
        return cells

    def _allowed_actions(self) -> BoolArray:
        allowed: BoolArray = self._open[self._cells()]
        return allowed

    def _observe(self) -> Observations:
        planes = np.zeros((self.num_areas, 3, NUM_CELLS), np.float32)
        planes[self._all_areas, AGENT, self._cells()] = 1.0
        signs = self.signs.reshape(-1, NUM_CELLS)
        planes[:, PLUS] = signs == PLUS
        planes[:, EX] = signs == EX
        return planes.reshape(self.num_areas, -1), self._goal_rows[self.goals]

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above; the frame has the colour asked for."""
        size = self._size
        green, red = (60, 170, 90), (206, 66, 60)
        frame = (green, red)[int(self.goals[0])]
        canvas = Canvas(240, 240, (-1.0, size), (-1.0, size), background=frame)
        for cell in range(size * size):
            x, z = divmod(cell, size)
            canvas.box((x, z), (0.47, 0.47), (228, 230, 234))
            if sign := int(self.signs[0, x, z]):
                turned = 0.0 if sign == PLUS else np.pi / 4
                colour = green if sign == PLUS else red
                canvas.box((x, z), (0.32, 0.1), colour, angle=turned)
                canvas.box((x, z), (0.1, 0.32), colour, angle=turned)
        canvas.disc((float(self.places[0, 0]), float(self.places[0, 1])), 0.25, (60, 110, 220))
        return canvas.pixels
