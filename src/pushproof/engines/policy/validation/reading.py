"""Validation of a document by AWS's rules: the first flaw, or none, for every input.

A document that passes always compiles: the engine's own reader runs last.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html, and the answers that IAM, S3 and the
others were recorded giving (LocalStack's validated snapshots, moto's table of documents IAM refused, issues of Terraform's AWS
provider). The order of the checks is IAM's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from pushproof.engines.policy.conditions import condition
from pushproof.engines.policy.document import Kind
from pushproof.engines.policy.errors import PolicyError
from pushproof.engines.policy.operators import OPERATORS
from pushproof.engines.policy.parsing import decode, parse
from pushproof.engines.policy.validation import arns
from pushproof.engines.policy.validation.flaws import Fault, Flaw, Flawed
from pushproof.engines.policy.validation.rules import Rules
from pushproof.engines.policy.validation.service_names import is_service
from pushproof.engines.policy.variables import template
from pushproof.engines.policy.wildcards import encode, glob

_TOP = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}
)
_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_SID = re.compile(r"[0-9A-Za-z]*")
_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:(aws|aws-cn|aws-us-gov):iam::\d{12}:root")
_ENTITY = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):(iam::(\d{12}|cloudfront):(user|role)|sts::\d{12}:(assumed-role|federated-user))/[^*?]+"
)
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_PROVIDER = re.compile(r"arn:(aws|aws-cn|aws-us-gov):iam::\d{12}:(saml-provider|oidc-provider)/\S+")
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_DATE = re.compile(r"Date\w+")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html: whoever trusts a provider that
# many tenants share must say which tenant.
_SHARED = {
    "token.actions.githubusercontent.com": ("sub", "job_workflow_ref"),
    "gitlab.com": ("sub",),
    "app.terraform.io": ("sub",),
    "agent.buildkite.com": ("sub",),
    "oidc.codefresh.io": ("sub",),
    "studio.datachain.ai/api": ("sub",),
    "scalr.io": ("sub",),
    "api.pulumi.com/oidc": ("aud",),
    "oidc.vercel.com": ("aud",),
}
_SCOPING = re.compile(r"(ForAnyValue:|ForAllValues:)?String(Equals|Like|EqualsIgnoreCase)")


class Directory(Protocol):
    """The principals that a document can name."""

    def knows(self, principal: str) -> bool:
        """Return whether a user, role or provider has that ARN or unique id. Principals of other accounts always pass."""


class Everyone:
    """A directory in which every principal exists, for documents outside any account."""

    def knows(self, principal: str) -> bool:
        return True


# https://github.com/terraform-aws-modules/terraform-aws-iam/issues/47
_NO_PRINCIPALS = (
    "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
    "The passed in policy has a statement with no principals!"
)


def examine(document: str, rules: Rules, directory: Directory | None = None) -> Flaw | None:
    """The first flaw that AWS finds in a document; None if AWS accepts it."""
    try:
        _text, data = decode(document)
    except PolicyError as error:
        message = "This policy contains invalid Json" if rules.modern else "Syntax errors in policy."
        return Flaw(Fault.JSON, message, error.position)
    try:
        statements = list(_modern(data, rules) if rules.modern else _older(data, rules))
        _principals_exist(statements, directory or Everyone())
        if rules.kind is Kind.TRUST:
            _tenants_are_named(statements)
    except Flawed as flawed:
        return flawed.flaw
    except RecursionError:
        return Flaw(Fault.SYNTAX, "Syntax errors in policy.")
    try:
        parse(document, rules.kind)
    except PolicyError as error:
        return Flaw(Fault.SYNTAX, "Syntax errors in policy.", error.position)
    return None


Statement = Mapping[str, object]


# The older parser, of identity policies and of what is made of them.


def _older(data: object, rules: Rules) -> list[Statement]:
    statements = _syntax(data)
    assert isinstance(data, Mapping)
    if data.get("Version") != "2012-10-17":
        raise Flawed(Fault.VERSION, "Policy document must be version 2012-10-17 or greater.")
    _fail_as_ever(statements)
    complaint = _resources(statements, rules)
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise Flawed(Fault.PRINCIPAL, "Policy document should not specify a principal.")
    sids = [str(statement["Sid"]) for statement in statements if statement.get("Sid")]
    if not all(_SID.fullmatch(sid) for sid in sids):
        raise Flawed(
            Fault.SID,
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        )
    if len(set(sids)) < len(sids):
        raise Flawed(Fault.SID, "Statement IDs (SID) in a single policy must be unique.")
    if not all(_texts(statement, "Action", "NotAction") for statement in statements):
        raise Flawed(Fault.ACTION, "Policy statement must contain actions.")
    if complaint:
        raise Flawed(Fault.RESOURCE, complaint)
    if not all(_texts(statement, "Resource", "NotResource") for statement in statements):
        # This complaint precedes those about the actions' form.
        raise Flawed(Fault.RESOURCE, "Policy statement must contain resources.")
    for statement in statements:
        for action in _texts(statement, "Action", "NotAction"):
            _vendor(action)
    return statements


def _syntax(data: object) -> list[Statement]:
    wrong = Flawed(Fault.SYNTAX, "Syntax errors in policy.")
    if not isinstance(data, Mapping) or not set(data) <= _TOP or not isinstance(data.get("Id", ""), str):
        raise wrong
    if data.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise wrong
    raw = data.get("Statement")
    statements = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(statements, list) or not statements:
        raise wrong
    for statement in statements:
        if not isinstance(statement, Mapping) or not set(statement) <= _ELEMENTS:
            raise wrong
        if str(statement.get("Effect")).lower() not in ("allow", "deny") or not isinstance(
            statement.get("Sid", ""), str
        ):
            raise wrong
        for plain in ("Action", "Resource", "Principal"):
            if plain in statement and f"Not{plain}" in statement:
                raise wrong
        for name in ("Action", "NotAction", "Resource", "NotResource"):
            if not _is_texts(statement.get(name, "")):
                raise wrong
        if not _is_condition(statement.get("Condition", {})):
            raise wrong
    return statements


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _is_condition(block: object) -> bool:
    if not isinstance(block, Mapping):
        return False
    for operator, keys in block.items():
        if not isinstance(keys, Mapping):
            return False
        if keys and not _is_operator(str(operator)):
            return False
        for values in keys.values():
            items = values if isinstance(values, list) else [values]
            if not all(isinstance(item, str | bool | int | float) for item in items):
                return False
    return True


def _is_operator(written: str) -> bool:
    name = written.removeprefix("ForAnyValue:").removeprefix("ForAllValues:").removesuffix("IfExists")
    return name.lower() in OPERATORS or name.lower() == "null"


def _fail_as_ever(statements: list[Statement]) -> None:
    """Find faults that the engine's parser refuses without a reason: an effect in another case, an invalid date."""
    for statement in statements:
        if statement["Effect"] not in ("Allow", "Deny"):
            raise Flawed(Fault.EFFECT, "The policy failed legacy parsing")
        for operator, key, value in _conditions(statement):
            name = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:").removesuffix("IfExists")
            if _DATE.fullmatch(name) and not _compiles(name, key, value):
                raise Flawed(Fault.CONDITION, "The policy failed legacy parsing")


def _compiles(operator: str, key: str, value: object) -> bool:
    try:
        condition(operator, key, (template(str(value), variables=True),))
    except (ValueError, OverflowError):
        return False
    return True


def _resources(statements: list[Statement], rules: Rules) -> str:
    """The complaint about a resource that follows other complaints; resources that fail the older parser raise at once."""
    complaint = ""
    for statement in statements:
        listed = _texts(statement, "Resource", "NotResource")
        for item in sorted(listed, reverse=True):
            complaint = complaint or arns.resource_flaw(item) or ""
            if not complaint and not rules.incomplete and item != "*" and _without_variables(item).count(":") < 5:
                # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: session policies take whole ARNs only.
                complaint = f'Resource {item} must be in ARN format or "*".'
        if not complaint:
            arns.parse_as_ever(listed)
    return complaint


def _without_variables(text: str) -> str:
    return re.sub(r"\$\{[^}]*\}", "", text)


def _vendor(action: str) -> None:
    vendor, *rest = action.split(":")
    if not rest and vendor != "*":
        raise Flawed(Fault.ACTION, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if len(rest) > 1:
        raise Flawed(Fault.ACTION, "Actions/Condition can contain only one colon.")
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        raise Flawed(Fault.ACTION, f"Vendor {vendor} is not valid")


# The newer parser, of trust and resource policies.


def _modern(data: object, rules: Rules) -> list[Statement]:
    if not isinstance(data, Mapping):
        raise Flawed(Fault.JSON, "This policy contains invalid Json")
    for name in data:
        if name not in _TOP:
            raise Flawed(Fault.SYNTAX, f"Unknown field {name}")
    if "Statement" not in data:
        raise Flawed(Fault.EMPTY, "Missing required field Statement")
    if data.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise Flawed(Fault.VERSION, "The policy must contain a valid version string")
    if not isinstance(data.get("Id", ""), str):
        raise Flawed(Fault.SYNTAX, "Syntax errors in policy.")
    raw = data["Statement"]
    statements = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(statements, list) or not statements:
        raise Flawed(Fault.EMPTY, "Could not parse the policy: Statement is empty!")
    sids: set[str] = set()
    for statement in statements:
        _statement(statement, rules)
        sid = str(statement.get("Sid") or "")
        if sid and sid in sids and rules.unique:
            raise Flawed(Fault.SID, "The Statement Ids in the policy are not unique")
        sids.add(sid)
    return statements


def _statement(statement: object, rules: Rules) -> None:
    if not isinstance(statement, Mapping):
        raise Flawed(Fault.SYNTAX, "Syntax errors in policy.")
    for name in statement:
        if name not in _ELEMENTS:
            raise Flawed(Fault.SYNTAX, f"Unknown field {name}")
    if not isinstance(statement.get("Sid", ""), str):
        raise Flawed(Fault.SYNTAX, "Syntax errors in policy.")
    if "Effect" not in statement:
        raise Flawed(Fault.EFFECT, "Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise Flawed(Fault.EFFECT, f"Invalid effect: {statement['Effect']}")
    _principal_element(statement, rules)
    if not _is_condition(statement.get("Condition", {})):
        for operator in statement["Condition"] if isinstance(statement["Condition"], Mapping) else ():
            if not _is_operator(str(operator)):
                raise Flawed(Fault.CONDITION, f"Invalid Condition type : {operator}")
        raise Flawed(Fault.CONDITION, "Syntax errors in policy.")
    _action_element(statement, rules)
    _resource_element(statement, rules)


def _principal_element(statement: Statement, rules: Rules) -> None:
    trust = rules.kind is Kind.TRUST
    if "NotPrincipal" in statement:
        if trust and statement["Effect"] == "Allow":
            raise Flawed(Fault.PRINCIPAL, "Allow with NotPrincipal is not allowed.")
        if trust or "Principal" in statement:
            raise Flawed(Fault.PRINCIPAL, "AssumeRole policy must not contain NotPrincipal field.")
    name = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    if name not in statement:
        raise Flawed(Fault.PRINCIPAL, "Missing required field Principal")
    value = statement[name]
    if trust and isinstance(value, str):
        raise Flawed(Fault.PRINCIPAL, "Principal must be a JSON object.")
    if value == "*":
        return
    if isinstance(value, str):
        raise Flawed(Fault.NOBODY, f'Invalid principal in policy: "{value}"')
    if not isinstance(value, Mapping):
        raise Flawed(Fault.SYNTAX, "Syntax errors in policy.")
    if not value or "" in value.values():
        raise Flawed(Fault.PRINCIPAL, "Missing required field Principal cannot be empty!")
    # An empty list is valid beside other lists: modules write one for each kind of principal that is not in use.
    if not any(value.values()):
        raise Flawed(Fault.PRINCIPAL, _NO_PRINCIPALS)
    for sort, listed in value.items():
        if sort not in ("AWS", "Service", "Federated", "CanonicalUser") or not _is_texts(listed):
            raise Flawed(Fault.NOBODY, f'Invalid principal in policy: "{sort}"')


def _action_element(statement: Statement, rules: Rules) -> None:
    if "Action" in statement and "NotAction" in statement:
        raise Flawed(Fault.ACTION, "Syntax errors in policy.")
    name = "NotAction" if "NotAction" in statement else "Action"
    if not _is_texts(statement.get(name, "")):
        raise Flawed(Fault.ACTION, "Syntax errors in policy.")
    actions = _texts(statement, name)
    if not actions:
        raise Flawed(Fault.ACTION, "Missing required field Action")
    for action in actions:
        if rules.kind is Kind.TRUST and not action.lower().startswith("sts:"):
            raise Flawed(Fault.ACTION, "AssumeRole policy may only specify STS AssumeRole actions.")
        if rules.only and action.rpartition(":")[2] == "*" and name == "Action":
            raise Flawed(Fault.ACTION, "Policy statement action out of service scope!")
        if action == "*":
            continue
        _vendor(action)
        vendor, _, rest = action.partition(":")
        if rules.actions and vendor.lower() not in rules.actions:
            raise Flawed(Fault.ACTION, "Policy statement action out of service scope!")
        if rules.only and not any(matches(rest.lower(), operation) for operation in rules.only):
            raise Flawed(Fault.ACTION, "Policy statement action out of service scope!")


def _resource_element(statement: Statement, rules: Rules) -> None:
    if "Resource" in statement and "NotResource" in statement:
        raise Flawed(Fault.RESOURCE, "Syntax errors in policy.")
    if rules.resource is False:
        if "Resource" in statement:
            raise Flawed(Fault.RESOURCE, "Has prohibited field Resource")
        if "NotResource" in statement:
            raise Flawed(Fault.RESOURCE, "AssumeRole policy must not contain resources.")
        return
    name = "NotResource" if "NotResource" in statement else "Resource"
    if not _is_texts(statement.get(name, "")):
        raise Flawed(Fault.RESOURCE, "Syntax errors in policy.")
    if rules.resource and not _texts(statement, name):
        raise Flawed(Fault.RESOURCE, "Missing required field Resource")


# Principals.


def principals_of(document: str) -> set[str]:
    """The users and roles that a valid document names by ARN."""
    return {name for name in aws_principals(document) if _ENTITY.fullmatch(name)}


def aws_principals(document: str) -> set[str]:
    """Return the principals of the sort `AWS` in a valid document."""
    _text, data = decode(document)
    raw = data.get("Statement") if isinstance(data, Mapping) else None
    statements = [raw] if isinstance(raw, Mapping) else raw if isinstance(raw, list) else []
    pairs = (pair for statement in statements if isinstance(statement, Mapping) for pair in named_principals(statement))
    return {name for sort, name in pairs if sort == "AWS"}


def renamed(document: str, principal: str, name: str) -> str:
    """A document with another name for one of its principals."""
    data = json.loads(document)
    raw = data.get("Statement") if isinstance(data, dict) else None
    for statement in [raw] if isinstance(raw, dict) else raw or ():
        for element in ("Principal", "NotPrincipal"):
            value = statement.get(element)
            if isinstance(value, dict) and value.get("AWS"):
                listed = value["AWS"]
                value["AWS"] = (
                    (name if listed == principal else listed)
                    if isinstance(listed, str)
                    else [name if item == principal else item for item in listed]
                )
    return json.dumps(data)


def named_principals(statement: Statement) -> Iterator[tuple[str, str]]:
    """Every principal that a statement names, with its sort (`AWS`, `Service`, ...)."""
    for element in ("Principal", "NotPrincipal"):
        value = statement.get(element)
        if isinstance(value, Mapping):
            for sort, listed in value.items():
                for item in [listed] if isinstance(listed, str) else listed:
                    yield str(sort), str(item)


def _principals_exist(statements: list[Statement], directory: Directory) -> None:
    for statement in statements:
        for sort, name in named_principals(statement):
            if sort == "AWS":
                if name == "*" or _ACCOUNT.fullmatch(name) or _ROOT.fullmatch(name):
                    continue
                if not (_ENTITY.fullmatch(name) or _UNIQUE_ID.fullmatch(name)) or not directory.knows(name):
                    raise Flawed(Fault.NOBODY, f'Invalid principal in policy: "AWS":"{name}"')
            elif sort == "Service":
                if not is_service(name):
                    raise Flawed(Fault.NO_SERVICE, f'Invalid principal in policy: "SERVICE":"{name}"')
            elif sort == "Federated":
                if not (_PROVIDER.fullmatch(name) or _DOMAIN.fullmatch(name)):
                    raise Flawed(Fault.NOBODY, "Federated principals must be valid domain names or SAML metadata ARNs")
                if name.startswith("arn:") and not directory.knows(name):
                    raise Flawed(Fault.NOBODY, f'Invalid principal in policy: "FEDERATED":"{name}"')


def _tenants_are_named(statements: list[Statement]) -> None:
    for statement in statements:
        actions = [action.lower() for action in _texts(statement, "Action")]
        if statement["Effect"] != "Allow" or not any(matches(action, _WEB_IDENTITY) for action in actions):
            continue
        for sort, name in named_principals(statement):
            issuer = name.partition(":oidc-provider/")[2]
            claims = _SHARED.get(issuer) if sort == "Federated" else None
            if claims is None:
                continue
            keys = [f"{issuer}:{claim}" for claim in claims]
            if not _scoped(statement, {key.lower() for key in keys}):
                raise Flawed(
                    Fault.CONDITION,
                    f"Trust policy with trusted principal {name} must evaluate, using StringEquals, StringLike or "
                    f"StringEqualsIgnoreCase, {' or '.join(keys)} which is not scoped to all.",
                )


_WEB_IDENTITY = "sts:assumerolewithwebidentity"


def _scoped(statement: Statement, keys: set[str]) -> bool:
    block = statement.get("Condition")
    for operator, pairs in block.items() if isinstance(block, Mapping) else ():
        if not _SCOPING.fullmatch(str(operator)) or not isinstance(pairs, Mapping):
            continue
        matches = [values for key, values in pairs.items() if str(key).lower() in keys]
        texts = [str(text) for values in matches for text in (values if isinstance(values, list) else [values])]
        if matches and not any(not text.strip() or text.startswith("*") for text in texts):
            return True
    return False


# Small readings.


def _texts(statement: Statement, *names: str) -> list[str]:
    """The strings in those of these elements that are present."""
    for name in names:
        value = statement.get(name)
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [str(item) for item in value]
    return []


def _conditions(statement: Statement) -> Iterator[tuple[str, str, object]]:
    """Operator, key and value of every comparison."""
    block = statement.get("Condition")
    for operator, pairs in block.items() if isinstance(block, Mapping) else ():
        for key, values in pairs.items():
            for value in values if isinstance(values, list) else [values]:
                yield str(operator), str(key), value


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern with `*` and `?` matches a text."""
    return glob(encode(pattern))(text)
