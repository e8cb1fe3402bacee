"""The code in README.md, run as it stands there."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi.testclient import TestClient

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
APP, TESTS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_app_and_its_tests_do_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", app)
    exec(APP, app.__dict__)
    client = TestClient(app.__dict__["app"])
    assert client.get("/api/hello").json() == "Hello, whoever you are"
    assert client.get("/api/me").json()["detail"]["reason"] == "no_assertion"

    tests: dict[str, Any] = {}
    exec(TESTS, tests)
    named = [name for name in tests if name.startswith("test_")]
    assert named == ["test_administrators_get_in"]
    for name in named:
        tests[name]()


def test_every_variable_and_reason_in_it_is_one() -> None:
    from sidegate_fastapi import Reason
    from sidegate_fastapi.settings import Given

    variables = set(re.findall(r"SIDEGATE_APP_(\w+)`", README))
    assert variables == {field.upper() for field in Given.__dataclass_fields__}
    reasons = set(re.findall(r"40[13] `(\w+)`", README))
    assert reasons <= set(Reason) and len(reasons) == 8
