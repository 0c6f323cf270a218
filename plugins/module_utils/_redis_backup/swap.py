# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a stopped server replaced by what lies ready beside it, by renames alone, and put back.

Both lie on the volume, which belongs to the server's user: directories are held open, so that nobody puts another in
their place, and no link is followed.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.netmode.docker.plugins.module_utils._redis.data import Names


class Swap:
    """``names``: what a server looks for in ``place``, and may lie in ``staged``, a directory in it."""

    def __init__(self, place: Path, staged: Path, names: Names) -> None:
        self._names = (names.dump, names.directory, names.file)
        self.replaced = place / f".netmode-replaced-{secrets.token_hex(8)}"
        """Where what was there lies afterwards."""
        self.done = False
        self._staged_path = staged
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        self._place, self._staged = os.open(place, flags), os.open(staged, flags)
        self._replaced = -1

    def close(self) -> None:
        for descriptor in (self._place, self._staged, self._replaced):
            if descriptor >= 0:
                os.close(descriptor)

    def there(self) -> None:
        """NetmodeError: it could not be done, and what was there is there."""
        try:
            if self._replaced < 0:
                os.mkdir(self.replaced.name, 0o700, dir_fd=self._place)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                self._replaced = os.open(self.replaced.name, flags, dir_fd=self._place)
            self._exchange(self._replaced, self._staged)
        except OSError as error:
            raise NetmodeError(f"its data could not be replaced: {error.strerror}. It is as it was.") from error
        self.done = True

    def back(self) -> None:
        try:
            self._exchange(self._staged, self._replaced)
        except OSError as error:
            raise NetmodeError(
                f"its data could not be put back: {error.strerror}. It lies in {self.replaced}."
            ) from error
        self.done = False

    def _exchange(self, out: int, into: int) -> None:
        """What is in place to ``out``, and what lies in ``into`` to its place; all of it, or as it was."""
        moved: list[tuple[str, int, int]] = []
        try:
            for source, to in ((self._place, out), (into, self._place)):
                for name in self._names:
                    if _is_there(name, source):
                        os.rename(name, name, src_dir_fd=source, dst_dir_fd=to)
                        moved.append((name, source, to))
            os.fsync(self._place)
        except OSError:
            for name, source, to in reversed(moved):
                with suppress(OSError):
                    os.rename(name, name, src_dir_fd=to, dst_dir_fd=source)
            raise


def _is_there(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
