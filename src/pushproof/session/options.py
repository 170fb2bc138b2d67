"""Options of the pytest plugin: names of their own, short names that yield to other plugins, and keys of the ini file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from argparse import Namespace

_PREFIX = "--pushproof-"


@dataclass(frozen=True, slots=True)
class Option:
    """An option `--pushproof-NAME`, short `--NAME`, with the ini key `pushproof_NAME`. A switch has no `metavar`.

    `short`: whether there is a short name.
    """

    name: str
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    short: bool = True

    @property
    def long(self) -> str:
        """The full name."""
        return _PREFIX + self.name

    @property
    def key(self) -> str:
        """The ini key, and the name among pytest's options."""
        return "pushproof_" + self.name.replace("-", "_")


# Help texts: lower case, no full stop, the default in brackets where there is one.
OPTIONS = (
    Option(
        "target",
        "where modules are applied: embedded, localstack, sandbox, or one that a conftest provides [embedded]",
        metavar="NAME",
        default="embedded",
    ),
    Option("speed", "how many times as fast as AWS time runs when emulated [20]", metavar="FACTOR", default="20"),
    Option("region", "the region when emulated [eu-west-1]", metavar="NAME", default="eu-west-1", short=False),
    Option("account", "the account id when emulated [123456789012]", metavar="ID", default="123456789012", short=False),
    Option("keep-world", "at the end of the session, leave the world up until Ctrl-C"),
    Option("cold", "apply everything anew, and neither use nor keep what earlier runs have applied"),
    Option("open-world", "let any access key in: whoever reaches the port is the administrator"),
    Option("no-privileged", "refuse builds of projects with privileged_mode: no container is root here"),
    Option(
        "host-ports",
        "TCP ports of this machine that tasks, builds and functions may reach, separated by commas [none]",
        metavar="PORT,…",
        short=False,
    ),
    Option(
        "task-runtime",
        "what tasks run on when emulated [docker]",
        choices=("docker", "scripted"),
        metavar="NAME",
        default="docker",
    ),
    Option(
        "localstack",
        "for the target localstack: container, the URL of one that stands, or auto: one that AWS_ENDPOINT_URL or "
        "LOCALSTACK_HOST name or that stands at port 4566, else a container [auto]",
        metavar="WHERE",
    ),
    Option(
        "report",
        "write the record of the run and its page there: verdicts, findings, what was refused and skipped",
        metavar="DIR",
        short=False,
    ),
    Option(
        "shard",
        "run one of several parts of the session, such as 2/5; tests of one file stay together, balanced by durations",
        metavar="I/N",
    ),
    Option(
        "durations-path",
        "the file of the tests' durations, which shards are balanced by [.test_durations]",
        metavar="FILE",
        default=".test_durations",
    ),
    Option("store-durations", "store how long the tests of this session took"),
    Option("native", "for the target localstack: let LocalStack answer those delivery services that its plan has"),
)


def add_options(parser: pytest.Parser) -> None:
    """Register every option and ini key, and let short names stand for the full ones as long as nobody else has them."""
    group = parser.getgroup("pushproof", "infrastructure under test")
    for option in OPTIONS:
        also = f" (also --{option.name})" if option.short else ""
        if option.metavar:
            group.addoption(
                option.long,
                dest=option.key,
                default=None,
                metavar=option.metavar,
                choices=option.choices or None,
                help=option.help + also,
            )
        else:
            group.addoption(option.long, dest=option.key, action="store_true", default=None, help=option.help + also)
        if option.metavar:
            parser.addini(option.key, option.help)
        else:
            parser.addini(option.key, option.help, type="bool")
    _understand_short_names(parser)


def text_of(config: pytest.Config, name: str) -> str:
    """Return an option's value: from the command line, else from the ini file, else the default."""
    option = next(option for option in OPTIONS if option.name == name)
    value = str(config.getoption(option.key) or config.getini(option.key) or option.default)
    if option.choices and value not in option.choices:
        raise pytest.UsageError(f"{option.key} = {value}: expected one of {', '.join(option.choices)}")
    return value


def is_on(config: pytest.Config, name: str) -> bool:
    """Return whether a switch is on, on the command line or in the ini file."""
    key = next(option.key for option in OPTIONS if option.name == name)
    return bool(config.getoption(key) or config.getini(key))


def full_names(arguments: Iterable[str], taken: frozenset[str]) -> list[str]:
    """Return arguments with the full names for the short ones, except for those that are `taken`."""
    long_of = {
        f"--{option.name}": option.long for option in OPTIONS if option.short and f"--{option.name}" not in taken
    }
    translated: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*translated, argument, *rest]
        name, equals, value = argument.partition("=")
        translated.append(f"{long_of.get(name, name)}{equals}{value}")
    return translated


def _understand_short_names(parser: pytest.Parser) -> None:
    """Translate short names when arguments are parsed.

    Registered options of those names would keep other plugins, loaded before or after this one, from having theirs.
    """
    parse_known, parse = parser.parse_known_and_unknown_args, parser.parse

    def parse_known_in_full(args: Sequence[str], namespace: Namespace | None = None) -> tuple[Namespace, list[str]]:
        return parse_known(full_names(map(str, args), _registered(parser)), namespace)

    def parse_in_full(args: Sequence[str], namespace: Namespace | None = None) -> Namespace:
        return parse(full_names(map(str, args), _registered(parser)), namespace)

    parser.parse_known_and_unknown_args = parse_known_in_full  # type: ignore[method-assign,assignment]
    parser.parse = parse_in_full  # type: ignore[method-assign,assignment]


def _registered(parser: pytest.Parser) -> frozenset[str]:
    """The names of all options that plugins and conftests have registered."""
    groups = [*parser._groups, parser._anonymous]
    return frozenset(name for group in groups for option in group.options for name in option.names())
