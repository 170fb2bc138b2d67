"""EventBridge's refusals of patterns and input transformers, with the place in the document."""

from __future__ import annotations

from pushproof.engines.events.document import place, shown_place


class EventError(ValueError):
    """A malformed pattern or input transformer. `line` and `column` count from 1, `reason` says what is wrong there."""

    def __init__(self, reason: str, at: int = 0, text: str = "") -> None:
        self.line, self.column = place(text, at)
        super().__init__(f"{reason} at line {self.line}, column {self.column}")
        self.reason = reason
        self.text = text
        self.at = at


class InvalidEventPattern(EventError):
    """A pattern that cannot be compiled. EventBridge's code: InvalidEventPatternException.

    `places` counts the places in EventBridge's message: one as a rule, two for members of a list of anything-but,
    none for CIDR blocks and for patterns that are too complex.
    """

    def __init__(self, reason: str, at: int = 0, text: str = "", places: int = 1) -> None:
        super().__init__(reason, at, text)
        self.places = places

    @property
    def message(self) -> str:
        """The text that PutRule answers."""
        return f"Event pattern is not valid. Reason: {self.reason}" + self.places * (
            "\n at " + shown_place(self.text, self.at)
        )


class InvalidTarget(EventError):
    """A fault in a target that PutTargets refuses. EventBridge's code: ValidationException.

    `reason` has `{target}` where EventBridge names the target.
    """

    def answer(self, target_id: str) -> str:
        """The text that PutTargets answers for the target."""
        return self.reason.replace("{target}", target_id)
