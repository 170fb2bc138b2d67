"""The tables of docs/targets.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pushproof.parity.differences import Difference, Run, differences, reason

BEGIN, END = "<!-- parity: begin -->", "<!-- parity: end -->"
USED: dict[str, tuple[str, ...]] = {
    "networking": ("ec2",),
    "ecr": ("ecr",),
    "iam": ("iam", "sts"),
    "ecs": ("ecs", "elbv2", "ec2", "logs", "acm"),
    "codepipeline": (
        "codepipeline",
        "codebuild",
        "codestar-connections",
        "s3",
        "sns",
        "events",
        "secretsmanager",
        "logs",
    ),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both targets' runs, what answered on the second, what it lacks and why, and the seconds that each took to open."""

    first: dict[str, Run]
    second: dict[str, Run]
    answering: dict[str, dict[str, str]]
    skipped: dict[str, list[str]]
    opened: tuple[float, float]
    about: str

    def differences(self) -> list[Difference]:
        """Return everything that differs."""
        empty = {name: Run(name, failure="not run") for name in USED}
        names = dict.fromkeys([*self.first, *self.second])
        return [d for n in names for d in differences({**empty, **self.first}[n], {**empty, **self.second}[n])]

    def unexplained(self) -> list[Difference]:
        """Return the differences without a known reason: defects."""
        return [difference for difference in self.differences() if reason(difference) is None]

    def markdown(self) -> str:
        """Return the tables of docs/targets.md."""
        lines = [
            f"Measured in one run, both targets at the same time: {self.about}. Opening the embedded target took "
            f"{self.opened[0]:.1f} s, LocalStack, from no container to a ready one, {self.opened[1]:.1f} s.",
            "",
            "| module | embedded: apply, plan, destroy | LocalStack: the same | second plans | findings | differing "
            "attributes |",
            "|---|---|---|---|---|---|",
        ]
        for name, run in self.first.items():
            other = self.second.get(name) or Run(name, failure="not run")
            plans = "both empty" if not run.changes and not other.changes else f"{run.changes} / {other.changes}"
            same = f"the same {len(run.findings)}" if run.findings == other.findings else "differ"
            seconds = [
                f"{r.apply:.1f}, {r.plan:.1f}, {r.destroy:.1f} s" if not r.failure else "failed" for r in (run, other)
            ]
            lines.append(
                f"| {name} | {seconds[0]} | {seconds[1]} | {plans} | {same} | {len(differences(run, other))} |"
            )
        lines += [
            "",
            "Services that answer on LocalStack:",
            "",
            "| module | LocalStack itself | LocalStack, completed by the plane | delivery plane | moto, back-filled "
            "| skipped |",
            "|---|---|---|---|---|---|",
        ]
        for name in self.first:
            by = self.answering[name]
            columns = [
                ", ".join(service for service, who in by.items() if who == kind) or "–"
                for kind in ("localstack", "localstack, completed by the plane", "plane", "moto")
            ]
            skipped = "; ".join(self.skipped[name]) or "nothing"
            lines.append(f"| {name} | {' | '.join(columns)} | {skipped} |")
        by_reason: dict[str, list[str]] = {}
        for difference in self.differences():
            where = re.sub(r"(\.this|\[[^\]]*\])", "", difference.where)
            by_reason.setdefault(reason(difference) or "**not explained**", []).append(f"`{where}`")
        lines += ["", "| attributes that differ | why |", "|---|---|"]
        lines += [f"| {', '.join(dict.fromkeys(where))} | {why} |" for why, where in by_reason.items()]
        return "\n".join(lines) + "\n"
