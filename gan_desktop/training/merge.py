"""From many updates to one mean: streaming, so that memory does not grow with the class.

Each update is fetched, decoded, judged by the gate, added and forgotten; the next one is fetched
meanwhile. Only when one is refused, which changes the weights of the others, is the round read a
second time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from gan_desktop.errors import PayloadError
from gan_desktop.records import RunConfig
from gan_desktop.training.gate import Finding, Gate, NormRecord, Verdict
from gan_desktop.training.networks import (
    Shapes,
    Tensors,
    build_gan,
    network_fingerprint,
    parameter_names,
    tensor_shapes,
)
from gan_desktop.training.payload import PayloadKind, decode, peek

LARGEST_SHARE = 1 / 3
MIN_ACCOUNTS_TO_CAP = 3


@dataclass(frozen=True)
class Candidate:
    """An uploaded update that may take part in the next iteration; its payload is fetched later.

    `staleness`: iterations published since the weights it started from. `num_images`: at least 1.
    """

    update_id: int
    account_id: int
    worker_id: str
    num_images: int
    num_steps: int
    staleness: int = 0
    stopped_early: bool = False


@dataclass(frozen=True)
class UpdateFormat:
    """What every update of a run looks like. Make it once per run: it builds the network."""

    kind: PayloadKind
    shapes: Shapes
    parameters: frozenset[str]
    network: str

    @classmethod
    def of(cls, config: RunConfig) -> UpdateFormat:
        """Describe the updates of a run."""
        return cls(
            kind="gradient" if config.mode == "gradient" else "weight_change",
            shapes=tensor_shapes(config),
            parameters=parameter_names(build_gan(config)),
            network=network_fingerprint(config),
        )

    def read(self, blob: bytes, into: Tensors | None = None) -> Tensors:
        """Decode one update, `into` what an earlier call returned where that is not needed any more.

        Raises:
            PayloadError: It is damaged, or something else than an update of this run's network.
        """
        kind = peek(blob).kind
        if kind != self.kind:
            raise PayloadError(f"The payload holds a {kind}, not a {self.kind}.")
        return decode(blob, shapes=self.shapes, network=self.network, into=into)


@dataclass(frozen=True)
class MergeResult:
    """A merged round.

    Attributes:
        mean: The weighted mean of what counted, under all names; None when nothing counted.
        verdicts: One per candidate, in the order of update numbers.
        num_images: Images behind what counted.
    """

    mean: Tensors | None
    verdicts: tuple[Verdict, ...]
    num_images: int


def merge_updates(
    candidates: Iterable[Candidate],
    fetch: Callable[[int], bytes],
    update_format: UpdateFormat,
    config: RunConfig,
    norm_history: Sequence[NormRecord] = (),
    *,
    seed: int = 0,
) -> MergeResult:
    """Merge a round: the same candidates give the same mean in whatever order they are listed.

    Args:
        candidates: The round's updates; at most a few hundred.
        fetch: Gives an update's payload; called once per update, or twice when one is refused.
        update_format: `UpdateFormat.of(config)`.
        config: The run's.
        norm_history: (num_steps, norm) of earlier counted updates, newest first.
        seed: Decides which coordinates the gate sketches; must not be known to workers.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.update_id)
    gate = Gate(update_format.shapes, update_format.parameters, config, norm_history, seed)
    weights = merge_weights(ordered)
    findings: dict[int, Finding] = {}
    mean = _WeightedSum()
    room: Tensors = {name: torch.empty(shape) for name, shape in update_format.shapes.items()}

    def judge_and_add(candidate: Candidate, payload: bytes) -> None:
        finding = _judge(candidate, payload, update_format, gate, room)
        findings[candidate.update_id] = finding
        if not finding.refusal:
            mean.add(room, weights[candidate.update_id] * finding.scale)

    def add(candidate: Candidate, payload: bytes) -> None:
        update = update_format.read(payload, room)
        mean.add(update, weights[candidate.update_id] * findings[candidate.update_id].scale)

    _work_through(ordered, fetch, judge_and_add)
    for update_id, refusal in gate.judge_round().items():
        findings[update_id] = replace(findings[update_id], refusal=refusal)
    accepted = [candidate for candidate in ordered if not findings[candidate.update_id].refusal]
    if len(accepted) < len(ordered):
        weights = merge_weights(accepted)
        mean = _WeightedSum()
        _work_through(accepted, fetch, add)
    return MergeResult(
        mean=mean.total,
        verdicts=tuple(
            _verdict(candidate, findings[candidate.update_id], weights.get(candidate.update_id, 0.0))
            for candidate in ordered
        ),
        num_images=sum(candidate.num_images for candidate in accepted),
    )


def judge_updates(
    candidates: Iterable[Candidate],
    fetch: Callable[[int], bytes],
    update_format: UpdateFormat,
    config: RunConfig,
    norm_history: Sequence[NormRecord] = (),
    *,
    seed: int = 0,
) -> tuple[Verdict, ...]:
    """Judge updates that no mean is made of: each by itself, and whether one is a copy of another.

    They may come from different iterations: which way they pull is not compared. Arguments as those of
    `merge_updates`; one verdict per candidate, in the order of update numbers.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.update_id)
    gate = Gate(update_format.shapes, update_format.parameters, config, norm_history, seed)
    room: Tensors = {name: torch.empty(shape) for name, shape in update_format.shapes.items()}
    verdicts: list[Verdict] = []

    def judge(candidate: Candidate, payload: bytes) -> None:
        verdicts.append(_verdict(candidate, _judge(candidate, payload, update_format, gate, room), 0.0))

    _work_through(ordered, fetch, judge)
    return tuple(verdicts)


def _work_through(
    candidates: Iterable[Candidate],
    fetch: Callable[[int], bytes],
    work: Callable[[Candidate, bytes], None],
) -> None:
    """Call `work` with one payload after the other, in a thread: the next one is fetched meanwhile."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="merge") as thread:
        in_work: Future[None] | None = None
        for candidate in candidates:
            payload = fetch(candidate.update_id)
            if in_work is not None:
                in_work.result()
            in_work = thread.submit(work, candidate, payload)
        if in_work is not None:
            in_work.result()


def _judge(
    candidate: Candidate, payload: bytes, update_format: UpdateFormat, gate: Gate, room: Tensors
) -> Finding:
    """Read one update into `room` and ask the gate about it alone."""
    try:
        update_format.read(payload, room)
    except PayloadError as error:
        return Finding(norm=math.nan, refusal=error.message)
    return gate.judge_alone(
        room,
        update_id=candidate.update_id,
        account_id=candidate.account_id,
        num_images=candidate.num_images,
        num_steps=candidate.num_steps,
    )


def merge_weights(candidates: Iterable[Candidate]) -> dict[int, float]:
    """Give every update its share of the mean: images / (1 + staleness), summing to 1.

    No account gets more than a third when three or more take part; what is cut off goes to the other
    accounts in proportion.

    Returns:
        Update number to share.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.update_id)
    claims = {c.update_id: c.num_images / (1 + c.staleness) for c in ordered}
    by_account: dict[int, float] = defaultdict(float)
    for candidate in ordered:
        by_account[candidate.account_id] += claims[candidate.update_id]
    shares = _account_shares(by_account)
    return {
        c.update_id: shares[c.account_id] * claims[c.update_id] / by_account[c.account_id] for c in ordered
    }


def _account_shares(claims: Mapping[int, float]) -> dict[int, float]:
    """Divide 1 in proportion to the claims, cutting accounts off at the cap until no more stand out."""
    capped: dict[int, float] = {}
    while True:
        free = {account_id: claim for account_id, claim in claims.items() if account_id not in capped}
        scale = (1 - sum(capped.values())) / sum(free.values()) if free else 0.0
        shares = {account_id: claim * scale for account_id, claim in free.items()}
        over = [account_id for account_id, share in shares.items() if share > LARGEST_SHARE]
        if len(claims) < MIN_ACCOUNTS_TO_CAP or not over:
            return shares | capped
        # Raising the others can lift the next account over the cap: hence the loop.
        capped |= dict.fromkeys(over, LARGEST_SHARE)


class _WeightedSum:
    """A sum of updates; `total` is None before the first."""

    def __init__(self) -> None:
        self.total: Tensors | None = None

    def add(self, update: Tensors, weight: float) -> None:
        """Add weight x update."""
        if self.total is None:
            self.total = {name: tensor * weight for name, tensor in update.items()}
            return
        for name, tensor in update.items():
            self.total[name].add_(tensor, alpha=weight)


def _verdict(candidate: Candidate, finding: Finding, weight: float) -> Verdict:
    reason = finding.refusal
    if not reason and finding.scale < 1:
        reason = f"It was larger than usual and was scaled down to {finding.scale:.0%}."
    return Verdict(
        update_id=candidate.update_id,
        counted=not finding.refusal,
        reason=reason,
        # Whoever stops in mid-unit hands in what there is: odd perhaps, but no offence. Damaged bytes are.
        is_strike=bool(finding.refusal) and (math.isnan(finding.norm) or not candidate.stopped_early),
        norm=finding.norm,
        scale=finding.scale,
        weight=weight,
    )
