# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of a container, as the engine hands it out: in an archive, which has no length and may be cut off."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import Engine


def get_archive(engine: Engine, key: str, path: str) -> bytes:
    """A whole tar archive with what is at ``path`` in a container. NotFoundError where nothing is."""
    where = f"/containers/{key}/archive"
    body = engine.get_bytes(where, path=path)
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            tar.getmembers()
    except tarfile.TarError as error:
        raise engine.stopped(f"GET {where}", error) from None
    return body
