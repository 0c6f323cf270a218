# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of instances to the images that they have, and the archives that are copied for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images.archive import copy_of, read_archive
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import DATA_AT

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

_IMAGE_KEYS = (
    "image_source", "image_archive", "image_packages", "image_suite", "image_mirror", "image_pull_policy", "user",
    "registry_username", "registry_password",
)  # fmt: skip


def _image(instance: Settings) -> dict[str, Any]:
    source = instance["image_source"]
    image = {"name": instance["image"], "source": source, "pull_policy": instance["image_pull_policy"]}
    if source == "pull" and instance["registry_username"]:
        image.update(username=instance["registry_username"], password=instance["registry_password"])
    elif source == "archive":
        image["archive"] = instance["image_archive"]
    elif source == "packages":
        uid, gid = (int(part) for part in str(instance["user"]).split(":"))
        image.update(
            packages=instance["image_packages"],
            suite=instance["image_suite"],
            mirror=instance["image_mirror"],
            command=[instance["server_command"]],
            users=[{"name": "redis", "uid": uid, "gid": gid}],
            directories=[{"path": DATA_AT, "uid": uid, "gid": gid}],
        )
    return image


def images_of(instances: list[Settings], problems: Problems) -> list[dict[str, Any]]:
    found: dict[str, Settings] = {}
    for instance in instances:
        if instance["state"] == "absent":
            continue
        other = found.setdefault(instance["image"], instance)
        for key in _IMAGE_KEYS if instance["image_source"] == "packages" else _IMAGE_KEYS[:1]:
            if instance[key] != other[key]:
                problems.add(
                    instance["name"], key, f"instance {other['name']} has the same image with another {key}. "
                    "Give one of them another image.",
                )  # fmt: skip
    return [_image(instance) for instance in found.values()]


def archives_of(images: list[dict[str, Any]], archive_dir: str, problems: Problems) -> list[dict[str, str]]:
    """Which files are copied where; the images then name the copy, and which image it holds."""
    copies = []
    for image in images:
        if "archive" not in image:
            continue
        source = image["archive"]
        try:
            image["archive_id"] = read_archive(source).identities[0]
        except NetmodeError as error:
            problems.told.append(f"{problems.host}: image {image['name']}: on the controller: {error}")
            continue
        image["archive"] = copy_of(image["archive_id"], archive_dir)
        copies.append({"src": source, "dest": image["archive"]})
    return copies
