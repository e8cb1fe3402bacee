"""The package as others get it: its types, and the wheel that is built of it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mypy_has_nothing_to_say(tmp_path: Path) -> None:
    assert "no issues found" in run("-m", "mypy", "--cache-dir", tmp_path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    run("-m", "pip", "wheel", *options, "--wheel-dir", made, ROOT)
    [wheel] = made.glob("*.whl")
    return wheel


def test_the_wheel_has_every_module_and_nothing_else(wheel: Path) -> None:
    modules = {f"sidegate_fastapi/{path.name}" for path in (ROOT / "src/sidegate_fastapi").iterdir() if path.is_file()}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert "sidegate_fastapi/py.typed" in modules


def test_what_is_installed_works_without_these_sources(wheel: Path, tmp_path: Path) -> None:
    script = """
import sys
sys.path.insert(0, sys.argv[1])
import sidegate_fastapi, sidegate_fastapi.testing
from fastapi import FastAPI
assert sidegate_fastapi.__file__.startswith(sys.argv[1]), sidegate_fastapi.__file__
app = FastAPI()
sidegate_fastapi.testing.Assertions().install(app)
print(all(hasattr(sidegate_fastapi, name) for name in sidegate_fastapi.__all__))
"""
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    assert run("-I", "-c", script, installed, cwd=tmp_path) == "True\n"
