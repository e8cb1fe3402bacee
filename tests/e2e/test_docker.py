"""deploy/docker: no image is built here, for there is no Docker. What can be said without one."""

import subprocess

from rig.kubernetes import at, one
from rig.places import DEPLOY, beside_python

DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()


def findings(text: str) -> str:
    """hadolint's, one a line."""
    command = [beside_python("hadolint"), "--no-color", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_hadolint_has_nothing_against_the_file() -> None:
    assert findings(DOCKERFILE) == ""


def test_hadolint_finds_a_mistake() -> None:
    assert "DL3006" in findings(DOCKERFILE.replace("FROM rust:1.94-slim-bookworm AS build", "FROM rust AS build"))


def test_the_image_runs_as_the_user_that_the_pods_name() -> None:
    [user] = [line.removeprefix("USER ") for line in DOCKERFILE.splitlines() if line.startswith("USER ")]
    for file, path in (
        ("gateway.yaml", "spec.template.spec.securityContext"),
        ("sidecar.yaml", "spec.template.spec.initContainers.0.securityContext"),
    ):
        context = at(one(file, "Deployment"), path)
        assert user == f"{context['runAsUser']}:{context['runAsGroup']}", file
