# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images of a list are pulled, and that a registry is asked once for each."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import pulls
from ansible_collections.netmode.docker.plugins.module_utils._containers.spec import Wanted
from ansible_collections.netmode.docker.plugins.module_utils._containers.spec import read as read_entries
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Host
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


def host(*images: str, pending: tuple[str, ...] = ()) -> Host:
    nothing: dict[str, Any] = {"published": {}, "addresses": {}, "namespaces": {}, "inspected": {}, "networks": {}}
    found = {name: {"Id": f"sha256:{name}"} for name in images}
    return Host(names={}, modes={}, states={}, marks={}, images=found, contents={}, **nothing)._replace(
        pending=frozenset(pending)
    )


def read(*images: str, **options: Any) -> list[Wanted]:
    entries = [{"name": f"c{number}", "image": image, **options} for number, image in enumerate(images)]
    return read_entries(entries, "28.5.2")


@pytest.mark.parametrize(
    ("policy", "there", "brings", "pulled"),
    [
        ("missing", (), True, ["redis"]),
        ("missing", ("redis",), True, []),
        ("always", ("redis",), True, ["redis"]),
        ("always", ("redis",), False, []),
        ("always", (), True, ["redis"]),
    ],
)
def test_an_image_is_pulled_once_by_its_policy(policy: str, there: Any, brings: bool, pulled: list[str]) -> None:
    wanted = read("redis", "redis", pull_policy=policy)
    found = pulls.needed(host(*there), wanted, lambda _one: brings)
    assert [one.image for one in found] == pulled
    assert set(pulls.without(host(*there), found).images) == set(there) - set(pulled)
    assert pulls.needed(host(*there, pending=("redis",)), wanted, lambda _one: brings) == []


def test_one_that_may_not_be_pulled_has_to_be_there() -> None:
    with pytest.raises(NetmodeError, match="pull_policy: never forbids to pull it"):
        pulls.needed(host(), read("redis", pull_policy="never"), lambda _one: True)


@pytest.mark.parametrize("said", [True, False, NetmodeError("no answer within 60 s")])
def test_a_registry_is_asked_once_also_where_it_refuses(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def has_newer(_engine: Any, _what: str, name: str) -> bool:
        asked.append(name)
        if isinstance(said, NetmodeError):
            raise said
        return bool(said)

    monkeypatch.setattr(pulls.registry, "has_newer", has_newer)
    registries = pulls.Registries(None)  # type: ignore[arg-type]
    for _ in range(2):
        if isinstance(said, NetmodeError):
            with pytest.raises(NetmodeError, match="no answer"):
                registries.bring_another(read("redis")[0])
        else:
            assert registries.bring_another(read("redis")[0]) is said
    assert asked == ["redis"]
