# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drivers an engine has: its own, those of plugins that it manages, those that lie on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._engine import plugins
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from pathlib import Path

MANAGED = [{"Name": "who/ipam:latest", "Enabled": True}, {"Name": "who/off:latest", "Enabled": False}]


class Engine:
    def get(self, path: str) -> Any:
        assert path == "/plugins"
        return MANAGED


@pytest.mark.parametrize("driver", ["default", "who/ipam:latest", "who/ipam", "found"])
def test_o9_a_driver_that_the_engine_has_or_finds(driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "found").touch()
    monkeypatch.setattr(plugins, "_places", lambda name: [tmp_path / name])
    plugins.refuse_missing(Engine(), "network one: ipam.driver", driver, ("default", "null"))


@pytest.mark.parametrize("driver", ["none-such", "who/off", "who/ipam:2"])
def test_o9_a_driver_that_it_would_miss_only_when_it_uses_it_is_refused_by_the_plan(driver: str) -> None:
    told = rf"^network one: ipam\.driver: '{driver}' is none that this engine has \(default, null, who/ipam:latest\)"
    with pytest.raises(NetmodeError, match=told):
        plugins.refuse_missing(Engine(), "network one: ipam.driver", driver, ("default", "null"))
