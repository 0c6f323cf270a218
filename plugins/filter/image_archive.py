# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter image_archive: which image is in an archive on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: image_archive
short_description: The identity of the image in an archive on the controller
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Reads the archive's index, and for a plain root file system its digest, so that a host that has the image already
    need not be sent the archive.
options:
  _input:
    description: The path of the archive.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Load Redis, copied before only where it is missing
  netmode.docker.images:
    images:
      - name: redis:7.4
        source: archive
        archive: /var/tmp/redis.tar
        archive_id: "{{ 'files/redis.tar' | netmode.docker.image_archive }}"
"""

RETURN = r"""
_value:
  description: The image's id.
  type: str
"""

from typing import TYPE_CHECKING  # noqa: E402

from ansible.errors import AnsibleFilterError  # noqa: E402
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError  # noqa: E402
from ansible_collections.netmode.docker.plugins.module_utils._images.archive import read_archive  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


def image_archive(path: str) -> str:
    try:
        return read_archive(str(path)).identities[0]
    except NetmodeError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[[str], str]]:
        return {"image_archive": image_archive}
