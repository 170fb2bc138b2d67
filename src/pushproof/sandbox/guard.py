"""The guard: decides from facts whether this is the sandbox account, before the first call that changes anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pushproof.base.target import TargetUnavailable
from pushproof.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pushproof.aws.clients import Clients

_SANDBOX = re.compile(r"(^|[^a-z])(sandbox|sbx|playground)([^a-z]|$)", re.IGNORECASE)
_PRODUCTION = re.compile(r"prod|(^|[^a-z])(prd|live|payer|billing)([^a-z]|$)", re.IGNORECASE)
# Names of accounts that are explicitly not production.
_NOT_PRODUCTION = re.compile(r"(non|not)[-_. ]?prod(uction)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the caller. `marker`: the marker parameter's value, None if there is none.

    `unread`: the facts that could not be read, with the reasons.
    """

    account_id: str
    caller: str
    region: str
    temporary: bool
    aliases: tuple[str, ...] = ()
    marker: str | None = None
    unread: tuple[str, ...] = ()


class Refused(TargetUnavailable):
    """Refusal of an account by the guard. `reasons`: all of them, each with its remedy."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("Pushproof does not work in this account.\n" + "\n".join(f"- {reason}" for reason in reasons))


def refusals(facts: Facts, settings: SandboxSettings) -> tuple[str, ...]:
    """Return the reasons against working in an account; empty if there are none."""
    reasons: list[str] = []
    if facts.account_id not in settings.accounts:
        reasons.append(
            f"The credentials ({facts.caller}) belong to account {facts.account_id}; PUSHPROOF_SANDBOX_ACCOUNTS allows "
            f"{', '.join(sorted(settings.accounts))}. Use credentials of an allowed account, or add this account to "
            f"the variable if it is a sandbox."
        )
    if facts.region not in settings.regions:
        reasons.append(
            f"The region is {facts.region}; PUSHPROOF_SANDBOX_REGIONS allows {', '.join(sorted(settings.regions))}. "
            "Set AWS_REGION to an allowed region, or add this region to the variable."
        )
    seemingly = [("The account's alias", alias) for alias in facts.aliases]
    seemingly += [(f"The parameter {settings.marker}", facts.marker)] if facts.marker is not None else []
    reasons += [
        f"{what} is {name!r}, which looks like production. Use another account; nothing overrides this."
        for what, name in seemingly
        if looks_like_production(name)
    ]
    says_so = [name for name in (*facts.aliases, facts.marker or "") if says_sandbox(name)]
    if not says_so:
        names = f"its alias is {', '.join(facts.aliases)}" if facts.aliases else "it has no alias"
        unread = f" ({'; '.join(facts.unread)})" if facts.unread else ""
        reasons.append(
            f"Nothing marks account {facts.account_id} as a sandbox: {names}, and the parameter {settings.marker} "
            f"is {facts.marker!r}{unread}. If it is a sandbox, mark it there: "
            f"aws ssm put-parameter --name {settings.marker} --type String --value sandbox"
        )
    if not facts.temporary and settings.long_lived_keys_for != facts.account_id:
        reasons.append(
            f"The credentials of {facts.caller} are long-lived keys: they have no session token. Assume a role "
            f"(`aws sso login`, "
            "`aws sts assume-role`, OIDC in CI). To use them all the same, set "
            f"PUSHPROOF_SANDBOX_ALLOW_LONG_LIVED_KEYS={facts.account_id}"
        )
    return tuple(reasons)


def looks_like_production(name: str) -> bool:
    """Return whether a name looks like that of a production account."""
    return _PRODUCTION.search(_NOT_PRODUCTION.sub("", name)) is not None


def says_sandbox(name: str) -> bool:
    """Return whether a name calls the account a sandbox."""
    return _SANDBOX.search(name) is not None


def examine(client: Clients, settings: SandboxSettings, *, temporary: bool) -> Facts:
    """Read the facts: `sts:GetCallerIdentity` and, in an allowed account only, its alias and the marker parameter.

    Raises TargetUnavailable when AWS does not answer or rejects the credentials.
    """
    try:
        identity = client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise TargetUnavailable(
            f"AWS does not identify the credentials: {error}. Sign in (`aws sso login`, or assume a role), "
            "then see that `aws sts get-caller-identity` answers."
        ) from error
    account, caller = str(identity["Account"]), str(identity["Arn"])
    if account not in settings.accounts:
        return Facts(account, caller, settings.region, temporary, marker=None, unread=("not looked at",))
    unread: list[str] = []
    aliases: tuple[str, ...] = ()
    marker: str | None = None
    try:
        aliases = tuple(client("iam").list_account_aliases()["AccountAliases"])
    except (BotoCoreError, ClientError) as error:
        unread.append(f"the alias cannot be read: {error}")
    try:
        marker = str(client("ssm").get_parameter(Name=settings.marker)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            unread.append(f"the parameter cannot be read: {error}")
    except BotoCoreError as error:
        unread.append(f"the parameter cannot be read: {error}")
    return Facts(account, caller, settings.region, temporary, aliases, marker, tuple(unread))


def admit(client: Clients, settings: SandboxSettings, *, temporary: bool) -> Facts:
    """Return the facts when the guard has no objection. Raises Refused otherwise."""
    facts = examine(client, settings, temporary=temporary)
    reasons = refusals(facts, settings)
    if reasons:
        raise Refused(reasons)
    return facts
