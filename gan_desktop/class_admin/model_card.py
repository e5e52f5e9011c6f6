"""The page that explains a published network: what it is, how it was trained, what it may be used for.

A model card (Mitchell et al. 2019, arXiv:1810.03993) in the Hub's form
(https://huggingface.co/docs/hub/model-cards). It names the training as its instructor did, and nobody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from gan_desktop import __version__
from gan_desktop.class_admin.loader_snippet import HUB_NEEDS, hub_snippet
from gan_desktop.class_admin.portrait import Figures

CHECKPOINT, CONFIG, FACES, FILM, CARD = (
    "checkpoint.safetensors",
    "config.json",
    "faces.png",
    "training.gif",
    "README.md",
)
FILM_LINE = f"\n![From noise to faces]({FILM})\n"
CELEBA_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"

_HOW = {
    "local_steps": (
        "Each computer took real optimizer steps through its share of the pictures and handed in how far its"
        " weights had moved; the weighted mean of these moves made the next iteration."
    ),
    "gradient": (
        "Each computer averaged gradients over its share of the pictures at fixed weights; one optimizer step"
        " with the weighted mean of them made the next iteration."
    ),
}
_CELEBA_TERMS = f"""\
It learned from **CelebA** (Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild, ICCV 2015). The
data set's terms: it may be used for **non-commercial research purposes only**; its pictures, and what is
derived from them, may not be reproduced, sold or exploited for commercial purposes; the pictures show real
people, belong to others, and may not be passed on. They are not in this repository. Read the terms before you
use this network: <{CELEBA_PAGE}>.
"""
_DRAWN_TERMS = """\
It learned from faces that a program has drawn: no person was photographed, and nobody's rights are touched.
"""
_OTHER_TERMS = """\
Its pictures were chosen by whoever published it, and are not in this repository. Whatever their terms say of
things that are made from them holds for this network too; where they show people, those people have rights.
Ask before you use it for anything but looking at it.
"""
_LIMITS = """\
- Made by a class to learn how a GAN learns. It was measured for nothing else.
- It draws what is frequent in its pictures: whoever is rare there is rare, or wrong, in what it draws.
- A face may come close to a picture that it learned from: nobody drawn here exists, but may resemble one.
- Do not use it to deceive, to imitate a person, or to judge anybody.
- Its pictures are small, and not every one is good.
"""


def model_card(figures: Figures, repository: str, *, has_film: bool = True) -> str:
    """Write the card of an iteration, as Markdown.

    Args:
        repository: `OWNER/NAME`, for the lines that load it.
        has_film: Whether the time-lapse is among the files.
    """
    config = figures.run.config
    size = f"{config.image_size} x {config.image_size}"
    return f"""{_front_matter(figures)}
# {_plain(figures.run.name)}

A generative adversarial network that draws pictures of {size} pixels. A class trained it together, everybody
on their own computer, with GAN Desktop {__version__}.

![What it draws]({FACES})

## How it was trained

| figure | value |
|---|---|
{_table(_training_rows(figures))}

{_HOW[config.mode]} Losses of a GAN are a contest, not a score. The distance is a sliced Wasserstein distance
x 1000 between what it draws and pictures that it never learned from: lower is better, and only trainings on
the same pictures can be compared by it.
{FILM_LINE if has_film else ""}
## The pictures and their terms

{_terms(figures)}
## What is here

| file | what |
|---|---|
{_table(_file_rows(has_film))}

`generator.*` and `discriminator.*` are the two networks, `ema.*` is the moving average of the generator: its
pictures are the better ones. Reading the file runs no program.

## How to draw with it

`pip install {HUB_NEEDS}`, and while the repository is private `hf auth login`. Then:

```python
{hub_snippet(repository, CHECKPOINT)}```

GAN Desktop itself draws from it with `gan-desktop faces --checkpoint {CHECKPOINT}` and goes on training from
it with `gan-desktop class new-run NAME --from {CHECKPOINT}`.

## Limits

{_LIMITS}"""


def card_config(figures: Figures) -> str:
    """`config.json`: the training's configuration with the program that knows what it means."""
    values = {
        "program": "gan-desktop",
        "program_version": __version__,
        "iteration": figures.iteration,
        "num_images": figures.num_images,
        **figures.run.config.to_json(),
    }
    return json.dumps(values, indent=2) + "\n"


def _front_matter(figures: Figures) -> str:
    lines = ["library_name: gan-desktop", "pipeline_tag: unconditional-image-generation"]
    if _is_celeba(figures):
        lines += ["license: other", "license_name: celeba-non-commercial", f"license_link: {CELEBA_PAGE}"]
    lines += ["tags:", "- gan", f"- {figures.run.config.network}", "- image-generation", "- safetensors"]
    return "\n".join(["---", *lines, "---"])


def _training_rows(figures: Figures) -> dict[str, str]:
    config = figures.run.config
    rows = {
        "network": f"{config.network}, {config.feature_maps} feature maps, z of length {config.latent_size}",
        "learned from": f"{_plain(figures.dataset.name)}: {figures.dataset.num_images:,} pictures",
        "iterations": f"{figures.iteration:,}",
        "images seen": f"{figures.num_images:,}",
        "computers": f"{figures.num_computers:,}",
        "optimizer": (f"Adam, rate {config.learning_rate:g}, beta1 {config.beta1:g}, beta2 {config.beta2:g}"),
    }
    return rows | ({"distance": f"{figures.distance:.1f}"} if figures.distance is not None else {})


def _file_rows(has_film: bool) -> dict[str, str]:
    rows = {
        f"`{CHECKPOINT}`": "both networks and the moving average, as 32-bit floats",
        f"`{CONFIG}`": "the training's configuration",
        f"`{FACES}`": "faces of this iteration",
    }
    return rows | ({f"`{FILM}`": "faces of all iterations up to it"} if has_film else {})


def _table(rows: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _terms(figures: Figures) -> str:
    if _is_celeba(figures):
        return _CELEBA_TERMS
    return _DRAWN_TERMS if re.fullmatch(r"\d+ drawn faces", figures.dataset.name) else _OTHER_TERMS


def _is_celeba(figures: Figures) -> bool:
    # The import gives CelebA its name by its files, wherever they lie (training/celeba.py).
    return "celeba" in figures.dataset.name.casefold()


def _plain(text: str) -> str:
    """A name as Markdown shows it, whatever stands in it."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", printable)
