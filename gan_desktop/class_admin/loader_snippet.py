"""A few lines of Python that draw a face from a checkpoint, for whoever does not have this program.

docs/checkpoints.md shows the same lines; a test runs them.
"""

from __future__ import annotations

NEEDS = "torch safetensors pillow"
HUB_NEEDS = f"{NEEDS} huggingface_hub"

_IMPORTS = """\
import json
import torch
{imports}from PIL import Image
from safetensors import safe_open
from torch import nn

with safe_open({file}, framework="pt") as file:
"""
_DRAWING = """\
    config = json.loads(file.metadata()["config"])
    ema = {name[4:]: file.get_tensor(name) for name in file.keys() if name.startswith("ema.")}

channels = config["feature_maps"] * config["image_size"] // 8
layers = [
    nn.ConvTranspose2d(config["latent_size"], channels, 4, bias=False),
    nn.BatchNorm2d(channels),
    nn.ReLU(),
]
while channels > config["feature_maps"]:
    layers += [nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(channels // 2), nn.ReLU()]
    channels //= 2
layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh()]
generator = nn.Sequential(*layers)
generator.load_state_dict(
    {name.removeprefix("layers."): tensor for name, tensor in ema.items()}, strict=False
)
generator.eval()

with torch.no_grad():
    face = generator(torch.randn(1, config["latent_size"], 1, 1))[0]
Image.fromarray(((face + 1) * 127.5).byte().permute(1, 2, 0).numpy()).save("face.png")
"""


def file_snippet(path: str) -> str:
    """For a checkpoint on the disk."""
    return _IMPORTS.format(imports="", file=_quoted(path)) + _DRAWING


def hub_snippet(repository: str, file: str) -> str:
    """For a checkpoint in a repository (`OWNER/NAME`) of the Hugging Face Hub."""
    fetched = f"hf_hub_download({_quoted(repository)}, {_quoted(file)})"
    imports = "from huggingface_hub import hf_hub_download\n"
    return _IMPORTS.format(imports=imports, file=fetched) + _DRAWING


def _quoted(text: str) -> str:
    """As Python writes it between double quotes; a path of Windows keeps its backslashes."""
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'
