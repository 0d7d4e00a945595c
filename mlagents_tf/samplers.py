"""Environment parameters that are drawn anew for each episode; the kinds are ML-Agents'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray


class Uniform(NamedTuple):
    """Any value between two, each as likely."""

    low: float
    high: float
    seed: int

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """[count] values."""
        return generator.uniform(self.low, self.high, count)

    def __str__(self) -> str:
        return f"uniform between {self.low:g} and {self.high:g}"


class Gaussian(NamedTuple):
    """Values around a mean."""

    mean: float
    st_dev: float
    seed: int

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """[count] values."""
        return generator.normal(self.mean, self.st_dev, count)

    def __str__(self) -> str:
        return f"gaussian around {self.mean:g} with deviation {self.st_dev:g}"


class MultiRangeUniform(NamedTuple):
    """Values of several intervals; long ones are chosen more often, so that each is as likely."""

    intervals: tuple[tuple[float, float], ...]
    seed: int

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        """[count] values."""
        low, high = np.array(self.intervals).T
        lengths = high - low
        total = lengths.sum()
        shares = lengths / total if total > 0 else np.full(len(low), 1 / len(low))
        chosen = generator.choice(len(low), count, p=shares)
        return generator.uniform(low[chosen], high[chosen])

    def __str__(self) -> str:
        return "uniform in " + ", ".join(f"[{low:g}, {high:g}]" for low, high in self.intervals)


Sampler: TypeAlias = Uniform | Gaussian | MultiRangeUniform
KINDS: dict[str, type[Sampler]] = {
    "uniform": Uniform,
    "gaussian": Gaussian,
    "multirangeuniform": MultiRangeUniform,
}


def to_json(value: float | Sampler) -> Any:
    """A parameter as plain values."""
    if isinstance(value, (int, float)):
        return float(value)
    kind = next(name for name, each in KINDS.items() if isinstance(value, each))
    return {"sampler_type": kind, **value._asdict()}


def from_json(value: Any) -> float | Sampler:
    """The reverse of `to_json`."""
    return sampler_from_json(value) if isinstance(value, dict) else float(value)


def sampler_from_json(value: Mapping[str, Any]) -> Sampler:
    """A sampler of the plain values that `to_json` has made of it."""
    fields = dict(value)
    kind = KINDS[fields.pop("sampler_type")]
    if "intervals" in fields:
        fields["intervals"] = tuple((low, high) for low, high in fields["intervals"])
    return kind(**fields)
