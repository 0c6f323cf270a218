# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in an image archive: an image that `docker save` wrote, or a plain root file system.

Read on the controller to know whether an archive must be copied at all, and on hosts before it is given to the engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


class Archive(NamedTuple):
    saved: bool
    """True for `docker save`; False for a root file system that is to be imported."""
    identities: tuple[str, ...]
    """Every ``sha256:…`` that an engine may use as the image's id; for a root file system that of the file itself."""


def read_archive(path: str) -> Archive:
    """Raises NetmodeError when there is no such file or it is neither kind of archive."""
    file = Path(path)
    if not file.is_file():
        raise NetmodeError(f"archive {path}: there is no such file. Write one with `docker save -o FILE IMAGE`.")
    try:
        with tarfile.open(path) as tar:
            found = _indexes(tar)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise NetmodeError(
            f"archive {path}: not an image archive ({error}). Write one with `docker save -o FILE IMAGE`; "
            "a root file system as a tar file will do as well."
        ) from error
    if found is None:
        raise NetmodeError(f"archive {path}: it is empty. Write one with `docker save -o FILE IMAGE`.")
    if found:
        return Archive(saved=True, identities=tuple(found))
    with file.open("rb") as stream:
        digest = hashlib.sha256()
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return Archive(saved=False, identities=(f"sha256:{digest.hexdigest()}",))


def _indexes(tar: tarfile.TarFile) -> list[str] | None:
    """The ids named by manifest.json and index.json; [] where there is neither; None for an archive without members."""
    found: list[str] = []
    members = 0
    for member in tar:
        members += 1
        if member.name not in ("manifest.json", "index.json"):
            continue
        stream = tar.extractfile(member)
        data: Any = json.load(stream) if stream else []
        found += _config_ids(data) if member.name == "manifest.json" else _manifest_ids(data)
    return found if members else None


def _config_ids(manifest: list[dict[str, Any]]) -> list[str]:
    # "Config" is <hex>.json before Docker 25, blobs/sha256/<hex> since.
    return ["sha256:" + Path(item["Config"]).name.partition(".")[0] for item in manifest]


def _manifest_ids(index: dict[str, Any]) -> list[str]:
    # The containerd image store names an image by its manifest.
    return [item["digest"] for item in index.get("manifests", [])]


# --- copies of archives on a host -------------------------------------------------------------------------------------

_COPY = re.compile(r"(\.ansible_tmp[a-z0-9_]{8})?netmode-[0-9a-f]{16}\.tar")
"""Of the role redis; the copy that is not whole yet has the name that Ansible's ``atomic_move`` gives it."""


def copy_of(identity: str, directory: str) -> str:
    """Where the archive that holds the image of this id is copied to."""
    return f"{directory}/netmode-{identity.partition(':')[2][:16]}.tar"


def copies(directory: str) -> list[Path]:
    """The copies in a directory, whole or not, that are this user's. A run removes its own, a killed one does not."""
    try:
        found = [(path, path.lstat()) for path in Path(directory).iterdir() if _COPY.fullmatch(path.name)]
    except OSError:  # none was ever copied there, or one goes at this moment
        return []
    return sorted(path for path, there in found if stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid())
