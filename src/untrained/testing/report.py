"""What a check says, and how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One question that `check_metric` or `check_space` has asked.

    Attributes:
        name: The question.
        passed: The answer; None for a figure that is to be read, without a verdict.
        found: What was seen, in words.
    """

    name: str
    passed: bool | None
    found: str


@dataclass(frozen=True, repr=False)
class Report:
    """Every question with its answer; printed, it is a table.

    Attributes:
        checks: The questions.
    """

    checks: Sequence[Check]

    @property
    def title(self) -> str:
        """What was on trial."""
        return ""

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return all(check.passed is not False for check in self.checks)

    def assert_passed(self) -> None:
        """Passes silently if no check has failed; for use in a test.

        Raises:
            AssertionError: With the whole table, if a check has failed.
        """
        if not self.passed:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        judged = [check for check in self.checks if check.passed is not None]
        words = {True: "ok", False: "FAILED", None: ""}
        lines = [f"{self.title}: {sum(map(bool, (c.passed for c in judged)))} of {len(judged)} checks passed"]
        lines += [f"  {words[check.passed]:<6}  {check.name:<27}  {check.found}" for check in self.checks]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__
