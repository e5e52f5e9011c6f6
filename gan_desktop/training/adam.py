"""Adam (Kingma and Ba 2015, arXiv:1412.6980) by PyTorch's own kernels.

`torch.optim.Adam` would do the same to the last bit. But the first optimizer object that a process makes
imports PyTorch's compiler, which nothing here uses: a second and a half of one processor core.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.adam import adam

EPSILON = 1e-8


class Adam:
    """Takes Adam's steps on a network's parameters.

    Attributes:
        state: What is remembered of each parameter that has had a gradient, under PyTorch's names: `step`,
            `exp_avg` and `exp_avg_sq`.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float]
    ) -> None:
        self.state: dict[nn.Parameter, dict[str, torch.Tensor]] = {}
        self._parameters = list(parameters)
        self._learning_rate = learning_rate
        self._betas = betas

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        parameters = [parameter for parameter in self._parameters if parameter.grad is not None]
        if not parameters:
            return
        states = [self._state_of(parameter) for parameter in parameters]
        adam(
            list[torch.Tensor](parameters),
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=_is_fused(parameters[0]),
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=self._learning_rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def remember(
        self, parameter: nn.Parameter, num_steps: int, first: torch.Tensor, second: torch.Tensor
    ) -> None:
        """Go on after `num_steps` with these moments of a parameter; they are copied to its device.

        Args:
            first, second: Running means of the gradient and of its square, of the parameter's shape.
        """
        device = parameter.device
        self.state[parameter] = {
            "step": torch.tensor(float(num_steps), device=_step_device(parameter)),
            "exp_avg": first.to(device, copy=True),
            "exp_avg_sq": second.to(device, copy=True),
        }

    def follow(self) -> None:
        """Bring what is remembered to where the parameters are now."""
        for parameter, state in self.state.items():
            state["step"] = state["step"].to(_step_device(parameter))
            for key in ("exp_avg", "exp_avg_sq"):
                state[key] = state[key].to(parameter.device)

    def _state_of(self, parameter: nn.Parameter) -> dict[str, torch.Tensor]:
        if parameter not in self.state:
            zeros = torch.zeros_like(parameter)
            self.remember(parameter, 0, zeros, zeros)
        return self.state[parameter]


def _is_fused(parameter: nn.Parameter) -> bool:
    """Fused Adam allocates nothing in mid-step: memory can run out before a step or not at all."""
    return parameter.device.type in ("cpu", "cuda")


def _step_device(parameter: nn.Parameter) -> torch.device:
    # A step that the processor counts for a graphics card would make each wait for the other.
    return parameter.device if _is_fused(parameter) else torch.device("cpu")
