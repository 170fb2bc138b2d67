"""A build's log: lines in CodeBuild's style, streamed to CloudWatch Logs with the project role's own credentials."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_logs.type_defs import InputLogEventTypeDef

    from pushproof.emulator.kernel.site import Site

_BATCH = 1000


class LogStream:
    """Collects lines and puts them into a stream; off the world's lock.

    Lines may come from any thread. `client` is None if the project's logs are disabled.
    """

    def __init__(self, site: Site, client: CloudWatchLogsClient | None, group: str, stream: str) -> None:
        self._site = site
        self._client = client
        self.group = group
        self.stream = stream
        self._lines: list[tuple[int, str]] = []
        self._guard = threading.Lock()
        self._sending = threading.Lock()
        self._scheduled = False
        self.refusal: str | None = None

    def open(self) -> None:
        """Create group and stream. Raises botocore's ClientError when the role lacks the permission."""
        if self._client is None:
            return
        try:
            self._client.create_log_group(logGroupName=self.group)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # A role that may not create groups is enough if Terraform created the group.
            if code != "ResourceAlreadyExistsException" and "AccessDenied" not in code:
                raise
        try:
            self._client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise

    def agent(self, text: str) -> None:
        """Add a line of CodeBuild's own: `[Container] 2026/01/31 10:00:00.000000 …`."""
        at = self._site.clock.stamp(self._site.clock.now())
        self.line(f"[Container] {at:%Y/%m/%d %H:%M:%S.%f} {text}")

    def line(self, text: str) -> None:
        """Add a line as it is."""
        at = int(self._site.clock.stamp(self._site.clock.now()).timestamp() * 1000)
        with self._guard:
            # CloudWatch Logs refuses empty messages; CodeBuild includes the line's end.
            self._lines.append((at, text + "\n"))
            if self._scheduled or self._client is None:
                return
            self._scheduled = True
        self._site.loop.call_soon(lambda: self._site.loop.submit(self.flush, name="build log"), name="build log")

    def flush(self) -> None:
        """Send the collected lines in order. A refusal of the role is remembered, and does not fail the build."""
        with self._sending:
            with self._guard:
                self._scheduled = False
                lines, self._lines = self._lines, []
            if self._client is None:
                return
            for start in range(0, len(lines), _BATCH):
                events: list[InputLogEventTypeDef] = [
                    {"timestamp": at, "message": text} for at, text in lines[start : start + _BATCH]
                ]
                try:
                    self._client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
                except ClientError as error:
                    self.refusal = str(error)
                    return
