# SPDX-License-Identifier: GPL-3.0-or-later
"""Named volumes: what the engine would refuse only while it makes one."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._volumes import has_quota

MOUNTS = """\
22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro
40 22 259:2 / /var/lib/docker rw,relatime shared:9 - xfs /dev/nvme1n1 rw,attr2,inode64,prjquota
41 22 259:3 / /srv rw,relatime - xfs /dev/nvme2n1 rw,pqnoenforce
42 22 0:44 / /home rw - ext4 /dev/vdb rw,quota,usrquota,prjquota
43 22 259:4 / /mnt/prjquota rw - xfs /dev/prjquota rw,noquota
"""


@pytest.mark.parametrize(
    ("major", "minor", "limits"),
    [(254, 1, False), (259, 2, True), (259, 3, False), (0, 44, True), (259, 4, False), (25, 92, False), (7, 7, False)],
)
def test_o9_only_a_file_system_with_project_quotas_limits_a_volume(major: int, minor: int, limits: bool) -> None:
    assert has_quota(MOUNTS, os.makedev(major, minor)) is limits
