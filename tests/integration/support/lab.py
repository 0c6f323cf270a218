# SPDX-License-Identifier: GPL-3.0-or-later
"""A host to test on: the machine that pytest runs in, or a fresh machine within it. The same verbs for both."""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import ansible
import shapes
from played import LOCAL, Play
from prefork import Prefork
from tree import CHECKOUT, COLLECTIONS

CACHE = Path(os.environ.get("NETMODE_CACHE", "/nonexistent"))
MACHINE = CHECKOUT / "tests" / "lab" / "machine"
VENV_BIN = Path(sys.executable).parent
IMAGE = shapes.OFFICIAL
"""What tests run where the image is not the point. One that needs the bare image says why where it takes shapes.BARE."""
MODULE_UTILS = COLLECTIONS / "ansible-only"
"""A directory that holds nothing but ansible: a host's Python finds no other package of the controller."""
SOCKET = "/var/run/docker.sock"
UNIT = "/run/systemd/system/docker.service.d/netmode-test.conf"
"""Its presence keeps systemd from starting an engine again that a test has ended, by itself or for who asks its socket."""


_COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE / "compiled")}
"""Modules are compiled once, beside the checkout, which is read-only: a third of what a run of one costs."""
_PLAY = {
    "PATH": f"{VENV_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
    "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests" / "integration" / "support" / "callback_plugins"),
    "ANSIBLE_CALLBACKS_ENABLED": "netmode_results",
    "ANSIBLE_NOCOLOR": "1",
}


_LOOK = """
ip -j -d link; printf '\\1'
ip -j address; printf '\\1'
ip -j route show table all; printf '\\1'
iptables-save; ip6tables-save; printf '\\1'
ss -Hlntu; printf '\\1'
cat /etc/docker/daemon.json /var/lib/netmode/interfaces.json 2>/dev/null
cd /etc/netmode 2>/dev/null || exit 0
find . -printf '%p %M %U:%G\\n' | sort; find . -type f | sort | xargs tail -vn +1 | cat -v
"""
"""What shows a host's state, its parts divided by a character that is in none of them."""


def _ask(path: str, timeout: float = 300) -> bytes:
    """The body of the engine's answer to ``GET path``."""
    return request("GET", path, timeout=timeout)[1]


def request(method: str, path: str, body: Any = None, timeout: float = 300) -> tuple[int, bytes]:
    """(status, body) of what the engine of this machine answers: without a process, which costs more than the question."""
    connection = http.client.HTTPConnection("engine", timeout=timeout)
    given = {} if body is None else {"body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.settimeout(timeout)
        connection.sock.connect(SOCKET)
        connection.request(method, path, **given)
        answer = connection.getresponse()
        return answer.status, answer.read()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true answer of ``condition``; AssertionError naming ``what`` after ``seconds``.

    Asked after 20 ms, then less and less often: asking costs what is waited for its CPU.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        answer = condition()
        if answer:
            return answer
        time.sleep(min(0.5, max(0.02, (time.monotonic() - begun) / 10)))
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Host:
    """A Debian machine. ``prefix`` is the command that enters it: empty for the one that pytest runs in.

    ``directory`` is where tests/lab/machine keeps it, if it does. ``preforked``: the modules of its plays are forks.
    """

    prefix: tuple[str, ...] = ()
    directory: str = ""
    preforked: bool = False

    def run(
        self, *argv: str, check: bool = True, stdin: str = "", timeout: float = 300, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One program with its arguments; with ``check`` a status other than 0 fails the test, showing all output."""
        given = [f"{key}={value}" for key, value in (env or {}).items()]
        done = subprocess.run(
            [*self.prefix, *(["env", *given] if given else []), *argv],
            input=stdin, capture_output=True, text=True, timeout=timeout, check=False, cwd="/",
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(argv)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def sh(self, command: str, check: bool = True, **options: Any) -> str:
        """The standard output of a bash command line, stripped."""
        return self.run("bash", "-c", command, check=check, **options).stdout.strip()

    def docker(self, *args: str, check: bool = True, **options: Any) -> str:
        """The standard output of the Docker command line, stripped: ``docker("inspect", "-f", "{{.Id}}", "web")``."""
        return self.run("docker", *args, check=check, **options).stdout.strip()

    def write(self, path: str, text: str) -> str:
        self.run("bash", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0"', path, stdin=text)
        return path

    def api(self, path: str) -> Any:
        """The engine's decoded answer to ``GET path``."""
        if self.prefix:
            return json.loads(self.run("curl", "-sS", "--unix-socket", SOCKET, f"http://engine{path}").stdout)
        return json.loads(_ask(path))

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, decoded answer) of a request to the engine of the machine that pytest runs in."""
        status, answer = request(method, path, body)
        try:
            return status, json.loads(answer) if answer else None
        except ValueError:
            return status, answer.decode(errors="replace")

    def prepare(self) -> None:
        """Lay out what ``run_module`` and ``play`` need on this host: links to the checkout and to ansible."""
        ansible_at = Path(ansible.__file__).parent
        self.sh(
            f"/usr/bin/python3 -B {CHECKOUT / 'tests' / 'tree.py'} && mkdir -p {MODULE_UTILS}"
            f" && ln -sfn {ansible_at} {MODULE_UTILS / 'ansible'}"
            " && chmod 711 /root"  # tests as another user still have to reach the cache
        )

    # --- the engine ---------------------------------------------------------------------------------------------

    def engine_is_up(self) -> bool:
        if self.prefix:
            ping = ("curl", "-sf", "-m", "5", "--unix-socket", SOCKET, "http://engine/_ping")
            return self.run(*ping, check=False).returncode == 0
        try:
            return _ask("/_ping", 5) == b"OK"
        except (OSError, http.client.HTTPException):
            return False

    def engine_version(self) -> tuple[int, ...]:
        """Docker 20.10.24 → (20, 10, 24)."""
        return tuple(map(int, re.findall(r"\d+", self.api("/version")["Version"])[:3]))

    def start_engine(self, *options: str) -> None:
        """Start dockerd with these options (its log: /tmp/dockerd.log) and wait until it answers.

        Without options by systemd, where that is the init system.
        """
        by_systemd = f"rm -f {UNIT} && systemctl daemon-reload && systemctl reset-failed && systemctl start docker"
        by_hand = f"setsid dockerd {shlex.join(options)} </dev/null >>/tmp/dockerd.log 2>&1 &"
        self.sh(by_systemd if self._has_systemd() and not options else by_hand)
        wait_until(self.engine_is_up, "dockerd answers; its log is /tmp/dockerd.log", 120)

    def kill_engine(self, signal: str = "KILL") -> None:
        """End dockerd by a signal and wait until it is gone. Its containers go on running after KILL."""
        if self._has_systemd():
            self.write(UNIT, f"[Unit]\nConditionPathExists=!{UNIT}\n")
            self.sh("systemctl daemon-reload")
        self.sh(f"pkill -{signal} -x dockerd")
        wait_until(lambda: self.run("pgrep", "-x", "dockerd", check=False).returncode != 0, "dockerd has ended")
        if self._has_systemd():
            self.sh("systemctl stop docker.socket")  # not before: that would stop the engine in an orderly way
        self.sh("rm -f /var/run/docker.pid")

    @contextmanager
    def engine_with(self, *options: str) -> Iterator[None]:
        """The engine started again with these options, and afterwards as it is usually."""
        self.kill_engine("TERM")
        self.start_engine(*options)
        try:
            yield
        finally:
            self.kill_engine("TERM")
            self.start_engine()

    def _has_systemd(self) -> bool:
        return self.run("test", "-d", "/run/systemd/system", check=False).returncode == 0

    def import_image(self) -> None:
        """Make the Redis image known, bare and in the shape of the official one."""
        shapes.load(self, "redis")

    # --- the collection -----------------------------------------------------------------------------------------

    @functools.cached_property
    def modules(self) -> Prefork:
        """Runs modules by this host's own Python with Ansible's and the collection's module_utils loaded.

        What that does not show is that a module finds all that it needs in what Ansible sends along: the fleet's tests do.
        """
        env = {"PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}", **_COMPILED}
        home = CHECKOUT / "plugins" / "module_utils"
        names = [".".join(path.relative_to(home).with_suffix("").parts) for path in sorted(home.rglob("[_a-z]*.py"))]
        ours = [f"ansible_collections.netmode.docker.plugins.module_utils.{name}" for name in names if "__" not in name]
        imports = ("ansible.module_utils.basic", "docker", *ours)
        return Prefork("/usr/bin/python3", imports, env, self.prefix, self._shared)

    @functools.cached_property
    def plays(self) -> Prefork:
        """Runs ansible-playbook on this host. Its settings are of the environment that it is imported in."""
        return Prefork(sys.executable, ("prefork_play",), self._settings, self.prefix, self._shared)

    def end_preforks(self) -> None:
        for started in vars(self).keys() & {"modules", "plays"}:
            getattr(self, started).end()

    @property
    def _shared(self) -> tuple[str, str]:
        """A directory that this process and the host see: its path here, its path there."""
        if self.prefix and not self.directory:
            return str(CACHE), str(CACHE)
        return f"{self.directory}/tmp" if self.directory else "/var/tmp", "/var/tmp"

    @property
    def _settings(self) -> dict[str, str]:
        python = self.modules.python if self.preforked else "/usr/bin/python3"
        return {**_PLAY, "ANSIBLE_PYTHON_INTERPRETER": python}

    def run_module(
        self,
        name: str,
        args: dict[str, Any] | None = None,
        check: bool = False,
        diff: bool = False,
        user: str = "root",
        hide: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The result of one module of this collection, run by the host's own Python: about 0.3 s.

        ``hide`` names Python packages that this run shall not find. A result that is no JSON (a traceback) fails
        the test; ``failed`` in the result does not.
        """
        given = {"_ansible_check_mode": check, "_ansible_diff": diff, **(args or {})}
        stdin = json.dumps({"ANSIBLE_MODULE_ARGS": given})
        module = f"ansible_collections.netmode.docker.plugins.modules.{name}"
        if (self.prefix and not self.preforked) or hide or env or user != "root":
            path = [str(COLLECTIONS), str(MODULE_UTILS)]
            if hide:
                path.insert(0, self._hidden(hide))
            who = () if user == "root" else ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
            done = self.run(
                *who, "/usr/bin/python3", "-m", module, stdin=stdin, check=False,
                env={"PYTHONPATH": ":".join(path), **_COMPILED, **(env or {})},
            )  # fmt: skip
        else:
            done = self.modules.run(module, stdin=stdin, timeout=300)
        try:
            result: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{name} gave no JSON:\n{done.stdout}\n{done.stderr}") from None
        assert "Traceback" not in done.stderr, done.stderr
        assert bool(result.get("failed")) == (done.returncode != 0), (done.returncode, result)
        return result

    def _hidden(self, packages: tuple[str, ...]) -> str:
        directory = "/tmp/netmode-hidden-" + "-".join(packages)
        for package in packages:
            self.write(f"{directory}/{package}.py", f'raise ImportError("No module named {package}")\n')
        return directory

    def play(
        self,
        playbook: str | Path | list[dict[str, Any]],
        inventory: str | Path | dict[str, Any] | None = None,
        options: tuple[str, ...] = (),
        timeout: float = 300,
        env: dict[str, str] | None = None,
        **extra_vars: Any,
    ) -> Play:
        """Run ansible-playbook on this host: a path, a playbook's text, or its plays as data.

        Without an inventory the play's ``hosts: localhost`` is this very host. ``options`` such as ``("--check",
        "--diff")``. A play that fails is no failure of the test: assert on ``rc`` and ``failed``.
        """
        directory = self.sh("mktemp -d /tmp/play.XXXXXX")
        if isinstance(playbook, list):
            playbook = json.dumps(playbook)
        if not isinstance(playbook, Path) and ("\n" in playbook or playbook.startswith("[")):
            playbook = self.write(f"{directory}/play.yml", playbook)
        if inventory is None:
            inventory = {"redis": {"hosts": {"localhost": LOCAL}}}
        if isinstance(inventory, dict):
            inventory = self.write(f"{directory}/inventory.yml", json.dumps(inventory))
        argv = (str(playbook), "-i", str(inventory), "-e", json.dumps(extra_vars), *options)
        results = {"NETMODE_RESULTS": f"{directory}/results"}
        if env or (self.prefix and not self.directory):
            given = {**self._settings, **results, **(env or {})}
            done = self.run("ansible-playbook", *argv, env=given, check=False, timeout=timeout)
        else:
            done = self.plays.run("ansible.cli.playbook", *argv, env=results, timeout=timeout)
        lines = self.sh(f"cat {directory}/results 2>/dev/null || true; rm -rf {directory}")
        played = Play(done.returncode, done.stdout, done.stderr)
        for line in map(json.loads, lines.splitlines()):
            if "stats" in line:
                played.stats = line["stats"]
            else:
                played.tasks.append(line)
        return played

    # --- what is there ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that a change could show in; two equal answers mean that the host is unchanged.

        Left out is what moves by itself: counters, timers, health logs, how many addresses a bridge has learnt, and the
        carrier that it has or has not for a second after its last port came or went, with the link-local addresses and
        routes that follow it; and the tso_max_size that a bridge takes over from its first port and keeps.
        """
        links, addresses, routes, rules, ports, files = self.sh(_LOOK).split("\1")
        found: dict[str, Any] = {
            "links": [self._still(link) for link in json.loads(links)],
            "addresses": [
                [(a["family"], a["local"], a["prefixlen"]) for a in link["addr_info"] if a["scope"] != "link"]
                for link in json.loads(addresses)
            ],
            "routes": sorted(
                json.dumps({**route, "flags": []})
                for route in json.loads(routes)
                if not route["dst"].startswith(("fe80:", "ff00:")) and route.get("type") != "anycast"
            ),
            "rules": [line for line in rules.splitlines() if not line.startswith(("#", ":"))],
            "ports": sorted(tuple(line.split()[:5:4]) for line in ports.splitlines()),
            "files": files,
        }
        if self.engine_is_up():
            found["containers"] = {c["Id"]: self._container(c["Id"]) for c in self.api("/containers/json?all=1")}
            found["networks"] = sorted(self.api("/networks"), key=lambda network: str(network["Id"]))
            found["volumes"] = sorted(v["Name"] for v in self.api("/volumes")["Volumes"] or [])
            found["images"] = sorted(image["Id"] for image in self.api("/images/json"))
        return found

    def _ip(self, *words: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = json.loads(self.run("ip", "-j", *words).stdout or "[]")
        return answer

    def _still(self, link: dict[str, Any]) -> dict[str, Any]:
        for key in ("stats64", "operstate", "tso_max_size"):
            link.pop(key, None)
        link["flags"] = sorted(set(link["flags"]) - {"NO-CARRIER", "LOWER_UP"})
        for part in ("info_data", "info_slave_data"):
            data = link.get("linkinfo", {}).get(part, {})
            for moving in [key for key in data if key.endswith("_timer") or key == "fdb_n_learned"]:
                del data[moving]
        return link

    def _container(self, ident: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.api(f"/containers/{ident}/json")
        seen["State"].pop("Health", None)
        seen.pop("ExecIDs", None)
        seen["Mounts"].sort(key=lambda mount: str(mount["Destination"]))  # the engine gives them in no order
        return seen

    def things(self) -> dict[str, set[str]]:
        """What a test may leave behind: containers, networks, volumes, links."""
        if not self.engine_is_up():
            self.start_engine()
        return {
            "container": {c["Id"] for c in self.api("/containers/json?all=1")},
            "network": {n["Id"] for n in self.api("/networks") if n["Name"] not in ("bridge", "host", "none")},
            "volume": {v["Name"] for v in self.api("/volumes")["Volumes"] or []},
            "link": {link["ifname"] for link in self._ip("link")},
        }

    def remove_new(self, before: dict[str, set[str]]) -> None:
        """Remove what was not there ``before``, in the order that the engine allows, and what a keeper would go by."""
        self.sh("rm -f /var/lib/netmode/*.json")
        now = self.things()
        for kind, flags in (("container", ["-f", "-v"]), ("network", []), ("volume", ["-f"])):
            new = sorted(now[kind] - before[kind])
            if new:
                self.docker(kind, "rm", *flags, *new)
        for name in sorted({link["ifname"] for link in self._ip("link")} - before["link"]):
            self.run("ip", "link", "delete", name, check=False)  # the other end of a veth may have taken it along
