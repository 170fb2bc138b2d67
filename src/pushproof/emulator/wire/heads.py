"""Heads of HTTP requests: the request line and the headers, parsed once for everything after.

The parser is llhttp, which Node uses too. It refuses what RFC 9112 lets a server refuse: ends of lines without a carriage return,
folded headers, blanks before a colon, lengths that are lists, characters that no header or target may contain.
Source: https://www.rfc-editor.org/rfc/rfc9112, sections 2.2, 3, 5 and 6.3
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import httptools
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    should_preserve_original_header_name,
)

# : The variable that holds a request's headers as they arrived: the values of each, by lower-case name.
RAW_HEADERS = "pushproof.headers"
_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_END = b"\r\n\r\n"
_VERSIONS = ("1.0", "1.1")
_ENCOURAGED = ["100-continue"]


class Refused(Exception):
    """Bytes that are no request, or none that is answered here. `code` is the status of the answer."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(slots=True)
class Head:
    """A request line and its headers, by lower-case name."""

    method: str
    target: str
    version: str
    headers: dict[str, list[str]]
    #: The headers as variables of WSGI.
    variables: dict[str, object]
    #: The characters of all names and values.
    size: int

    @property
    def lasting(self) -> bool:
        """Return whether another request may follow on the connection."""
        if self.version != "1.1":
            return False
        options = self.headers.get("connection")
        return options is None or not any("close" in value.lower() for value in options)

    @property
    def expecting(self) -> bool:
        """Return whether the client waits for a word before it sends the body."""
        expected = self.headers.get("expect")
        return expected is not None and self.version == "1.1" and [v.lower() for v in expected] == _ENCOURAGED

    def environ(self) -> dict[str, object]:
        """Return the head in WSGI's variables: https://peps.python.org/pep-3333/#environ-variables."""
        target, host = self.target, None
        if target.startswith("/"):
            path, _, query = target.partition("#")[0].partition("?")
        else:
            # A whole URL, as for a proxy, whose host outweighs the header's (RFC 9112, section 3.2.2); or an asterisk.
            parts = urlsplit(target)
            path, query, host = parts.path, parts.query, parts.netloc
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            # WSGI's text is bytes in Latin-1.
            "PATH_INFO": unquote(path, "latin-1") if "%" in path else path,
            "QUERY_STRING": query,
            "REQUEST_URI": target,
            "RAW_URI": target,
            "SERVER_PROTOCOL": f"HTTP/{self.version}",
            RAW_HEADERS: self.headers,
            **self.variables,
        }
        if host:
            environ["HTTP_HOST"] = host
        return environ


@dataclass(slots=True)
class HeadParser:
    """A parser of one head, whose bytes may arrive in pieces."""

    _target: bytes = b""
    _fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    _begun: bool = False
    _complete: bool = False
    _fed: int = 0
    _parser: httptools.HttpRequestParser = field(init=False)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    # llhttp calls these.

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._complete = True

    # The server calls these.

    def end_of(self, received: bytes | bytearray) -> int | None:
        """Return the index at which the head ends in what was received so far; None if more of it must follow.

        Raises Refused as soon as the bytes can be no request.
        """
        end = received.find(_END, max(0, self._fed - 3))
        stop = len(received) if end < 0 else end + 4
        try:
            self._parser.feed_data(received[self._fed : stop])
        except httptools.HttpParserUpgrade:
            # The invitation to another protocol is declined by an answer in this one.
            pass
        except httptools.HttpParserError as error:
            # A line that is too long is refused as that, wherever it was cut.
            self._fed = stop
            self._check_lengths(received)
            raise Refused(400, f"this is no HTTP request: {error}") from error
        self._fed = stop
        self._check_lengths(received)
        if not self._begun:
            self._check_line(received)
        if end < 0:
            return None
        if not self._complete:
            raise Refused(400, "the headers end before they are complete")
        return stop

    def head(self) -> Head:
        """Return the head, which has ended."""
        headers: dict[str, list[str]] = {}
        variables: dict[str, object] = {}
        folded: list[tuple[str, str]] = []
        size = 0
        for raw, content in self._fields:
            name, variable = _names(raw)
            value = content.decode("latin-1").strip(" \t")
            size += len(raw) + len(value)
            values = headers.get(name)
            if values is None:
                headers[name] = [value]
            else:
                values.append(value)
            if not variable:
                folded.append((raw.decode("latin-1"), value))
            elif values is not None and variable[:5] == "HTTP_":
                variables[variable] = f"{variables[variable]},{value}"
            else:
                variables[variable] = value
        variables[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = _add_metadata(variables, folded) if folded else {}
        method, version = self._parser.get_method().decode(), self._parser.get_http_version()
        return Head(method, self._target.decode("latin-1"), version, headers, variables, size)

    def _check_lengths(self, received: bytes | bytearray) -> None:
        if len(self._fields) > _MOST_HEADERS:
            raise Refused(431, f"there are more than {_MOST_HEADERS} headers")
        if self._fed <= _LONGEST_LINE:
            return
        lines = (
            received[: self._fed].split(b"\n") if self._complete else [received[: _LONGEST_LINE + 1], _last(received)]
        )
        if len(lines[0].partition(b"\n")[0]) > _LONGEST_LINE:
            raise Refused(414, f"the request line has more than {_LONGEST_LINE} bytes")
        if any(len(line) > _LONGEST_LINE for line in lines[1:]):
            raise Refused(431, f"a header has more than {_LONGEST_LINE} bytes")

    def _check_line(self, received: bytes | bytearray) -> None:
        """Check the version of HTTP, once the request's line is here."""
        first = received.find(b"\n")
        if first < 0:
            return
        self._begun = True
        version = self._parser.get_http_version()
        if len(received[:first].split()) == 2:
            # HTTP/0.9, whose answers have no status line; nothing follows that could be waited for.
            raise Refused(400, "the request line names no version of HTTP")
        if version not in _VERSIONS:
            raise Refused(505, f"HTTP/{version} is not spoken here; HTTP/1.1 is")


def _last(received: bytes | bytearray) -> bytes:
    return bytes(received[received.rfind(b"\n") + 1 :])


def headers_of(request: Request) -> dict[str, str]:
    """Return a request's headers by lower-case name, as WSGI has them."""
    environ = request.environ
    headers: dict[str, str] = {}
    for variable, value in environ.items():
        if variable[:5] == "HTTP_" or (variable in _WITHOUT_PREFIX and value):
            headers[_header(variable)] = value
    preserved: dict[str, str] = environ.get(PRESERVED_HEADER_NAMES_ENVIRON_KEY) or {}
    for variable, name in preserved.items():
        if variable in environ:
            headers.pop(_header(variable), None)
            headers[name.lower()] = environ[variable]
    return headers


_WITHOUT_PREFIX = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


@functools.lru_cache(maxsize=4096)
def _header(variable: str) -> str:
    return variable.removeprefix("HTTP_").replace("_", "-").lower()


@functools.lru_cache(maxsize=4096)
def _names(raw: bytes) -> tuple[str, str]:
    """Return a header's name in lower case, and its variable; none for a name with an underscore, which WSGI would fold."""
    name = raw.decode("latin-1")
    variable = name.upper().replace("-", "_")
    if "_" in name:
        variable = ""
    elif variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        variable = f"HTTP_{variable}"
    return name.lower(), variable


def _add_metadata(variables: dict[str, object], folded: list[tuple[str, str]]) -> dict[str, str]:
    """Add headers of S3's metadata with an underscore, and return their names by variable.

    One with a dash in the same place is never replaced by it.
    """
    names: dict[str, str] = {}
    for name, value in folded:
        variable = f"HTTP_{name.upper().replace('-', '_')}"
        if not should_preserve_original_header_name(name) or (variable in variables and variable not in names):
            continue
        variables[variable] = f"{variables[variable]},{value}" if variable in names else value
        names.setdefault(variable, name)
    return names
