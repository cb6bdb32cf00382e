"""Multi-head attention, operation by operation."""

from types import FunctionType
from typing import Any

import torch.nn.functional as F

from untrained.probe.tape.tape import Tape

_steps: Any = F.multi_head_attention_forward
# The function itself, but for its first question: whether a mode sees it. One does, and is to see what it calls.
_steps = FunctionType(_steps.__code__, vars(F) | {"has_torch_function": lambda _: False}, argdefs=_steps.__defaults__)


def attention(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    with tape:
        return _steps(*args, **kwargs)
