# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock: one at a time, a wait that ends and names the holder, and whose it is. The locks are real."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _lock
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

ENGINE = "unix:///run/docker.sock"
_HOLDER = """
import sys
from pathlib import Path
from ansible_collections.netmode.docker.plugins.module_utils import _lock
_lock.DIRECTORY = Path(sys.argv[1])
_lock.os.geteuid = lambda: 0
with _lock.alone("containers", "netmode.docker.networks: front", "tcp://127.0.0.1:1"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_lock, "DIRECTORY", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


@contextmanager
def another(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    argv = [sys.executable, "-c", _HOLDER, str(directory)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def take(seconds: float = 0.2, docker_host: str = ENGINE) -> None:
    with _lock.alone("containers", "netmode.docker.containers: web", docker_host, seconds=seconds):
        pass


def test_o10_a_wait_ends_and_names_the_holder_and_what_it_does(locks: Path) -> None:
    with another(locks) as holder:
        begun = time.monotonic()
        with pytest.raises(NetmodeError) as refusal:
            take(0.3)
        assert 0.3 <= time.monotonic() - begun < 5
    for word in (f"Process {holder.pid}", "netmode.docker.networks: front", "netmode-containers.lock", "Run again"):
        assert word in str(refusal.value)


def test_o10_who_waits_goes_on_once_the_holder_ends(locks: Path) -> None:
    with another(locks) as holder:
        assert holder.stdin
        holder.stdin.close()
        take(20)


def test_o10_a_holder_that_is_killed_holds_nothing_and_is_not_named(locks: Path) -> None:
    with another(locks) as holder:
        holder.kill()
        holder.wait()
        take(20)
    path = locks / "netmode-containers.lock"
    path.write_text(f"{holder.pid} netmode.docker.networks: front", encoding="utf-8")
    argv = ["flock", str(path), sys.executable, "-c", "print('held', flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as foreign:
        assert foreign.stdout
        assert foreign.stdin
        foreign.stdout.readline()
        with pytest.raises(NetmodeError, match=r"^Another process is changing containers"):
            take()
        foreign.stdin.close()


def test_what_ended_is_not_named_any_more(locks: Path) -> None:
    take()
    assert (locks / "netmode-containers.lock").read_text(encoding="utf-8") == ""


def test_two_subjects_are_two_locks(locks: Path) -> None:
    with another(locks), _lock.alone("interfaces", "netmode-keeper", ENGINE, seconds=0):
        pass


def test_one_who_does_not_wait_is_told_that_it_is_held(locks: Path) -> None:
    with another(locks), _lock.alone("containers", "x", ENGINE, patient=False) as held:
        assert held is False


@pytest.mark.parametrize("docker_host", [ENGINE, "unix:///nowhere/docker.sock", "tcp://127.0.0.1:2375"])
def test_o10_another_user_than_root_is_refused_by_roots_engine(
    docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    with pytest.raises(NetmodeError, match=r"engine at .* requires root: become: true"):
        take(docker_host=docker_host)


def test_a_link_in_the_place_of_a_lock_is_not_followed(locks: Path) -> None:
    target = locks / "precious"
    target.write_text("kept", encoding="utf-8")
    (locks / "netmode-containers.lock").symlink_to(target)
    with pytest.raises(NetmodeError, match="cannot be opened"):
        take()
    assert target.read_text(encoding="utf-8") == "kept"


# --- a refusal -------------------------------------------------------------------------------------------------------


def test_o10_a_refusal_while_another_changes_the_host_is_judged_again_when_it_has_ended(locks: Path) -> None:
    seen = []

    def look() -> str:
        seen.append((locks / "netmode-containers.lock").read_text(encoding="utf-8") != "")
        if len(seen) == 1:
            assert holder.stdin
            holder.stdin.close()  # and it ends
            raise NetmodeError("the port is taken")
        return "right"

    with another(locks) as holder:
        assert _lock.undisturbed("containers", ENGINE, look) == "right"
    assert len(seen) == 2


@pytest.mark.parametrize("there", [True, False])
def test_o10_a_refusal_that_stays_is_one_and_makes_no_lock(locks: Path, there: bool) -> None:
    looks = []

    def look() -> None:
        looks.append(1)
        raise NetmodeError("the port is taken")

    if there:
        take()
    with pytest.raises(NetmodeError, match="the port is taken"):
        _lock.undisturbed("containers", ENGINE, look)
    assert len(looks) == 1 + there
    assert [path.name for path in locks.iterdir()] == (["netmode-containers.lock"] if there else [])


def test_o10_who_may_not_have_the_lock_is_refused_for_what_was_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> None:
        raise NetmodeError("the port is taken")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NetmodeError, match="the port is taken"):
        _lock.undisturbed("containers", ENGINE, look)
