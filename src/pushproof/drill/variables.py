"""Terraform variables of a drill: a person's, with the drill's own values in their places, and those by conventional names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.terraform.hcl import read_directory, read_settings

#: Names under which environments commonly take what a drill has, and the drill's name for it.
CONVENTIONAL = {
    "repository": "repository",
    "certificate_arn": "certificate_arn",
    "slack_webhook_url": "webhook_url",
    "build_environment": "build_environment",
    "deployment_alarm": "deployment_alarm",
    "traffic_shift": "traffic_shift",
    "before_deploy_command": "before_deploy_command",
}
_PLACE = re.compile(r"\$\{([a-z_]+)\}")
#: Values that tell nobody anything: an environment with one of these as a default waits for a better one.
_EMPTY = ("null", '""', "{}", "[]")


def terraform_variables(
    environment: Path,
    explicit: Mapping[str, object],
    own: Mapping[str, Callable[[], object]],
    var_files: Sequence[Path] = (),
) -> tuple[dict[str, object], frozenset[str]]:
    """Return the variables of an environment, and the names of the drill's own values among them.

    A value "${name}" of `explicit` becomes the drill's value of that name; inside a longer text, its text. A variable of a
    conventional name takes the drill's value where nobody sets it: it has no default, or an empty one, and no *.tfvars file has
    it. `own` makes each value when it is asked for. Raises BadInput for a place that nothing fills.
    """
    made: dict[str, object] = {}

    def value(name: str) -> object:
        if name not in own:
            raise BadInput(f"${{{name}}} in a Terraform variable is no value of a drill; there are: {', '.join(own)}")
        if name not in made:
            made[name] = own[name]()
        return made[name]

    variables = {name: _filled(content, value) for name, content in explicit.items()}
    for variable in conventional_variables(environment, var_files) - set(explicit):
        if CONVENTIONAL[variable] in own:
            variables[variable] = value(CONVENTIONAL[variable])
    return variables, frozenset(made)


def conventional_variables(environment: Path, var_files: Sequence[Path] = ()) -> set[str]:
    """Return the variables of conventional names that an environment declares and neither it nor a file of variables sets."""
    declared = {
        block.labels[0]: block for block in read_directory(environment) if block.kind == "variable" and block.labels
    }
    unset = set()
    for name in CONVENTIONAL.keys() & declared.keys():
        default = declared[name].attributes.get("default")
        if default is None or "".join(default.text.split()) in _EMPTY:
            unset.add(name)
    files = [*environment.glob("terraform.tfvars"), *environment.glob("*.auto.tfvars"), *var_files]
    return unset - {name for path in files for name in read_settings(path)}


def _filled(content: object, value: Callable[[str], object]) -> object:
    if isinstance(content, Mapping):
        return {key: _filled(inner, value) for key, inner in content.items()}
    if isinstance(content, list):
        return [_filled(inner, value) for inner in content]
    if not isinstance(content, str):
        return content
    whole = _PLACE.fullmatch(content)
    return value(whole[1]) if whole else _PLACE.sub(lambda place: str(value(place[1])), content)
