"""Settings of torch that change what a network computes."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TorchSettings:
    """The settings of this process, for another one to compute the same numbers."""

    dtype: torch.dtype
    device: torch.device
    precision: str
    deterministic: bool
    warn_only: bool
    cudnn: tuple[bool, bool, bool, bool]

    @classmethod
    def now(cls) -> "TorchSettings":
        """The settings as they are."""
        cudnn = torch.backends.cudnn
        return cls(
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        )

    def set(self) -> None:
        """Makes them those of this process; what is the same already is not touched."""
        now = TorchSettings.now()
        if self.dtype != now.dtype:
            torch.set_default_dtype(self.dtype)
        if self.device != now.device:
            torch.set_default_device(self.device)
        if self.precision != now.precision:
            torch.set_float32_matmul_precision(self.precision)
        if (self.deterministic, self.warn_only) != (now.deterministic, now.warn_only):
            torch.use_deterministic_algorithms(self.deterministic, warn_only=self.warn_only)
        if self.cudnn != now.cudnn:
            cudnn = torch.backends.cudnn
            cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = self.cudnn
