"""Names, paths and documents with characters that IAM refuses, in sentences of its own."""

from __future__ import annotations

import re
from typing import Any

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.protocol import service_model

# By the pattern in IAM's model.
_SENTENCES = {
    r"[\w+=,.@-]+": "It must contain only alphanumeric characters and/or the following: +=,.@_-",
    r"[\u0009\u000A\u000D\u0020-\u00FF]+": "It must contain only printable ASCII characters.",
}
_PATH = "It must begin and end with / and contain only alphanumeric characters and/or / characters."


def check_names(operation: str, request: dict[str, Any]) -> None:
    """Raise AwsError (ValidationError) for the first name, path or document with characters that IAM refuses."""
    shape = service_model("iam").operation_model(operation).input_shape
    for name, member in shape.members.items() if shape is not None else ():
        value, pattern = request.get(name), member.metadata.get("pattern")
        sentence = _PATH if name == "Path" else _SENTENCES.get(pattern or "")
        if isinstance(value, str) and value and pattern and sentence and not re.fullmatch(pattern, value, re.ASCII):
            shown = name[0].lower() + name[1:]
            raise AwsError("ValidationError", f"The specified value for {shown} is invalid. {sentence}", 400)
