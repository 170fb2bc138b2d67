"""What EventBridge refuses, with the place in the document."""

from __future__ import annotations


class EventError(ValueError):
    """A malformed pattern or input transformer. `line` and `column` count from 1, `reason` says what is wrong there."""

    def __init__(self, reason: str, line: int = 1, column: int = 1, text: str = "") -> None:
        super().__init__(f"{reason} at line {line}, column {column}")
        self.reason = reason
        self.line = line
        self.column = column
        self.text = text

    @property
    def place(self) -> str:
        """The place in the form EventBridge shows it."""
        return f'[Source: (String)"{self.text}"; line: {self.line}, column: {self.column}]'


class InvalidEventPattern(EventError):
    """A pattern that cannot be compiled. EventBridge's code: InvalidEventPatternException."""

    @property
    def message(self) -> str:
        """As PutRule answers it."""
        return f"Event pattern is not valid. Reason: {self.reason}\n at {self.place}"


class InvalidInputTransformer(EventError):
    """An InputPathsMap or InputTemplate that cannot be used. EventBridge's code: ValidationException."""

    def answer(self, target_id: str) -> str:
        """As PutTargets answers it for the target."""
        return f"Invalid InputTemplate for target {target_id} : {self.reason} {self.place}"
