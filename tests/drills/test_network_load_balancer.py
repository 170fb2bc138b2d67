"""A stack behind a Network Load Balancer: TLS ends there, and connections are followed through a deployment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/internal-api"
_RULE = re.compile(r'resource "aws_lb_listener_rule" "api" \{.*?\n\}\n', re.DOTALL)
_DEFAULT = re.compile(r"  default_action \{.*?\n  \}\n", re.DOTALL)


def behind_a_network_load_balancer(infra: Path) -> None:
    """Put the internal API behind a Network Load Balancer, without its host rule."""
    main = infra / "api.tf"
    text = main.read_text()
    text = text.replace("internal        = true", 'load_balancer_type = "network"\n  internal = true')
    text = text.replace('protocol          = "HTTPS"', 'protocol          = "TLS"')
    text = text.replace('protocol             = "HTTP"', 'protocol             = "TCP"')
    text = text.replace("health_check {\n", 'health_check {\n    protocol = "HTTP"\n')
    text = text.replace("aws_lb_listener_rule.api]", "aws_lb_listener.tls]")
    forward = '  default_action {\n    type = "forward"\n    target_group_arn = aws_lb_target_group.api.arn\n  }\n'
    text = _DEFAULT.sub(forward, _RULE.sub("", text), count=1)
    main.write_text(text)
    settings = infra.parent / "pushproof.toml"
    # Each connection reaches the application's small server itself; a busy machine drops a SYN; it comes again after 1, 3, 7 s.
    settings.write_text(settings.read_text() + "\n[drill.probe]\nslowest = 20\nlongest-gap = 20\n")


def test_a_network_load_balancer_in_front_of_tasks(tmp_path: Path) -> None:
    """A push deploys through it without a failed request, and a crash is rolled back."""
    copy = tmp_path / "internal-api"
    shutil.copytree(EXAMPLE, copy)
    behind_a_network_load_balancer(copy / "infra")
    done = subprocess.run(
        [sys.executable, "-m", "pushproof.cli", "drill", "--break", "crash"],
        cwd=copy, env={**os.environ, "PUSHPROOF_STATE": str(tmp_path / "state"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert ":8443/ answers" in done.stdout
    assert "Proven: a push deploys, a bad push rolls back." in done.stdout
