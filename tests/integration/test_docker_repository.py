# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker_engine with Docker's own apt repository, a real one that the machine serves itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apt_repository import URL, serve
from lab import Host
from test_docker_engine import ROLE, done, pid_of_engine, refused

pytestmark = pytest.mark.thorough

SOURCE = "/etc/apt/sources.list.d/docker.sources"
DOCKER = {"docker_engine_source": "docker", "docker_engine_repository_url": URL}


def versions(host: Host) -> dict[str, str]:
    """Package → its selection and version."""
    shown = host.sh(
        "dpkg-query -W -f '${Package} ${db:Status-Want} ${Version}\\n' docker-ce docker-ce-cli", check=False
    )
    return {line.split()[0]: line.partition(" ")[2] for line in shown.splitlines()}


def both(selection: str, version: str) -> dict[str, str]:
    return dict.fromkeys(("docker-ce", "docker-ce-cli"), f"{selection} 5:{version}-1~debian.12~bookworm")


@pytest.fixture(scope="module")
def served(module_machine: Callable[..., Host]) -> Host:
    host = module_machine(engine=False)
    serve(host)
    return host


def settled(host: Host, **variables: Any) -> bool:
    return done(host.play(ROLE, **DOCKER, **variables)).changed == 0


def test_a_repository_that_another_key_has_signed_is_refused_and_leaves_apt_as_it_was(served: Host) -> None:
    message = refused(served.play(ROLE, **DOCKER, docker_engine_repository_key=f"{URL}/other"))
    assert f"Docker's package repository {URL} (docker_engine_repository_url) cannot be used with its key" in message
    assert "docker_engine_repository_key" in message
    assert served.sh(f"ls {SOURCE} /usr/bin/dockerd", check=False) == ""
    served.sh("apt-get update")


def test_install_pin_hold_and_upgrade(served: Host) -> None:
    wishes: dict[str, Any] = {**DOCKER, "docker_engine_version": "20.10.24", "docker_engine_hold": True}
    check = done(served.play(ROLE, options=("--check",), **wishes))
    assert check.task("Predict the installation")["msg"] == (
        f"Would fetch {URL}/gpg; write /etc/apt/preferences.d/docker, {SOURCE}; install docker-ce (20.10.24), "
        "docker-ce-cli (20.10.24), containerd.io; hold docker-ce, docker-ce-cli, containerd.io"
    )
    assert served.sh(f"ls {SOURCE} /usr/bin/dockerd", check=False) == ""
    done(served.play(ROLE, **wishes))
    assert versions(served) == both("hold", "20.10.24")
    assert served.api("/version")["Version"] == "20.10.24+dfsg1"
    assert done(served.play(ROLE, **wishes)).changed == 0

    # What the host upgrades by itself leaves the engine, held or not.
    assert settled(served, docker_engine_version="20.10.24")
    done(served.play(ROLE, **{**wishes, "docker_engine_hold": False}))
    served.sh("apt-get update && apt-get -y dist-upgrade")
    assert versions(served) == both("install", "20.10.24")

    # A version that the repository lacks changes no package; those that it has are named.
    before = pid_of_engine(served)
    message = refused(served.play(ROLE, **DOCKER, docker_engine_version="20.10.99"))
    assert "has no docker-ce 20.10.99 for this host. It has 5:28.0.0-1~debian.12~bookworm, 5:20.10.25-1" in message
    assert (pid_of_engine(served), versions(served)) == (before, both("install", "20.10.24"))

    # An upgrade is the newest of what is meant, and restarts the engine; it passes a hold.
    done(served.play(ROLE, **wishes))
    wishes["docker_engine_version"] = "20.10.25"
    check = done(served.play(ROLE, options=("--check",), **wishes))
    assert "install docker-ce (20.10.25), docker-ce-cli (20.10.25)" in check.task("Predict the installation")["msg"]
    assert "restart the engine (20.10.24+dfsg1 runs" in check.task("Predict what the engine would do")["msg"]
    assert pid_of_engine(served) == before
    done(served.play(ROLE, **wishes))
    assert versions(served) == both("hold", "20.10.25")
    assert (served.api("/version")["Version"], pid_of_engine(served) != before) == ("20.10.25+dfsg1", True)
    assert done(served.play(ROLE, **wishes)).changed == 0
    done(served.play(ROLE, **DOCKER, docker_engine_version="20.10"))
    assert (settled(served, docker_engine_version="20.10"), versions(served)) == (True, both("hold", "20.10.25"))
    assert "20.10.24 is older than what is installed" in refused(
        served.play(ROLE, **DOCKER, docker_engine_version="20.10.24")
    )

    # Without a version the pin goes, and what is installed stays.
    done(served.play(ROLE, **DOCKER))
    assert served.sh("ls /etc/apt/preferences.d") == ""
    assert (settled(served), versions(served)) == (True, both("hold", "20.10.25"))
    # Who asks for no repository finds an engine, which is left alone.
    assert done(served.play(ROLE)).changed == 0


def test_a_source_that_others_wrote_is_used_as_it_is_and_a_key_may_be_a_file_or_its_text(served: Host) -> None:
    text = served.sh("cat /srv/apt/linux/debian/gpg") + "\n"
    for key in (text, served.write("/usr/share/keyrings/own.asc", text)):
        own = {"docker_engine_repository_key": key, "docker_engine_version": "20.10"}
        done(served.play(ROLE, **DOCKER, **own))
        assert settled(served, **own)
        served.sh("apt-get update")
    assert "Signed-By: /usr/share/keyrings/own.asc" in served.sh(f"cat {SOURCE}")
    served.sh(f"rm {SOURCE}")
    served.write(
        "/etc/apt/sources.list.d/own.list", f"deb [signed-by=/usr/share/keyrings/own.asc] {URL} bookworm stable\n"
    )
    assert settled(served, docker_engine_version="20.10")
    assert served.sh("ls /etc/apt/sources.list.d") == "own.list"


def test_an_engine_of_the_distribution_is_not_replaced(fresh_machine: Callable[..., Host]) -> None:
    host = fresh_machine(engine=False)
    assert "The role replaces no engine" in refused(host.play(ROLE, **DOCKER))
    assert done(host.play(ROLE, docker_engine_hold=True)).changed > 0
    assert "docker.io" in host.sh("apt-mark showhold")
    assert done(host.play(ROLE, docker_engine_hold=True)).changed == 0
