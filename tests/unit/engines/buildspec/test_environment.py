"""Variables: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.variables"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.buildspec import Variable, combine, exported, from_buildspec, parse, with_supplied

names = st.sampled_from("ABCDE")
layers = st.lists(st.builds(Variable, names, st.text(max_size=3)), max_size=6)


def test_start_build_wins_over_project_wins_over_buildspec() -> None:
    """The documented order: StartBuild's value, then the project's, then the buildspec's."""
    combined = combine(
        buildspec=[Variable("A", "spec"), Variable("B", "spec"), Variable("C", "spec")],
        project=[Variable("A", "project"), Variable("B", "project")],
        start_build=[Variable("A", "start")],
    )
    assert {name: variable.value for name, variable in combined.items()} == {"A": "start", "B": "project", "C": "spec"}


@given(layers, layers, layers)
def test_the_highest_layer_that_names_a_variable_decides(
    start: list[Variable], project: list[Variable], spec: list[Variable]
) -> None:
    """Each name gets the value of the highest layer that has it, and no name is lost or invented."""
    combined = combine(start_build=start, project=project, buildspec=spec)
    assert set(combined) == {variable.name for variable in (*start, *project, *spec)}
    for name, variable in combined.items():
        layer = next(layer for layer in (start, project, spec) if any(v.name == name for v in layer))
        assert variable is [v for v in layer if v.name == name][-1]


def test_supplied_variables_are_not_for_a_project_to_change() -> None:
    """CODEBUILD_ names are reserved: the supplied value wins."""
    assert with_supplied({"CODEBUILD_BUILD_ID": "mine", "A": "a"}, {"CODEBUILD_BUILD_ID": "p:1"}) == {
        "CODEBUILD_BUILD_ID": "p:1",
        "A": "a",
    }


def test_exported_variables_leave_out_secrets_and_aws_names() -> None:
    """Exported variables keep their listed order; parameters, secrets, AWS_ names and unset names stay inside."""
    spec = parse(
        "version: 0.2\nenv:\n  variables: {PLAIN: x}\n  parameter-store: {P: /p}\n  secrets-manager: {S: 'db:pw'}\n"
        "  exported-variables: [TAG, P, S, AWS_REGION, PLAIN, UNSET, TAG]\nphases: {build: {commands: [a]}}\n"
    )
    variables = {variable.name: variable for variable in from_buildspec(spec.env)}
    assert variables["S"] == Variable("S", "db:pw", "SECRETS_MANAGER")
    environment = {"TAG": "abc1234", "P": "p", "S": "s", "AWS_REGION": "eu-west-1", "PLAIN": "x"}
    assert exported(spec, variables, environment) == (("TAG", "abc1234"), ("PLAIN", "x"))
