"""Strict reading of request bodies, in each of AWS's protocols. A body that AWS cannot read is refused here, in AWS's words.

moto's model-driven parsers walk the body, but accept anything: a body that is not JSON is an empty request to them. The
subclasses here check the values.

Sources: https://smithy.io/2.0/aws/protocols/index.html. The words are those AWS's services answered to the tests of
https://github.com/mhart/kinesalite and https://github.com/architect/dynalite, which were run against AWS; for the query
protocol reports such as https://github.com/brendanhay/amazonka/issues/209.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

from botocore.utils import parse_timestamp
from moto.core import parse as moto_parse
from moto.core.request import Request

from pushproof.emulator.kernel.errors import AwsError

# moto marks these as untyped.
_parsers: Any = moto_parse
# Text that is not UTF-8 contains one of these.
_BEYOND_ASCII = re.compile(rb"%[89a-fA-F]|[\x80-\xff]")
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_JSON_WORDS = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}


class Unreadable(AwsError):
    """A request that AWS cannot read. It is refused whatever answers its service."""


def unreadable_json(reason: str = "") -> Unreadable:
    """Return the refusal of the JSON protocols; without a reason if the body is not JSON, as AWS states none there."""
    return Unreadable("SerializationException", reason, 400)


def _token(value: object) -> str:
    """Return a JSON value's kind, in the words of AWS's parser."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "DECIMAL_VALUE" if isinstance(value, float) else "NUMBER_VALUE"


def _mismatch(value: object, expected: str) -> NoReturn:
    if isinstance(value, dict):
        raise unreadable_json("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise unreadable_json("Start of list found where not expected")
    raise unreadable_json(f"{_token(value)} can not be converted to {expected}")


def read_json(body: bytes) -> Any:
    """Parse a JSON text. Raises Unreadable if it is not UTF-8, not JSON, has numbers that JSON lacks, or is nested too deep."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise unreadable_json() from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _blob(value: object) -> bytes:
    if not isinstance(value, str):
        _mismatch(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        if len(value) % 4:
            reason = f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(value)}"
        else:
            reason = "Invalid Base64 character"
        raise unreadable_json(f"'{value[:100]}' can not be converted to a Blob: {reason}") from error


class _StrictJson:
    """Checks of JSON values, mixed in before moto's parsers.

    Members in headers, paths and queries are text, and are read as text.
    """

    MAP_TYPE: type[dict[str, Any]] = dict
    _parse_shape: Any
    # Whether the current value is text from outside the body.
    _text = False

    def _parse_structure(self, shape: Any, value: Any) -> Any:
        if shape.is_document_type:
            return value
        if not isinstance(value, dict):
            if isinstance(value, list):
                _mismatch(value, "")
            raise unreadable_json("Expected null")
        parsed = self.MAP_TYPE()
        for name, member in shape.members.items():
            element = value.get(member.serialization.get("name", name))
            if element is not None and "location" not in member.serialization:
                parsed[name] = self._parse_shape(member, element)
        return parsed

    def _parse_list(self, shape: Any, value: Any) -> list[Any]:
        if self._text and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if not isinstance(value, list):
            if isinstance(value, dict):
                _mismatch(value, "")
            raise unreadable_json("Expected list or null")
        if None in value:
            raise unreadable_json("null found where not expected in a list")
        return [self._parse_shape(shape.member, item) for item in value]

    def _parse_map(self, shape: Any, value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            if isinstance(value, list):
                _mismatch(value, "")
            raise unreadable_json("Expected map or null")
        return {
            self._parse_shape(shape.key, key): self._parse_shape(shape.value, item)
            for key, item in value.items()
            if item is not None
        }

    def _parse_string(self, shape: Any, value: Any) -> Any:
        if not isinstance(value, str):
            _mismatch(value, "a String")
        if not value.isascii():
            _check_text(value)
        return value

    _parse_character = _parse_string

    def _parse_boolean(self, shape: Any, value: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        if self._text and value in ("true", "false"):
            return bool(value == "true")
        if isinstance(value, str):
            raise unreadable_json(f"'{value[:100]}' can not be converted to a Boolean")
        _mismatch(value, "a Boolean")

    def _parse_integer(self, shape: Any, value: Any) -> int:
        if self._text and isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            _mismatch(value, _JSON_WORDS.get(shape.type_name, "an Integer"))
        return int(value)

    _parse_byte = _parse_short = _parse_long = _parse_integer

    def _parse_float(self, shape: Any, value: Any) -> float:
        if isinstance(value, str) and (self._text or value in ("NaN", "Infinity", "-Infinity")):
            try:
                return float(value)
            except ValueError:
                _mismatch(value, _JSON_WORDS[shape.type_name])
        if isinstance(value, bool) or not isinstance(value, int | float):
            _mismatch(value, _JSON_WORDS.get(shape.type_name, "a Float"))
        return float(value)

    _parse_double = _parse_float

    def _parse_blob(self, shape: Any, value: Any) -> bytes:
        return _blob(value)

    def _parse_timestamp(self, shape: Any, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            _mismatch(value, "a Timestamp")
        try:
            read: Any = parse_timestamp
            return read(value)
        except (ValueError, OverflowError, OSError, RuntimeError) as error:
            raise unreadable_json(f"'{value}' can not be converted to a Timestamp") from error


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Half of a surrogate pair is no character, and cannot be encoded again.
        raise unreadable_json("The text has half of a surrogate pair") from error


class _Json(_StrictJson, _parsers.JSONParser):  # type: ignore[misc]
    def _do_parse(self, request: Any, shape: Any) -> Any:
        body = request["body"]
        if not body and not shape.members:
            # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html: no payload needs no body.
            return {}
        parsed = read_json(body)
        if not isinstance(parsed, dict):
            raise unreadable_json()
        return self._parse_structure(shape, parsed)


class _RestJson(_StrictJson, _parsers.RestJSONParser):  # type: ignore[misc]
    def _parse_non_payload_attrs(self, *arguments: Any) -> None:
        self._text = True
        try:
            super()._parse_non_payload_attrs(*arguments)
        finally:
            self._text = False

    def _parse_string(self, shape: Any, value: Any) -> Any:
        if value is None and self._text:
            return None
        if self._text:
            return _parsers.RestJSONParser._parse_string(self, shape, value)
        return super()._parse_string(shape, value)

    def _parse_list(self, shape: Any, value: Any) -> list[Any]:
        # An absent list of a query is an empty one.
        return [] if value is None and self._text else super()._parse_list(shape, value)

    def _initial_body_parse(self, body: bytes) -> Any:
        if not body:
            return {}
        # A payload may be any document. Everything else is an object, which is checked later.
        return read_json(body)

    def _parse_payload(self, request: Any, shape: Any, members: Any, parsed: Any) -> None:
        if not any("location" not in member.serialization for member in members.values()):
            # The body is ignored, as with GET.
            return
        super()._parse_payload(request, shape, members, parsed)


class _Query(_parsers.QueryParser):  # type: ignore[misc]
    """Form parameters. `_refuse` words the refusal of a value of the wrong type."""

    def _do_parse(self, request: Any, shape: Any) -> Any:
        self._check_nesting(request["values"], shape)
        return super()._do_parse(request, shape)

    def _check_nesting(self, values: Iterable[str], shape: Any) -> None:
        """Refuse a plain member that has an index or a member of its own.

        Source: https://github.com/brendanhay/amazonka/issues/209 (`Endpoint.EndpointArn` where Endpoint is text).
        """
        plain = {
            self._get_serialized_name(member, name)
            for name, member in shape.members.items()
            if member.type_name not in ("structure", "list", "map")
        }
        for key in values:
            head, dot, _ = key.partition(".")
            if dot and head in plain:
                raise Unreadable("MalformedInput", "Start of list found where not expected", 400)

    def _refuse(self, name: str, value: object, kind: str) -> NoReturn:
        raise Unreadable("MalformedInput", f"'{value}' can not be converted to {kind}", 400)

    def _parse_integer(self, shape: Any, query_params: Any, prefix: str = "") -> Any:
        value = self._default_handle(shape, query_params, prefix)
        if isinstance(value, str):
            if not _INTEGER.fullmatch(value):
                self._refuse(prefix, value, "an Integer")
            return int(value)
        return value

    _parse_long = _parse_integer

    def _parse_float(self, shape: Any, query_params: Any, prefix: str = "") -> Any:
        value = self._default_handle(shape, query_params, prefix)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                self._refuse(prefix, value, "a Double")
        return value

    _parse_double = _parse_float

    def _parse_boolean(self, shape: Any, query_params: Any, prefix: str = "") -> Any:
        value = self._default_handle(shape, query_params, prefix)
        if isinstance(value, str):
            if value.lower() not in ("true", "false"):
                self._refuse_boolean(prefix, value)
            return value.lower() == "true"
        return value

    def _refuse_boolean(self, name: str, value: str) -> NoReturn:
        raise Unreadable("MalformedInput", "boolean must follow xsd1.1 definition", 400)

    def _parse_blob(self, shape: Any, query_params: Any, prefix: str = "") -> Any:
        value = self._default_handle(shape, query_params, prefix)
        if isinstance(value, str):
            try:
                return base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                self._refuse(prefix, value[:100], "a Blob")
        return value

    def _parse_timestamp(self, shape: Any, query_params: Any, prefix: str = "") -> Any:
        value = self._default_handle(shape, query_params, prefix)
        if isinstance(value, str):
            try:
                return parse_timestamp(value)
            except (ValueError, OverflowError, OSError, RuntimeError):
                self._refuse(prefix, value[:100], "a Timestamp")
        return value


class _Ec2(_Query, _parsers.EC2QueryParser):  # type: ignore[misc]
    """EC2's dialect.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidParameterValue)
    """

    _parse_list = _parsers.EC2QueryParser._parse_list
    _get_serialized_name = _parsers.EC2QueryParser._get_serialized_name

    def _check_nesting(self, values: Iterable[str], shape: Any) -> None:
        """Do nothing: EC2 ignores the nesting."""

    def _refuse(self, name: str, value: object, kind: str) -> NoReturn:
        raise Unreadable("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid.", 400)

    def _refuse_boolean(self, name: str, value: str) -> NoReturn:
        self._refuse(name, value, "a Boolean")


class _RestXml(_parsers.RestXMLParser):  # type: ignore[misc]
    def _initial_body_parse(self, body: bytes) -> Any:
        if not body:
            return ElementTree.Element("")
        try:
            parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder())
            parser.feed(body)
            return parser.close()
        except (ElementTree.ParseError, ExpatError, ValueError, LookupError) as error:
            raise malformed_xml() from error


def malformed_xml() -> Unreadable:
    """Return S3's refusal of a body that is not XML, or not the expected XML."""
    words = "The XML you provided was not well-formed or did not validate against our published schema"
    return Unreadable("MalformedXML", words, 400)


_PARSERS = {"ec2": _Ec2, "json": _Json, "query": _Query, "rest-json": _RestJson, "rest-xml": _RestXml}


def check_form(request: Request) -> None:
    """Raise Unreadable if a form's text is not UTF-8.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (MalformedQueryString, 404)
    """
    for text in (request.query_string, request.get_data(cache=True)):
        if _BEYOND_ASCII.search(text):
            from urllib.parse import unquote_to_bytes

            try:
                unquote_to_bytes(text).decode("utf-8")
            except UnicodeDecodeError as error:
                raise Unreadable("MalformedQueryString", "The query string contains a syntax error.", 404) from error


def parameters_of(operation: Any, uri: dict[str, Any], protocol: str, request: Request) -> dict[str, Any]:
    """Return a request's parameters under botocore's member names. Raises Unreadable."""
    parser: Any = _PARSERS[protocol](operation, timestamp_parser=parse_timestamp)
    try:
        return dict(
            parser.parse(
                {
                    "body": request.get_data(cache=True),
                    "headers": request.headers,
                    "method": request.method,
                    "url_params": uri,
                    "url_path": request.path,
                    "values": request.values,
                }
            )
        )
    except Unreadable:
        raise
    except Exception as error:
        if protocol == "rest-xml":
            raise malformed_xml() from error
        code = {"query": "MalformedInput", "ec2": "InvalidRequest"}.get(protocol, "SerializationException")
        raise Unreadable(code, f"{operation.name}: the request cannot be read: {error}", 400) from error
