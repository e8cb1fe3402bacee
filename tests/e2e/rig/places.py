"""Where the programs under test are."""

import os
import shutil
import site
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SIDEGATE = Path(os.environ.get("SIDEGATE_BIN", ROOT / "target/release/sidegate")).resolve()
BETTER_AUTH = ROOT / "tests/better-auth"
ECHO_APP = ROOT / "tests/upstream"
ASKING_APP = ECHO_APP / "asking"
WITNESS_APP = ECHO_APP / "witness"
DEPLOY = ROOT / "deploy"
FASTAPI_APP = DEPLOY / "fastapi/example"
FASTAPI_PACKAGE = DEPLOY / "fastapi/src"
NGINX_FILES = ROOT / "nginx"


def node() -> str:
    """The Node that `tests/run` chose, or the one in PATH."""
    return os.environ.get("NODE") or shutil.which("node") or "node"


def beside_python(name: str) -> Path:
    """A program that a Python package brought."""
    return Path(sys.prefix) / "bin" / name


def envoy() -> Path:
    """The program itself: what the package puts beside Python is a script that becomes it."""
    return Path(site.getsitepackages()[0]) / "envoy/_bin/envoy"


def uvicorn() -> list[str]:
    return [sys.executable, "-m", "uvicorn"]
