# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests. pytest runs within a throwaway machine: start it by ``tests/integration/run``.

For one test (what the test made is removed after it: containers, networks, volumes, links; what a module-scoped
fixture made before it stays):

``host``         the machine, a :class:`lab.Host`, its engine up, the image ``netmode-test/redis`` imported
``sh``           ``sh("ip -br link")``: standard output of a bash command line; ``check=False`` allows failure
``docker``       ``docker("run", "-d", "--name", "web", IMAGE)``: standard output of the Docker command line
``run_module``   ``run_module("containers", {...}, check=False, diff=False, user="root", hide=("docker",))``:
                 the module's result as a dict, about 0.3 s; a traceback fails the test
``play``         ``play(path_or_text_or_list, inventory=None, options=("--check",), **extra_vars)``: a :class:`lab.Play`
                 with rc, stdout, stderr, changed, failed, stats and ``task("name")``, that task's result
``host_state``   ``host_state()``: everything a change would show in; compare two with ``==``
``deploy``       ``deploy(rc=0, options=(), **variables)``: ``play`` of the role redis, with an image that is there
``refuse``       ``refuse([{"redis_port": 0}, ...], options=(), **variables)``: the messages with which the role refuses each
``no_files_left`` removes what the role redis writes besides
``keeper``       a :class:`keeper_lab.Keeper`: the service, installed as by its role and removed after the module's last test
``interfaces``   ``interfaces(ETH0, UP0, check=False)``: the module's result over this list
``networks``     the same of the module ``networks``
``web``          a container in none mode for them; ``uplink``, a link of the host that stands for a network card
``tell``         ``tell("took 3 ms")`` prints a measured figure past pytest's capture
``image``        the name of the Redis image, in the shape of the official one (with redis-cli, busybox, ip)
``shape_images`` all images of the table shapes.SHAPES, shaped like the official ones: ``SHAPES["valkey-9"].image``
                 (shapes.load(host, "nginx", "redis-8") makes some of them)

For more than one test: ``machine`` (session; the same :class:`lab.Host`, nothing is removed by itself).

A machine of its own, for tests that install packages or break the engine:

``fresh_machine``  ``fresh_machine(bare=False, engine=True)``: a new :class:`lab.Host` within this one, in a second;
                   bare: as a new server, without Docker. Ended after the test.
``module_machine`` the same, ended after the module's last test.
``lab.wait_until(condition, "what", seconds)``  for what takes time; never a bare sleep.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import neighbour_lab
import pytest
import shapes
from interfaces_lab import OPEN, UPLINK
from keeper_lab import Keeper
from lab import IMAGE, MACHINE, Host, Play
from played import aliases
from redis_lab import IMAGE as REDIS_IMAGE
from redis_lab import ROLE, ROLE_VARIABLES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the tests marked ``spread`` those of this share, N/M in NETMODE_SPREAD: each is in one of M."""
    own, among = (int(part) for part in os.environ.get("NETMODE_SPREAD", "0/1").split("/"))
    others = {item for item in items if item.get_closest_marker("spread") and _share(item, among) != own}
    config.hook.pytest_deselected(items=sorted(others, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in others]


def _share(item: pytest.Item, among: int) -> int:
    """By its name alone, so that each test is in one share, whoever collects it."""
    return zlib.crc32(f"{item.path.name}::{item.name}".encode()) % among


def pytest_sessionstart() -> None:
    if not os.environ.get("NETMODE_MACHINE"):
        pytest.exit("these tests change the machine they run on: start them by tests/integration/run", returncode=2)


@pytest.fixture(scope="session")
def machine() -> Host:
    """The machine that pytest runs in, its engine up. The engine ends with the machine."""
    host = Host(preforked=True)
    host.prepare()
    if not host.engine_is_up():
        host.start_engine()
    if not host.docker("image", "ls", "-q", IMAGE):
        host.import_image()
    return host


@pytest.fixture
def host(machine: Host) -> Iterator[Host]:
    before = machine.things()
    yield machine
    machine.remove_new(before)


@pytest.fixture
def sh(host: Host) -> Callable[..., str]:
    return host.sh


@pytest.fixture
def docker(host: Host) -> Callable[..., str]:
    return host.docker


@pytest.fixture
def run_module(host: Host) -> Callable[..., dict[str, Any]]:
    return host.run_module


@pytest.fixture
def play(host: Host) -> Callable[..., Play]:
    return host.play


@pytest.fixture
def host_state(host: Host) -> Callable[[], dict[str, Any]]:
    return host.state


@pytest.fixture
def image(host: Host) -> str:
    return IMAGE


@pytest.fixture
def interfaces(run_module: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The module over a list of interfaces; further words go to ``run_module``."""

    def run(*wanted: dict[str, Any], **how: Any) -> dict[str, Any]:
        return run_module("interfaces", {"interfaces": list(wanted)}, **how)

    return run


@pytest.fixture
def networks(run_module: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The module over a list of networks; further words go to ``run_module``."""

    def run(*wanted: dict[str, Any], **how: Any) -> dict[str, Any]:
        return run_module("networks", {"networks": list(wanted)}, **how)

    return run


@pytest.fixture
def web(docker: Callable[..., str]) -> str:
    """A container without a network, whose Redis answers others."""
    return docker("run", "-d", "--name", "web", "--network", "none", IMAGE, *OPEN)


@pytest.fixture
def uplink(sh: Callable[..., str]) -> None:
    """A link of the host that stands for a network card: one end of a pair, with something to be given back."""
    sh(
        f"ip link add uplink address {UPLINK} mtu 1460 type veth peer name far && ip link set uplink up alias 'the uplink'"
    )
    sh("ip link set far up")


@pytest.fixture(scope="session")
def shape_images(machine: Host) -> None:
    shapes.load(machine)


@pytest.fixture
def no_files_left(host: Host) -> Iterator[None]:
    host.sh("rm -rf /etc/netmode /var/lib/netmode")
    yield
    host.sh("rm -rf /etc/netmode /var/lib/netmode")


@pytest.fixture(scope="module")
def role_image(machine: Host) -> None:
    """Of the same packages as the role would make it of, which were unpacked before: by the way of archives."""
    image = {"name": REDIS_IMAGE["redis_image"], "source": "archive", "archive": str(shapes.root("redis"))}
    result = machine.run_module("images", {"images": [image]})
    assert not result.get("failed"), result


@pytest.fixture
def deploy(play: Callable[..., Play], role_image: None) -> Callable[..., Play]:
    """Run the role with these variables over ROLE_VARIABLES. A failure fails the test unless ``rc`` is given."""

    def run(rc: int = 0, options: tuple[str, ...] = (), **variables: Any) -> Play:
        played = play(ROLE, options=options, **{**ROLE_VARIABLES, **variables})
        assert played.rc == rc, played.stdout + played.stderr
        return played

    return run


@pytest.fixture
def refuse(
    play: Callable[..., Play], role_image: None, host_state: Callable[[], dict[str, Any]]
) -> Callable[..., list[str]]:
    """Run the role with each of these variables, all in one play, over those that all have. Each is refused: the messages.

    Nothing is changed, which is looked at after all of them.
    """

    def run(several: list[dict[str, Any]], options: tuple[str, ...] = (), **variables: Any) -> list[str]:
        before = host_state()
        given = [{**ROLE_VARIABLES, **variables, **own} for own in several]
        told = play(ROLE, aliases(given), options).refusals()
        assert host_state() == before, told
        assert len(told) == len(several), told
        return [told[f"n{number}"] for number in range(len(several))]

    return run


@pytest.fixture(scope="module")
def neighbour(machine: Host) -> Iterator[Host]:
    """The machine, with a neighbour that has a route to it."""
    machine.sh(neighbour_lab.SET_UP)
    yield machine
    machine.sh(neighbour_lab.TAKE_DOWN)


@pytest.fixture(scope="module")
def keeper_service(machine: Host) -> Iterator[Keeper]:
    keeper = Keeper(machine)
    keeper.install()
    yield keeper
    keeper.remove()


@pytest.fixture
def keeper(keeper_service: Keeper, host: Host) -> Keeper:
    keeper_service.begin()
    return keeper_service


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n    {line}", end="")

    return tell


@contextmanager
def new_machines() -> Iterator[Callable[..., Host]]:
    machines: list[Host] = []

    def start(bare: bool = False, engine: bool = True) -> Host:
        directory = tempfile.mkdtemp(prefix="netmode-machine.", dir="/var/tmp")
        fresh = Host((str(MACHINE), "exec", directory, "--"), directory, preforked=not bare)
        machines.append(fresh)
        subprocess.run([MACHINE, "up", *(["--bare"] if bare else []), directory], check=True, timeout=300)
        fresh.prepare()
        if engine and not bare:
            fresh.start_engine()
            fresh.import_image()
        return fresh

    try:
        yield start
    finally:
        for machine in machines:
            subprocess.run([MACHINE, "down", machine.directory], check=False, timeout=60)
            machine.end_preforks()


@pytest.fixture
def fresh_machine() -> Iterator[Callable[..., Host]]:
    with new_machines() as start:
        yield start


@pytest.fixture(scope="module")
def module_machine() -> Iterator[Callable[..., Host]]:
    with new_machines() as start:
        yield start
