"""Mistakes that give access to more than was meant: ARNs with wildcards, administrators, artifacts of another action."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushproof.engines.mutation.model import Change, Edit, Operator, operator
from pushproof.engines.mutation.operators.common import acting, address, described, replaced
from pushproof.engines.mutation.operators.pages import aws
from pushproof.engines.mutation.project import Project

_LAST = re.compile(r"^arn:.*[:/](?=[^:/*]*\$\{[^}]*\}[^/]*(?:/\*|:\*)?$)", re.DOTALL)


@operator(
    "hcl.widen-arn",
    "An ARN ends with a wildcard instead of a name.",
    "The permission holds for everybody's resources of that kind.",
    aws("iam/reference_policies_elements_resource"),
)
def widen_arn(project: Project) -> Iterator[Change]:
    """Yield each composed ARN in local values and policies with `*` in place of its last name."""
    for site in acting(project):
        values = [site.value, *site.value.parts] if site.value.kind == "list" else [site.value]
        for value in values if site.block.kind in ("locals", "data", "resource") else ():
            match = _LAST.match(value.text[1:-1]) if value.kind == "template" else None
            if match is not None and "policy/" not in value.text:
                start = value.start + 1 + len(match[0].encode())
                edit = Edit(start, value.end - 1, "*")
                summary = f"{described(site)} ends with * instead of {value.text[1 + len(match[0]) : -1]}"
                yield Change(site.file.path, (edit,), summary, address(project, site))


@operator(
    "hcl.administrator-access",
    "A role has the managed policy of administrators.",
    "Whoever gets the role's credentials has the account.",
    aws("iam/access_policies_job-functions"),
)
def administrator_access(project: Project) -> Iterator[Change]:
    """Yield each managed policy of AWS's that a role gets, as AdministratorAccess."""
    for site in acting(project):
        values = site.value.parts if site.value.kind == "list" else (site.value,)
        for value in values if site.name in ("policy_arn", "managed_policy_arns") else ():
            match = re.search(r"(?<=:iam::aws:policy/)[\w./-]+", value.text)
            if match is not None and match[0] != "AdministratorAccess":
                text = value.text[: match.start()] + "AdministratorAccess" + value.text[match.end() :]
                yield replaced(project, site, value, text)


@operator(
    "hcl.other-artifact",
    "An action of a pipeline takes another action's artifact.",
    "The deployment gets the source instead of what the build made of it, and finds no list of images.",
    aws("codepipeline/welcome-introducing-artifacts"),
)
def other_artifact(project: Project) -> Iterator[Change]:
    """Yield each input artifact as another one that the pipeline has."""
    made: dict[tuple[str, int], list[str]] = {}
    sites = [site for site in acting(project) if site.name in ("input_artifacts", "output_artifacts")]
    for site in sites:
        if site.name == "output_artifacts":
            made.setdefault((site.file.path, site.block.start), []).extend(part.text for part in site.value.parts)
    for site in sites:
        for part in site.value.parts if site.name == "input_artifacts" else ():
            others = [text for text in made.get((site.file.path, site.block.start), []) if text != part.text]
            if others:
                yield replaced(project, site, part, others[0])


OPERATORS: tuple[Operator, ...] = (widen_arn, administrator_access, other_artifact)
