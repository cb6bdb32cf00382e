"""What has architectures evaluated for a search, and how each of them ended."""

from dataclasses import dataclass
from typing import Protocol

import optuna

from untrained.objectives.base import Evaluation


@dataclass(frozen=True)
class Outcome:
    """How an evaluation ended.

    Attributes:
        arch: The architecture.
        trial: The trial that it belongs to.
        seconds: How long it took.
        result: Its evaluation, or why there is none.
    """

    arch: str
    trial: optuna.Trial | None
    seconds: float
    result: Evaluation | BaseException

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation.

        Raises:
            BaseException: There is none, as this says.
        """
        if isinstance(self.result, Evaluation):
            return self.result
        raise self.result


class Evaluator(Protocol):
    """Evaluates architectures, `jobs` at a time.

    Attributes:
        jobs: How many may be begun and not ended.
        is_safe: Whether no evaluation can end this process.
    """

    jobs: int
    is_safe: bool

    def begin(self, arch: str, trial: optuna.Trial | None = None) -> None:
        """Has an architecture evaluated. No more than `jobs` are begun and not ended."""

    def end(self) -> Outcome:
        """Waits for an evaluation to end.

        Raises:
            InputError: Nothing can be evaluated.
            KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP.
        """
        ...

    def close(self) -> None:
        """Gives up what is not ended."""
