"""Multi-head attention, operation by operation."""

from types import FunctionType
from typing import Any

import torch.nn.functional as F

from untrained.probe.tape.tape import Tape

_steps: Any = F.multi_head_attention_forward
# PyTorch's own function, except that it does not ask whether a mode sees it: the tape does, and is to see what the
# function calls instead.
_steps = FunctionType(_steps.__code__, vars(F) | {"has_torch_function": lambda _: False}, argdefs=_steps.__defaults__)


def attention(tape: Tape, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Records the operations that attention consists of."""
    with tape:
        return _steps(*args, **kwargs)
