# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system out of the distribution's own packages, for hosts that reach no registry.

mmdebstrap unpacks the packages and their dependencies and runs none of their scripts: a fifth of a whole system in
size, and nothing in it that the packages do not need. So there is no /etc/passwd either: users and directories come
from the recipe, which is how their numbers are known beforehand.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

RECIPE_KEYS = ("packages", "suite", "mirror", "command", "users", "directories")


def recipe_hash(image: dict[str, Any]) -> str:
    """Equal for equal recipes: the label of the image carries it, so that a changed recipe is seen."""
    recipe = {key: image.get(key) for key in RECIPE_KEYS}
    recipe["packages"] = sorted(recipe["packages"] or [])
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]


def build_root(image: dict[str, Any], directory: str) -> str:
    """Write the tar file into ``directory`` and return its path."""
    name = image["name"]
    out = str(Path(directory) / "root.tar")
    argv = ["mmdebstrap", "--quiet", "--variant=extract", "--include=" + ",".join(sorted(image["packages"]))]
    argv += [image["suite"], out]
    if image["mirror"]:
        argv.append(image["mirror"])
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NetmodeError(
            f"image {name}: source packages needs mmdebstrap on this host. Install the package mmdebstrap, "
            "or set source to pull or archive."
        ) from error
    if done.returncode != 0:
        said = "; ".join(line for line in done.stderr.splitlines() if line.startswith("E:")) or done.stderr.strip()
        raise NetmodeError(
            f"image {name}: mmdebstrap could not make a root of {', '.join(image['packages'])} from {image['suite']}: "
            f"{said} Look at packages, suite and mirror, and whether this host reaches the mirror."
        )
    _add_users(out, image["users"], image["directories"])
    return out


def _add_users(path: str, users: list[dict[str, Any]], directories: list[dict[str, Any]]) -> None:
    passwd = ["root:x:0:0:root:/root:/usr/sbin/nologin"]
    group = ["root:x:0:"]
    for user in users:
        passwd.append(f"{user['name']}:x:{user['uid']}:{user['gid']}:{user['name']}:{user['home']}:/usr/sbin/nologin")
        group.append(f"{user['name']}:x:{user['gid']}:")
    with tarfile.open(path, "a") as tar:
        for name, lines in (("passwd", passwd), ("group", group)):
            content = ("\n".join(lines) + "\n").encode()
            file = tarfile.TarInfo(f"./etc/{name}")
            file.size, file.mode = len(content), 0o644
            tar.addfile(file, io.BytesIO(content))
        for directory in directories:
            entry = tarfile.TarInfo("./" + directory["path"].strip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, int(directory["mode"], 8)
            entry.uid, entry.gid = directory["uid"], directory["gid"]
            tar.addfile(entry)
