# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for the images of a host, and how an archive is read. The engine is in the integration tests."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images.archive import read_archive
from ansible_collections.netmode.docker.plugins.module_utils._images.look import (
    Present,
    plan,
    report,
    validate,
)
from ansible_collections.netmode.docker.plugins.module_utils._images.registry import split_name
from ansible_collections.netmode.docker.plugins.module_utils._images.root import recipe_hash

if TYPE_CHECKING:
    from pathlib import Path

HEX = "ab" * 32


def image(**given: Any) -> dict[str, Any]:
    return {
        "name": "redis:7", "state": "present", "only_made_here": False, "source": "pull",
        "pull_policy": "missing", "username": None,
        "password": None, "archive": None, "archive_id": None, "packages": [], "suite": "stable", "mirror": "",
        "command": [], "users": [], "directories": [], **given,
    }  # fmt: skip


def no_archive(_image: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
    raise AssertionError("an archive is read that nobody needs")


def actions(wanted: dict[str, Any], have: Present | None, identify: Any = no_archive) -> list[str]:
    return [step.action for step in plan([wanted], {wanted["name"]: have}, identify)]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("redis", ("redis", "latest")),
        ("redis:7", ("redis", "7")),
        ("host:5000/redis", ("host:5000/redis", "latest")),
        ("host:5000/redis:7", ("host:5000/redis", "7")),
        (f"redis@sha256:{HEX}", ("redis", f"sha256:{HEX}")),
    ],
)
def test_names(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


PACKAGES = image(source="packages", packages=["b", "a"])
ARCHIVE = image(source="archive", archive="/x.tar", archive_id="sha256:1")


@pytest.mark.parametrize(
    ("wanted", "have", "planned"),
    [
        (image(), None, ["pull"]),
        (image(), Present("sha256:1", ""), []),
        (image(pull_policy="always"), Present("sha256:1", ""), ["pull"]),
        (image(state="absent"), None, []),
        (image(state="absent"), Present("sha256:1", ""), ["remove"]),
        (PACKAGES, None, ["build"]),
        (PACKAGES, Present("sha256:1", recipe_hash(PACKAGES)), []),
        (PACKAGES, Present("sha256:1", "another"), ["build"]),
        ({**PACKAGES, "pull_policy": "always"}, Present("sha256:1", recipe_hash(PACKAGES)), ["build"]),
        (ARCHIVE, Present("sha256:1", ""), []),
        (ARCHIVE, Present("sha256:2", "sha256:1"), []),
    ],
)
def test_what_is_planned(wanted: dict[str, Any], have: Present | None, planned: list[str]) -> None:
    assert actions(wanted, have) == planned


@pytest.mark.parametrize(("saved", "planned"), [(True, ["load"]), (False, ["import"])])
def test_an_archive_is_loaded_or_imported_by_what_it_is(saved: bool, planned: list[str]) -> None:
    assert actions(ARCHIVE, Present("sha256:9", ""), lambda _image: (saved, ("sha256:1",))) == planned


def test_the_order_of_the_packages_makes_no_other_recipe_and_the_suite_does() -> None:
    assert recipe_hash(PACKAGES) == recipe_hash({**PACKAGES, "packages": ["a", "b"]})
    assert recipe_hash(PACKAGES) != recipe_hash({**PACKAGES, "suite": "trixie"})


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([image(name="Redis 7")], "does not name an image"),
        ([image(), image()], "in the list twice"),
        ([image(name=f"redis@sha256:{HEX}", source="packages")], "Use a tag, or set source to pull"),
        ([image(source="packages")], r"redis:7: packages: .* Name them"),
        ([image(source="packages", packages=["redis-server", " "])], "by an empty name"),
    ],
)
def test_refused_before_the_engine_is_asked(images: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(NetmodeError, match=said):
        validate(images)


def test_asking_the_registry_again_is_a_change_only_if_the_image_is_another() -> None:
    wanted = image(pull_policy="always")
    old, new = Present("sha256:1", ""), Present("sha256:2", "")
    steps = plan([wanted], {"redis:7": old}, no_archive)
    assert report([wanted], steps, {"redis:7": old}, {"redis:7": old}, newer=None)["changed"] is False
    assert report([wanted], steps, {"redis:7": old}, {"redis:7": new}, newer=None)["changed"] is True
    for newer in (frozenset(), frozenset({"redis:7"})):
        told = report([wanted], steps, {"redis:7": old}, {"redis:7": old}, newer=newer)
        assert told["changed"] is bool(newer), "check mode says what the registry has"


def write_tar(path: Path, files: dict[str, bytes]) -> str:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return str(path)


def test_a_saved_image_is_known_by_its_config_before_and_since_docker_25(tmp_path: Path) -> None:
    old = write_tar(tmp_path / "old", {"manifest.json": json.dumps([{"Config": f"{HEX}.json"}]).encode()})
    new = write_tar(tmp_path / "new", {"manifest.json": json.dumps([{"Config": f"blobs/sha256/{HEX}"}]).encode()})
    assert read_archive(old) == read_archive(new) == (True, (f"sha256:{HEX}",))


def test_a_root_file_system_is_known_by_its_digest(tmp_path: Path) -> None:
    one = read_archive(write_tar(tmp_path / "one", {"etc/hostname": b"one"}))
    two = read_archive(write_tar(tmp_path / "two", {"etc/hostname": b"two"}))
    assert one.saved is False
    assert one.identities != two.identities


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_archive_is_refused_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.tar"
    file.write_bytes(content)
    with pytest.raises(NetmodeError, match="docker save -o FILE IMAGE"):
        read_archive(str(file))


def test_a_missing_archive_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NetmodeError, match="there is no such file"):
        read_archive(str(tmp_path / "none.tar"))


@pytest.mark.parametrize(
    ("only", "have", "removed"),
    [
        (False, Present("a", ""), True),
        (True, Present("a", ""), False),
        (True, Present("a", "recipe", made_here=True), True),
        (True, Present("a", "recipe", made_here=False), False),
        (True, Present("a", "recipe", made_here=True, users=("web",)), False),
    ],
)
def test_of_images_only_those_made_here_are_removed(only: bool, have: Present, removed: bool) -> None:
    wanted = image(state="absent", only_made_here=only)
    steps = plan([wanted], {"redis:7": have}, no_archive)
    assert bool(steps) is removed
    assert report([wanted], steps, {"redis:7": have}, {"redis:7": have}, newer=None)["left"] == (
        [] if removed else ["redis:7"]
    )


def test_an_image_that_a_container_has_is_refused_by_the_containers_name() -> None:
    with pytest.raises(NetmodeError, match="image redis:7: state: absent: api, web have it"):
        plan([image(state="absent")], {"redis:7": Present("a", "", users=("api", "web"))}, no_archive)
