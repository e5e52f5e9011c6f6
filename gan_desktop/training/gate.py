"""The gate: which updates of a round count, and why the others do not.

Some students will try what happens, some graphics cards compute nonsense, and one bad update undoes
everybody's work. The gate asks each update alone (is it finite, is it as large as others?), then the
round together (is it a copy, does it pull against the others?). It keeps norms and short sketches,
never the tensors. The bounds leave honest updates a wide margin: refusing a student's honest work is
worse than merging a poor update, which the average dilutes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from gan_desktop.records import CheckFigures, RunConfig
from gan_desktop.training.networks import Shapes, Tensors

# Honest norms of one step count stay within a factor of 2 of their median, early, late and stale ones
# alike (DCGAN at 32 pixels, 430,000 drawn faces). Above 3 something is odd, above 10 broken.
CLIP_ABOVE = 3.0
REFUSE_ABOVE = 10.0
# Honest norms stay within a factor of two; less than this is no work, only its credit.
REFUSE_BELOW = 0.01
# A median of fewer earlier updates could be anything.
MIN_HISTORY = 10
# Compared with this many of the most similar step counts: enough for a steady median, few enough to
# find units of one's own size in a class of slow and fast computers.
NUM_COMPARED = 20
# Honest gradients have norms of 10 to 60. This only keeps Adam's squares from overflowing while there
# is no history yet.
LARGEST_GRADIENT_NORM = 1e4
# Honest BatchNorm means and variances change by about 1; a change like this only aims at overflow.
LARGEST_STATISTICS_NORM = 1e6
# Coordinates in a sketch: cosines of unrelated updates scatter by 1 / sqrt(16,384) = 0.008. It takes 1% of
# the memory of a packed update, so that a round of 100 fits where one update does.
SKETCH_SIZE = 16_384
# Honest weight changes of one round stay below 0.8, the same one rounded to int8 twice above 0.9998.
# Honest gradients at the same weights come to 0.993 with 1,000 images each and beyond 0.999 with the
# largest units: there only a copy to the last bit can be told apart.
COPY_COSINE = {"local_steps": 0.999, "gradient": 0.99999}
# Honest updates, two iterations stale or not, were never below 0.08; in long trainings noise takes
# over and they approach 0 from above. A reversed update measures -0.7 early and -0.15 late.
OPPOSED_COSINE = -0.1
MIN_ACCOUNTS_TO_COMPARE = 4
# A graphics card that rounds to TF32 differs by at most 0.3%; the weights of one unit earlier or later
# change at least one of the four figures by 20%. The floor is for D's loss when D is nearly perfect.
CHECK_TOLERANCE = 0.02
CHECK_FLOOR = 0.001

NormRecord = tuple[int, float]


@dataclass(frozen=True)
class Verdict:
    """What the gate decided on one update, for the instructor and the student's page.

    Attributes:
        update_id: Which update.
        counted: Whether it is part of the merged mean.
        reason: A plain sentence; empty when it counted as it is.
        is_strike: Whether it speaks against the worker; three in a row put it on hold.
        norm: Of the parameters' part as it came; NaN when it could not be read.
        scale: Below 1 when it was scaled down.
        weight: Its share of the mean; 0 when refused.
    """

    update_id: int
    counted: bool
    reason: str
    is_strike: bool
    norm: float
    scale: float
    weight: float


@dataclass(frozen=True)
class Finding:
    """What the gate found on one update alone; `refusal` is a sentence, or empty."""

    norm: float
    scale: float = 1.0
    refusal: str = ""


@dataclass(frozen=True)
class _Sketch:
    """A unit vector in place of an update: a few of its coordinates, at the same places for all.

    `part` holds every sixteenth of `values` once more, for a quick first look.
    """

    update_id: int
    account_id: int
    values: torch.Tensor
    part: torch.Tensor


class Gate:
    """Judges one round.

    Args:
        shapes: All tensors of an update.
        parameters: The names that an optimizer changes; norms and cosines look at these alone.
        config: The run's.
        norm_history: (num_steps, norm) of earlier counted updates, newest first.
        seed: Decides which coordinates are sketched.
    """

    def __init__(
        self,
        shapes: Shapes,
        parameters: frozenset[str],
        config: RunConfig,
        norm_history: Sequence[NormRecord],
        seed: int,
    ) -> None:
        self._parameters = sorted(parameters)
        self._statistics = sorted(set(shapes) - parameters)
        self._config = config
        self._history = norm_history
        self._places = _sketch_places({name: shapes[name].numel() for name in self._parameters}, seed)
        self._num_values = sum(shapes[name].numel() for name in self._parameters)
        self._sketches: list[_Sketch] = []

    def judge_alone(
        self, update: Tensors, *, update_id: int, account_id: int, num_images: int, num_steps: int
    ) -> Finding:
        """Judge one update by itself and remember its sketch; earlier updates must come earlier."""
        norm = _norm(update, self._parameters)
        refusal = self._implausible(update, norm, num_images)
        if refusal:
            return Finding(norm, refusal=refusal)
        usual = usual_norm(num_steps, self._history)
        if usual is not None and norm > REFUSE_ABOVE * usual:
            return Finding(norm, refusal=f"It is {norm / usual:.0f} times as large as usual.")
        if usual is not None and norm < REFUSE_BELOW * usual:
            return Finding(norm, refusal="It changes next to nothing.")
        values = self._sketch(update)
        sketch = _Sketch(update_id, account_id, values, values[::16].clone())
        original = next((other for other in self._sketches if self._is_copy(sketch, other)), None)
        if original is not None:
            return Finding(norm, refusal=f"It is a copy of another account's update {original.update_id}.")
        self._sketches.append(sketch)
        return Finding(norm, scale=1.0 if usual is None else min(1.0, CLIP_ABOVE * usual / norm))

    def judge_round(self) -> dict[int, str]:
        """Find updates that pull against the others of the round: update number to a sentence.

        The worst one goes first, since it also drags the mean that the others are compared with.
        """
        refused: dict[int, str] = {}
        remaining = list(self._sketches)
        while len({sketch.account_id for sketch in remaining}) >= MIN_ACCOUNTS_TO_COMPARE:
            cosines = _cosines_with_others(remaining)
            worst = min(range(len(remaining)), key=cosines.__getitem__)
            if cosines[worst] >= OPPOSED_COSINE:
                break
            reason = f"It pulls against the others of its round (cosine {cosines[worst]:.2f})."
            refused[remaining.pop(worst).update_id] = reason
        return refused

    def _implausible(self, update: Tensors, norm: float, num_images: int) -> str:
        """Say what no honest training can produce, whatever came before."""
        statistics_norm = _norm(update, self._statistics)
        if not math.isfinite(norm) or not math.isfinite(statistics_norm):
            return "It holds values that are no finite numbers."
        if norm == 0:
            return "It changes nothing."
        if norm > largest_norm(self._config, num_images, self._num_values):
            return "It is larger than its number of steps allows."
        if statistics_norm > LARGEST_STATISTICS_NORM:
            return "Its BatchNorm statistics are beyond all measure."
        return ""

    def _is_copy(self, sketch: _Sketch, other: _Sketch) -> bool:
        if sketch.account_id == other.account_id:
            return False
        least = COPY_COSINE[self._config.mode]
        # Unit vectors of that cosine differ by no more than this, and their parts by less: for nearly all
        # pairs of a large round the quick look is enough.
        if float((sketch.part - other.part).square().sum()) > 2 * (1 - least):
            return False
        # In fp32 the product of two equal unit vectors comes out as 0.99997, less than a copy must have.
        return float(sketch.values.double() @ other.values.double()) > least

    def _sketch(self, update: Tensors) -> torch.Tensor:
        chosen = torch.cat(
            [update[name].view(-1).index_select(0, places) for name, places in self._places.items()]
        )
        return torch.nn.functional.normalize(chosen.double(), dim=0).float()


def usual_norm(num_steps: int, history: Sequence[NormRecord]) -> float | None:
    """Expect a norm from earlier updates of the most similar step count; None before the first ten.

    Where step counts differ the expectation is generous: a weight change grows at most with the steps,
    the noise of an averaged gradient at most with the square root of how many fewer there are.
    """
    if len(history) < MIN_HISTORY:
        return None
    steps = max(1, num_steps)
    nearest = sorted(history, key=lambda record: abs(math.log(max(1, record[0]) / steps)))[:NUM_COMPARED]
    ratios = [(steps / max(1, earlier), norm) for earlier, norm in nearest]
    return median(norm * max(ratio, math.sqrt(1 / ratio)) for ratio, norm in ratios)


def largest_norm(config: RunConfig, num_images: int, num_values: int) -> float:
    """Bound an honest update's norm from above, knowing nothing but its images.

    One Adam step moves a weight by at most learning_rate x max(1, (1 - beta1) / sqrt(1 - beta2))
    (Kingma and Ba 2015, arXiv:1412.6980, section 2.1).
    """
    if config.mode == "gradient":
        return LARGEST_GRADIENT_NORM
    step = config.learning_rate * max(1.0, (1 - config.beta1) / math.sqrt(1 - config.beta2))
    return step * math.ceil(num_images / config.step_batch) * math.sqrt(num_values)


def check_figures_agree(claimed: CheckFigures, recomputed: CheckFigures) -> bool:
    """Tell whether a worker's check figures are those of the weights it was given.

    Args:
        claimed: The worker's, perhaps from another kind of device.
        recomputed: Ours, on the same images with the same seed.
    """
    if claimed.num_images != recomputed.num_images:
        return False
    pairs = (
        (claimed.loss_d, recomputed.loss_d),
        (claimed.loss_g, recomputed.loss_g),
        (claimed.norm_d, recomputed.norm_d),
        (claimed.norm_g, recomputed.norm_g),
    )
    return all(math.isclose(a, b, rel_tol=CHECK_TOLERANCE, abs_tol=CHECK_FLOOR) for a, b in pairs)


def _norm(update: Tensors, names: Sequence[str]) -> float:
    return math.hypot(*(float(torch.linalg.vector_norm(update[name])) for name in names))


def _sketch_places(sizes: Mapping[str, int], seed: int) -> dict[str, torch.Tensor]:
    """Choose coordinates of all parameters at random, listed by tensor."""
    total = sum(sizes.values())
    if total <= SKETCH_SIZE:
        chosen = torch.arange(total)
    else:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.unique(torch.randint(total, (SKETCH_SIZE,), generator=generator))  # and sorted
    places: dict[str, torch.Tensor] = {}
    first = 0
    for name, size in sizes.items():
        places[name] = chosen[(chosen >= first) & (chosen < first + size)] - first
        first += size
    return places


def _cosines_with_others(sketches: Sequence[_Sketch]) -> list[float]:
    """Compare each update with the mean of the other accounts' ones; every account counts once."""
    zero = torch.zeros_like(sketches[0].values)
    means: dict[int, torch.Tensor] = {}
    for account_id in {sketch.account_id for sketch in sketches}:
        own = [sketch.values for sketch in sketches if sketch.account_id == account_id]
        # Most accounts have one: its mean is no copy of it.
        means[account_id] = own[0] if len(own) == 1 else torch.stack(own).mean(dim=0)
    total = sum(means.values(), zero)
    return [
        float(torch.nn.functional.cosine_similarity(sketch.values, total - means[sketch.account_id], dim=0))
        for sketch in sketches
    ]
