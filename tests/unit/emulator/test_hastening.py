"""Faster equivalents of moto's parts: each returns what moto's own returns."""

from __future__ import annotations

from typing import Any

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core import serialize
from moto.core.utils import get_service_model
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3.models import FakeGrant

from pushproof.emulator.kernel.hastening import Xml, hasten

XML = Xml(xmltodict)
_NAMES = st.sampled_from(("a", "Name", "vpc-id", "@xmlns", "@xsi:type", "#text", "#comment", "9", "a b", "é", "", "?x"))
_PLAIN_NAMES = st.sampled_from(("a", "Name", "vpcId", "item", "@xmlns", "#text"))
_TEXTS = st.sampled_from(("", "x", "a<b>&c", 'it\'s "quoted"', "ü", "]]>")) | st.text(max_size=5)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | st.binary(max_size=4)


def documents(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


def outcome(written: Any, content: Any, **options: Any) -> Any:
    try:
        return written(content, **options)
    except Exception as error:
        return type(error)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(_NAMES, documents(_NAMES), max_size=2)
    | st.dictionaries(_PLAIN_NAMES, documents(_PLAIN_NAMES), max_size=2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_xml_is_the_same(content: dict[str, Any], whole: bool, short: bool, pretty: bool) -> None:
    """Any document is written as the library writes it, and refused where it refuses it."""
    options = {"full_document": whole, "short_empty_elements": short, "pretty": pretty}
    assert outcome(XML.unparse, content, **options) == outcome(xmltodict.unparse, content, **options)


def test_an_ordinary_document_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not asked for it."""
    monkeypatch.setattr(xmltodict, "unparse", None)
    vpcs = {"@xmlns": "http://ec2", "vpcSet": {"item": [{"vpcId": "vpc-1", "isDefault": True, "n": 4}, {}]}, "tags": []}
    written = XML.unparse({"DescribeVpcsResponse": vpcs}, full_document=True, short_empty_elements=True, pretty=False)
    assert written == (
        '<?xml version="1.0" encoding="utf-8"?>\n<DescribeVpcsResponse xmlns="http://ec2"><vpcSet><item><vpcId>vpc-1</vpcId>'
        "<isDefault>true</isDefault><n>4</n></item><item/></vpcSet></DescribeVpcsResponse>"
    )


class Vpc:
    """A resource as moto has them."""

    class Meta:
        """Another name of a member."""

        serialization_aliases = {"OwnerId": "account"}  # noqa: RUF012

    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


class Plain(Vpc):
    """One whose class is no prefix of its members' names."""

    Meta = None


_MEMBERS = (
    "VpcId", "vpc_id", "id", "Id", "account", "OwnerId", "owner_id", "Tags", "tags", "State", "state", "IsDefault", "is_default",
    "DhcpOptionsId", "dhcp_options_id", "CidrBlock", "cidr_block", "VpcsSet", "vpcs", "Vpcs",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        (
            ("ec2", "DescribeVpcs", "Vpcs"),
            ("rds", "DescribeDBInstances", "DBInstances"),
            ("sns", "ListTopics", "Topics"),
        )
    ),
    st.dictionaries(st.sampled_from(_MEMBERS), st.integers() | st.none(), max_size=8),
    st.sampled_from((dict, Vpc, Plain)),
    st.sampled_from(({}, {"State": str}, {"Vpc.VpcId": repr, "VpcId": str}, {"Id": str})),
)
def test_values_are_read_alike(
    operation: tuple[str, str, str], members: dict[str, Any], kind: Any, transformers: Any
) -> None:
    """A member of an answer has the value that moto's own reader has for it, whatever it is called, and transformed alike."""
    hasten()
    model = get_service_model(operation[0]).operation_model(operation[1])
    shape = model.output_shape.members[operation[2]].member
    for member in shape.members.values():
        member.parent = shape
    picker = serialize.XFormedAttributePicker(response_transformers=transformers)
    serializer = serialize.get_serializer_class(operation[0], "query")(model, value_picker=picker)
    serializer.path = [operation[1], "Vpcs", "Vpc"]
    value = kind(**members)
    for key, member in shape.members.items():
        context = serialize.AttributePickerContext(
            value, key, member, model, model.service_model, ".".join(serializer.path)
        )
        for _ in range(2):
            assert serializer.get_value(value, key, member) == picker(context)


def test_random_names_have_their_length_and_letters() -> None:
    """Random names are like moto's own: so many letters of that kind, and others every time."""
    hasten()
    source = MotoRandom()
    assert len(source.get_random_string()) == 20
    long = source.get_random_string(5000, include_digits=False)
    assert long.isalpha()
    assert long.isascii()
    assert any(letter.isdigit() for letter in source.get_random_string(5000))
    assert source.get_random_string(52) != source.get_random_string(52)


def test_what_is_deleted_is_not_held() -> None:
    """S3's objects alone are listed apart from the backends, to close their files; a deleted interface takes no memory."""
    hasten()
    for model, held in ((NetworkInterface, False), (FakeGrant, True)):
        tracked = vars(model)["instances_tracked"]
        before = list(tracked)
        instance = model.__new__(model)
        assert any(each is instance for each in tracked) is held
        tracked[:] = before
