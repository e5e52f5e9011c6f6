"""How many bytes travel for each image trained, counted at the worker's sockets.

python -m tests.benchmarks.traffic [--quick]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gan_desktop.records import RunConfig, UnitDelivered
from tests.benchmarks.counting_link import counting_link
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import Clock, class_on_stage, worker_at_work
from tests.integration.lesson import Lesson

# The peer of docs/architecture.md: weights and gradients as hexadecimal text, for 320 images at a time.
PEER_KB = 317


@dataclass(frozen=True)
class Setting:
    config: RunConfig
    unit_images: int
    num_units: int
    num_faces: int

    def class_config(self) -> RunConfig:
        """All units of one size, whatever the computer's speed."""
        size = self.unit_images
        changed = {"first_unit_images": size, "min_unit_images": size, "max_unit_images": size}
        return RunConfig.from_json(self.config.to_json() | changed)


FULL = (
    Setting(RunConfig(image_size=64, feature_maps=PAPER_FEATURE_MAPS), 2_048, 2, 1_200),
    Setting(RunConfig(image_size=32), 2_048, 2, 1_200),
)
QUICK = (Setting(RunConfig(feature_maps=8), 64, 1, 200),)


def main(arguments: Sequence[str] | None = None) -> None:
    settings = QUICK if is_quick(__doc__ or "", arguments) else FULL
    print_report(
        (
            "network",
            "images per unit",
            "up",
            "down",
            "up and down",
            "weights and update alone",
            "shards beside it",
        ),
        [_row(setting) for setting in settings],
        f"Kilobytes (1,000 bytes) for each image trained; the peer moves {PEER_KB}. A real worker and a real"
        " coordinator; from the first hand-in to the last, so that all pictures are here already. Shards are"
        " fetched once, and cost as much for each image in them.",
    )


def _row(setting: Setting) -> Sequence[object]:
    config = setting.class_config()
    network = f"{config.image_size}x{config.image_size}, {config.feature_maps} feature maps"
    tell(network)
    with class_on_stage(config, num_faces=setting.num_faces) as held:
        held.start_coordinator()
        held.wait_until(lambda: held.iteration == 0, "the first weights")
        up, down = _count(held, setting.num_units)
        payload = _payload_bytes(held)
        shards = held.query(
            "SELECT sum(num_bytes) AS bytes, sum(num_images) AS images FROM gan.dataset_shards"
        )
    num_images = setting.num_units * setting.unit_images
    return (
        network,
        f"{setting.unit_images:,}",
        f"{up / num_images / 1e3:.2f}",
        f"{down / num_images / 1e3:.2f}",
        f"**{(up + down) / num_images / 1e3:.2f}**",
        f"{payload / setting.unit_images / 1e3:.2f}",
        f"{float(shards[0].bytes) / float(shards[0].images) / 1e3:.2f}",
    )


def _count(held: Lesson, num_units: int) -> tuple[int, int]:
    """Bytes up and down from the first hand-in to the one after `num_units` more."""
    clock = Clock()
    with counting_link(held.add_student()) as (student, traffic), worker_at_work(held, student, clock):
        clock.await_times(UnitDelivered, 1)
        up, down = traffic.so_far()
        clock.await_times(UnitDelivered, 1 + num_units)
        later_up, later_down = traffic.so_far()
    return later_up - up, later_down - down


def _payload_bytes(held: Lesson) -> int:
    """What one update and the weights that it starts from take."""
    [update] = held.query("SELECT num_bytes FROM gan.updates ORDER BY update_id LIMIT 1")
    [weights] = held.query(
        "SELECT num_bytes FROM gan.model_weights WHERE kind = 'live' ORDER BY iteration LIMIT 1"
    )
    return int(update.num_bytes + weights.num_bytes)


if __name__ == "__main__":
    main()
