"""Redis, by itself or as a cluster, in a directory of its own."""

import json
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .ports import free_port, is_free
from .process import Process, run, until
from .tls import Certificates

BUS = 10_000
"""A cluster's nodes talk to each other on the port that is their TLS port and this."""


class Redis:
    """One server, which keeps what it has in a file when it is stopped. It forgets ACL users."""

    def __init__(self, home: Path, certificates: Certificates, *, is_node: bool = False) -> None:
        self.home, self._certificates, self._is_node = home, certificates, is_node
        self.port, self.tls_port = free_port(), free_port()
        while is_node and not is_free(self.tls_port + BUS):
            self.tls_port = free_port()
        self.socket = home / "s"
        self._process: Process | None = None
        home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(home, "nobody", "nogroup")
        self.start()

    def start(self) -> None:
        tls = self._certificates
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.home),
            "--tls-port", str(self.tls_port), "--tls-cert-file", str(tls.server_certificate),
            "--tls-key-file", str(tls.server_key), "--tls-ca-cert-file", str(tls.authority),
            "--tls-auth-clients", "optional", "--unixsocket", str(self.socket), "--unixsocketperm", "777",
            "--cluster-enabled", "yes" if self._is_node else "no", "--tls-cluster", "yes" if self._is_node else "no",
            # Saved at the end, for all who signed in are still to be signed in after a restart.
            "--save", "3600 1000000", "--appendonly", "no",
        ]  # fmt: skip
        self._process = Process("redis", command, self.home, unprivileged=True)
        self._process.wait_for("Ready to accept connections")

    def stop(self) -> None:
        """Ends it in an orderly way: what it has is in a file."""
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Ends it as a crash would, after what it has was saved."""
        assert self._process
        self.command("SAVE")
        self._process.stop(signal.SIGKILL)
        self._process = None

    def discard(self) -> None:
        if self._process:
            self._process.discard()
            self._process = None

    def pause(self) -> None:
        """Makes it answer nobody, as a host that hangs: connections open and nothing comes."""
        assert self._process
        self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send(signal.SIGCONT)

    @property
    def url(self) -> str:
        """How Better Auth and sidegate reach it, with all rights."""
        return f"redis://127.0.0.1:{self.port}"

    def command(self, *words: str) -> str:
        """What it answers; an error is an error."""
        return run(["redis-cli", "-e", "-p", str(self.port), "-c", *words], self.home).removesuffix("\n")

    def manage(self, *words: str) -> None:
        """`redis-cli --cluster` with its own words, after those on TLS."""
        cut = next(number for number, word in enumerate(words) if not word.startswith(("--", "/")))
        run(["redis-cli", *words[:cut], "--cluster", *words[cut:]], self.home)

    def value(self, key: str) -> dict[str, Any]:
        """The JSON under a key."""
        value: dict[str, Any] = json.loads(self.command("GET", key))
        return value

    def add_user(self, name: str, password: str, *rules: str) -> None:
        self.command("ACL", "SETUSER", name, "reset", "on", f">{password}", *rules)

    def clients(self) -> int:
        """How many connections there are, but for the one that asks."""
        return len(self.command("CLIENT", "LIST").splitlines()) - 1

    def trackers(self) -> set[str]:
        """The ids of the connections that track keys."""
        clients = [dict(word.split("=", 1) for word in line.split()) for line in self.command("CLIENT", "LIST").splitlines()]
        return {client["id"] for client in clients if "t" in client["flags"]}

    def subscribers(self) -> set[str]:
        """The ids of the connections that subscribed to something."""
        clients = self.command("CLIENT", "LIST", "TYPE", "pubsub").splitlines()
        return {line.split()[0].removeprefix("id=") for line in clients}

    def commands(self) -> dict[str, int]:
        """How often it got each command since `forget_commands`, but for the two that this takes."""
        lines = self.command("INFO", "commandstats").splitlines()
        calls = [line.removeprefix("cmdstat_").split(":calls=") for line in lines if line.startswith("cmdstat_")]
        counted = {name: int(count.split(",", 1)[0]) for name, count in calls}
        return {name: count for name, count in counted.items() if name not in {"config|resetstat", "info"}}

    def forget_commands(self) -> None:
        self.command("CONFIG", "RESETSTAT")


class Cluster:
    """Three nodes without replicas, which talk TLS with each other and both with their clients."""

    def __init__(self, home: Path, certificates: Certificates) -> None:
        home.mkdir()
        home.chmod(0o711)
        self.nodes = [Redis(home / f"node{number}", certificates, is_node=True) for number in range(3)]
        self._home = home
        create = ["redis-cli", "--tls", "--cacert", certificates.authority, "--cluster", "create",
                  *(f"127.0.0.1:{node.tls_port}" for node in self.nodes), "--cluster-yes",
                  "--cluster-replicas", "0"]  # fmt: skip
        run(create, home)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Each node knows that all slots are served."""
        for node in self.nodes:
            until(lambda node=node: "cluster_state:ok" in node.command("CLUSTER", "INFO"), "the cluster is whole")

    def stop(self) -> None:
        for node in self.nodes:
            node.discard()

    @property
    def urls(self) -> str:
        """How Better Auth reaches it."""
        return ",".join(node.url for node in self.nodes)

    def url(self, nodes: Sequence[Redis] | None = None, *, tls: bool = False) -> str:
        """How sidegate reaches it, by some of its nodes."""
        ports = [node.tls_port if tls else node.port for node in nodes or self.nodes]
        scheme = "rediss-cluster" if tls else "redis-cluster"
        return f"{scheme}://{','.join(f'127.0.0.1:{port}' for port in ports)}"
