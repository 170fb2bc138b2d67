"""The rules of containers' networks, as text for nft."""

from __future__ import annotations

import re
from dataclasses import replace

from pushproof.emulator.kernel.tasks import Caller, Impairment
from pushproof.emulator.runtime.docker.firewall import Pool, Surroundings, local_addresses, ruleset
from pushproof.engines.reachability import Block, OpenBlock, OpenPorts

AROUND = Surroundings(
    network="172.18.0.0/16",
    own=frozenset({"172.18.0.1"}),
    host=frozenset({"172.17.0.1", "192.0.2.2"}),
    gateway="172.18.0.1",
    ports=frozenset({4566}),
)
TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 172.17.0.0/31 1 0 0
        |-- 172.17.0.0
           /16 link UNICAST
        |-- 172.17.0.1
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
     |-- 192.0.2.2
        /32 host LOCAL
Local:
     |-- 192.0.2.2
        /32 host LOCAL
"""


def chain(text: str, hook: str) -> list[str]:
    """Return the rules of a chain, in order."""
    block = re.search(rf"chain {hook} {{\n(.*?)\n  }}", text, re.DOTALL)
    assert block is not None, text
    return [line.strip() for line in block[1].splitlines()][1:]


def test_of_the_machine_only_what_is_needed_is_open() -> None:
    """The gateway's port and DNS pass; every other port of every address of the machine is closed, also to containers inside."""
    text = ruleset(AROUND, ())
    everything = "{ 172.17.0.1, 172.18.0.1, 192.0.2.2 }"
    assert chain(text, "output") == [
        'oifname "lo" accept',
        "ct state established,related accept",
        f"ip daddr {everything} meta l4proto {{ tcp, udp }} th dport 53 accept",
        "ip daddr 172.18.0.1 tcp dport { 4566 } accept",
        f"ip daddr {everything} drop",
    ]
    assert chain(text, "forward") == chain(text, "output")


def test_an_address_that_the_machine_gets_later_is_closed_now() -> None:
    """Docker gives the machine the first address of each network, and takes networks from its pools."""
    pools = Pool("172.16.0.0/12", 16), Pool("10.9.0.0/16", 24)
    text = ruleset(replace(AROUND, pools=pools, host_ports=frozenset({5432})), ())
    later = [
        "ip daddr 172.16.0.0/12 ip daddr & 0.0.255.255 == 0.0.0.1",
        "ip daddr 10.9.0.0/16 ip daddr & 0.0.0.255 == 0.0.0.1",
    ]
    rules = chain(text, "output")
    assert rules[-2:] == [f"{each} drop" for each in later]
    for words in ("meta l4proto { tcp, udp } th dport 53 accept", "tcp dport { 5432 } accept"):
        assert {f"{each} {words}" for each in later} <= set(rules)


def test_ports_that_the_settings_name_are_open_too() -> None:
    """They are on every address of the machine."""
    text = ruleset(
        Surroundings("172.18.0.0/16", AROUND.own, AROUND.host, "172.18.0.1", AROUND.ports, frozenset({5432}))
    )
    assert "ip daddr { 172.17.0.1, 172.18.0.1, 192.0.2.2 } tcp dport { 5432 } accept" in chain(text, "output")


def test_of_the_internet_only_what_is_reached_is_open() -> None:
    """Public addresses are open in runs and on ports, after what is closed of the machine; nothing reached: all are closed."""
    reached = (
        OpenBlock(Block.parse("203.0.113.0/24"), (OpenPorts("tcp", 443, 443), OpenPorts("icmp", 0, 65535))),
        OpenBlock(Block.parse("8.8.8.8"), (OpenPorts("udp", 53, 53),)),
    )
    private, *rules = chain(ruleset(AROUND, None, (), reached), "output")[-4:]
    assert private.startswith("ip daddr { 0.0.0.0-0.255.255.255, 10.0.0.0-10.255.255.255, ")
    assert rules == [
        "ip daddr . meta l4proto . th dport "
        "{ 203.0.113.0-203.0.113.255 . tcp . 443-443, 8.8.8.8-8.8.8.8 . udp . 53-53 } accept",
        "ip daddr { 203.0.113.0-203.0.113.255 } meta l4proto icmp accept",
        "meta nfproto ipv4 drop",
    ]
    closed = chain(ruleset(AROUND, None, (), ()), "output")
    assert closed[-1] == "meta nfproto ipv4 drop"
    assert closed[-3:-1] == ["ip daddr 172.18.0.0/16 accept", private]
    assert chain(ruleset(AROUND, None, (), reached), "forward") == chain(ruleset(AROUND, None, (), reached), "output")


def test_only_callers_come_in_and_on_their_ports() -> None:
    """Containers of the network that are no callers are closed out; the world's process is not."""
    callers = (
        Caller("172.18.0.5", (OpenPorts("tcp", 80, 80), OpenPorts("icmp", 0, 65535))),
        Caller("172.18.0.6", (OpenPorts("udp", 53, 60),)),
    )
    assert chain(ruleset(AROUND, callers), "input") == [
        'iifname "lo" accept',
        "ct state established,related accept",
        "ip saddr { 172.18.0.1 } accept",
        "ip saddr . meta l4proto . th dport { 172.18.0.5 . tcp . 80-80, 172.18.0.6 . udp . 53-60 } accept",
        "ip saddr { 172.18.0.5 } meta l4proto icmp accept",
        "ip saddr 172.18.0.0/16 drop",
    ]
    assert chain(ruleset(AROUND, ()), "input")[-2:] == ["ip saddr { 172.18.0.1 } accept", "ip saddr 172.18.0.0/16 drop"]


def test_packets_that_a_fault_takes_are_gone_whatever_else_is_open() -> None:
    """They are dropped before anything is accepted; the port of AWS's APIs is the gateway's too; loopback has all of them."""
    taken = (
        Impairment("egress", "tcp", 443),
        Impairment("egress", rate=0.07),
        Impairment("ingress", "udp", 53),
    )
    text = ruleset(AROUND, (), taken)
    assert chain(text, "output")[:4] == [
        'oifname "lo" accept',
        "tcp dport 443 drop",
        "ip daddr 172.18.0.1 tcp dport { 4566 } drop",
        "numgen random mod 10000 < 700 drop",
    ]
    assert chain(text, "input")[:3] == [
        'iifname "lo" accept',
        "udp dport 53 drop",
        "ct state established,related accept",
    ]
    assert chain(ruleset(AROUND, None, taken), "input") == ['iifname "lo" accept', "udp dport 53 drop"]
    assert chain(ruleset(AROUND, (), (Impairment("egress"),)), "output")[1] == "drop"


def test_a_network_that_is_not_enforced_is_open_inwards() -> None:
    """Packets that come in are not looked at where there are no callers to judge; the machine stays closed."""
    text = ruleset(AROUND)
    assert "chain input" not in text
    assert chain(text, "output")[-1].endswith("drop")


def test_new_rules_replace_the_old_ones_at_once() -> None:
    """nft reads a file as one transaction: the table is made if need be, deleted and made anew."""
    lines = ruleset(AROUND, ()).splitlines()
    assert lines[:3] == ["table inet pushproof", "delete table inet pushproof", "table inet pushproof {"]


def test_the_addresses_of_a_machine() -> None:
    """Each of its own addresses is found once, and loopback's are not among them."""
    assert local_addresses(TRIE) == {"172.17.0.1", "192.0.2.2"}
