# SPDX-License-Identifier: GPL-3.0-or-later
"""The module images on a real engine, with a real registry on the loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import registry_lab
from registry_lab import CLOSED, HERE, OPEN, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host

NO_DIGEST = "sha256:" + "0" * 64
Run = dict[str, Any]


@pytest.fixture(scope="module")
def registry(machine: Host) -> Iterator[str]:
    with registry_lab.running(machine) as digest:
        yield digest


@pytest.fixture(autouse=True)
def no_tiny(host: Host) -> Iterator[None]:
    """Before and after a test: those of another file's tests are there as well."""
    _remove_tiny(host)
    before = _names(host)
    yield
    for name in _names(host) - before - {HERE}:
        host.sh(f"docker rmi -f {name}", check=False)


def _names(host: Host) -> set[str]:
    return set(host.sh("docker images --no-trunc --format '{{.Repository}}:{{.Tag}}'").splitlines())


def _remove_tiny(host: Host) -> None:
    for name in _names(host) - {HERE}:
        repository, _, tag = name.rpartition(":")
        if repository.rpartition("/")[2] == "tiny" and tag != "<none>":  # one by its digest has no tag
            host.docker("rmi", "-f", name)


@pytest.fixture
def images(run_module: Callable[..., Run]) -> Callable[..., Run]:
    def run(*wanted: dict[str, Any], **options: Any) -> Run:
        return run_module("images", {"images": list(wanted)}, **options)

    return run


def test_pull_check_mode_predicts_the_first_run_pulls_and_the_second_changes_nothing(
    host: Host, images: Callable[..., Run], registry: str
) -> None:
    host.sh(f"docker rmi -f {HERE}", check=False)
    predicted = images({"name": HERE}, check=True, diff=True)
    assert (predicted["changed"], predicted["images"][HERE]["actions"]) == (True, ["pull"])
    assert host.sh(f"docker images -q {HERE}") == ""
    first = images({"name": HERE})
    assert first["changed"] is True
    assert first["images"][HERE]["id"] == host.sh(f"docker inspect -f '{{{{.Id}}}}' {HERE}")
    assert images({"name": HERE})["changed"] is False
    again = images({"name": HERE, "pull_policy": "always"})
    assert (again["changed"], again["images"][HERE]["actions"]) == (False, ["pull"])
    assert images({"name": HERE, "state": "absent"})["changed"] is True
    assert images({"name": HERE, "state": "absent"})["changed"] is False


def test_pull_by_digest(images: Callable[..., Run], registry: str) -> None:
    name = f"{OPEN}/tiny@{registry}"
    assert images({"name": name})["images"][name]["id"]
    assert images({"name": name})["changed"] is False


def test_r15_pull_with_credentials_that_are_written_nowhere(
    host: Host, images: Callable[..., Run], registry: str
) -> None:
    name = f"{CLOSED}/tiny:1"
    result = images({"name": name, "username": "deploy", "password": SECRET}, diff=True)
    assert result["changed"] is True
    assert SECRET not in json.dumps(result)
    assert host.sh(f"grep -rlsF {SECRET} /root/.docker /etc /var/lib/docker/image /tmp/dockerd.log || true") == ""


REFUSED = [
    ("no such tag", {"name": f"{OPEN}/tiny:2"}, "no such tag or digest"),
    ("no such repository", {"name": f"{OPEN}/none-such:1"}, "no such"),
    ("no such digest", {"name": f"{OPEN}/tiny@{NO_DIGEST}"}, "no such tag or digest"),
    ("no registry there", {"name": "127.0.0.1:5009/tiny:1"}, "does not reach the registry"),
    ("no such host", {"name": "registry.invalid/tiny:1"}, "does not reach the registry"),
    ("no credentials", {"name": f"{CLOSED}/tiny:1"}, "set username and password"),
    (
        "wrong credentials",
        {"name": f"{CLOSED}/tiny:1", "username": "deploy", "password": "wrong"},
        "set username and password",
    ),
    ("not a name", {"name": "Tiny Image"}, "does not name an image"),
    ("no archive", {"name": "tiny:9", "source": "archive", "archive": "/none.tar"}, "there is no such file"),
    ("bad archive", {"name": "tiny:9", "source": "archive", "archive": "/etc/hosts"}, "not an image archive"),
    ("archive not said", {"name": "tiny:9", "source": "archive"}, "archive"),
    (
        "no such package",
        {"name": "tiny:9", "source": "packages", "packages": ["none-such"], "suite": "bookworm"},
        "none-such",
    ),
]


@pytest.mark.parametrize(("wanted", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_one_message_and_nothing_changed(
    images: Callable[..., Run], host_state: Callable[[], Any], registry: str, wanted: dict[str, Any], said: str
) -> None:
    before = host_state()["images"]
    result = images(wanted)
    assert result["failed"]
    assert said in result["msg"], result["msg"]
    assert host_state()["images"] == before


def test_a_layer_that_is_not_what_its_digest_says_is_refused(
    host: Host, images: Callable[..., Run], registry: str
) -> None:
    host.sh(f"docker rmi -f {HERE}", check=False)
    host.sh("docker rmi -f $(docker images -q --filter reference='*/tiny')", check=False)
    layer = host.sh("find /tmp/registry -path '*/blobs/sha256/*' -name data -size +100k")
    host.sh(f"cp {layer} /tmp/layer && printf XX | dd of={layer} bs=1 seek=5000 conv=notrunc status=none")
    try:
        result = images({"name": HERE})
    finally:
        host.sh(f"cp /tmp/layer {layer}")
    assert result["failed"]
    assert "not what the digest names" in result["msg"], result["msg"]


def test_a_saved_image_and_a_root_file_system_are_known_again(
    host: Host, images: Callable[..., Run], image: str
) -> None:
    host.sh("tar -C / -cf /tmp/tiny-root.tar bin/busybox")
    root = {"name": "tiny:root", "source": "archive", "archive": "/tmp/tiny-root.tar", "command": ["busybox", "true"]}
    assert images(root)["images"]["tiny:root"]["actions"] == ["import"]
    assert images(root)["changed"] is False
    assert host.sh("docker run --rm tiny:root busybox echo works") == "works"

    host.sh("docker save -o /tmp/tiny-saved.tar tiny:root && docker rmi tiny:root")
    saved = {"name": "tiny:saved", "source": "archive", "archive": "/tmp/tiny-saved.tar"}
    assert images(saved)["images"]["tiny:saved"]["actions"] == ["load"]
    assert images(saved)["changed"] is False
    host.sh("rm /tmp/tiny-*.tar")


@pytest.mark.thorough
def test_an_image_from_packages_is_recreated_when_its_recipe_changes(host: Host, images: Callable[..., Run]) -> None:
    recipe = {"name": "tiny:packages", "source": "packages", "packages": ["busybox-static"], "suite": "bookworm"}
    user = {"users": [{"name": "app", "uid": 4321, "gid": 4321}], "directories": [{"path": "/data", "uid": 4321}]}
    assert images(recipe)["changed"] is True
    assert images(recipe)["changed"] is False
    assert images({**recipe, **user}, check=True)["changed"] is True
    assert images({**recipe, **user})["changed"] is True
    assert host.sh("docker run --rm -u app tiny:packages busybox stat -c %u /data") == "4321"
    assert images({**recipe, **user})["changed"] is False


def test_without_mmdebstrap_the_message_says_so(images: Callable[..., Run]) -> None:
    recipe = {"name": "tiny:packages", "source": "packages", "packages": ["busybox-static"]}
    result = images(recipe, env={"PATH": "/nowhere"})
    assert "Install the package mmdebstrap" in result["msg"]
