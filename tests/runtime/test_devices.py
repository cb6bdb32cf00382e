"""Devices and settings of torch: what can be told on a machine that has only a CPU."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from untrained.errors import InputError
from untrained.runtime.devices import default_dtype, exact_kernels, temporarily, usable_device, without_cudnn


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="before PyTorch 2.9 the setting is another")
def test_convolutions_on_cuda_are_exact_inside_only() -> None:
    cudnn: Any = torch.backends.cudnn

    def settings() -> tuple[Any, ...]:
        return cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision

    before = settings()
    with exact_kernels(torch.device("cuda", 1)):
        assert settings() == (True, False, "ieee", "ieee")
    assert settings() == before
    with exact_kernels(torch.device("cpu")):
        assert settings() == before
    with pytest.raises(KeyError), exact_kernels(torch.device("cuda")):
        raise KeyError
    assert settings() == before


def test_cudnn_is_off_inside_only() -> None:
    with without_cudnn(True):
        assert not torch.backends.cudnn.enabled
    with without_cudnn(False):
        assert torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled


def test_automatic_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    def there(cuda: bool, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    there(cuda=False, mps=True)
    assert usable_device("auto").type == "mps"
    assert usable_device("auto", double=True).type == "cpu"  # metrics sum in double precision
    there(cuda=True, mps=False)
    assert usable_device("auto", double=True).type == "cuda"
    with pytest.raises(InputError, match="device 'nonsense' cannot be used on this machine: give auto, cuda or cpu"):
        usable_device("nonsense", double=True)
    monkeypatch.setattr(torch, "empty", lambda _, device: SimpleNamespace(device=torch.device(device)))
    assert usable_device("mps").type == "mps"
    with pytest.raises(InputError, match="device 'mps' has no double precision, in which metrics sum: give auto, cuda"):
        usable_device("mps", double=True)


def test_the_default_type_is_set_inside_only() -> None:
    with suppress(KeyError), default_dtype(torch.float64):
        assert torch.zeros(1).dtype is torch.float64
        raise KeyError
    assert torch.zeros(1).dtype is torch.float32
    with default_dtype(None):
        assert torch.zeros(1).dtype is torch.float32


def test_settings_come_back_in_the_reverse_order() -> None:
    owner = SimpleNamespace(value=1)
    with temporarily((owner, "value", 2), (owner, "value", 3)):
        assert owner.value == 3
    assert owner.value == 1
