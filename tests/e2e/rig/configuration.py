"""A configuration file that changes while sidegate runs."""

import json
from pathlib import Path

from .process import until
from .sidegate import Sidegate


class Configuration:
    """One file, always whole: each text comes by renaming."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.path = home / "sidegate.toml"
        self.put(**settings)

    def put(self, **settings: str) -> None:
        self.write("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))

    def write(self, text: str) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(self.path)


def reloads(gate: Sidegate, outcome: str) -> int:
    """How often the configuration was read again, by what came of it."""
    return int(gate.metrics()[f'sidegate_config_reloads_total{{outcome="{outcome}"}}'])


def wait_for(gate: Sidegate, outcome: str, times: int) -> None:
    until(lambda: reloads(gate, outcome) == times, f"{outcome} for the time {times}")
