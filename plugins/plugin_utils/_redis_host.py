# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own variables of the role redis, checked before a host is touched, with the modules' own parsers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read
from ansible_collections.netmode.docker.plugins.module_utils._containers import spec as containers_spec
from ansible_collections.netmode.docker.plugins.module_utils._containers.spec import CONTAINER_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_address
from ansible_collections.netmode.docker.plugins.module_utils._networks import spec as networks_spec
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import NETWORK_ARGUMENTS
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

_NEWEST = "999"
"""An engine that refuses no option for its age: which one the host has is not known here."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", re.ASCII)


def check_host(variables: Settings, companions: list[dict[str, Any]], problems: Problems) -> None:
    """``companions``: with what the role fills in."""
    told = problems.told
    address = variables["address"]
    if not _is_address(address):
        told.append(
            f"{problems.host}: redis_address: {address!r} is neither an IP address nor the name of a host. "
            "Give where other hosts reach this one, without port or brackets."
        )
    for companion in companions:
        where = f"{problems.host}: redis_companions: {companion['name']}"
        try:
            containers_spec.read_one(where, read({"type": "dict", "options": CONTAINER_ARGUMENTS}, companion), _NEWEST)
        except (NetmodeError, ValueError) as error:
            told.append(str(error) if str(error).startswith(where) else f"{where}: {error}.")
    _check_networks(variables["network_definitions"], f"{problems.host}: redis_network_definitions", told)


def _check_networks(definitions: list[dict[str, Any]], where: str, told: list[str]) -> None:
    try:
        networks_spec.parse_list([read({"type": "dict", "options": NETWORK_ARGUMENTS}, one) for one in definitions])
    except NetmodeError as error:
        told.append(f"{where}: {error}")
    except ValueError as error:
        told.append(f"{where}: {error}.")


def _is_address(text: str) -> bool:
    """The default, a template, is the host's own name and only rendered where the role's defaults are."""
    if text == options_of("redis")["redis_address"]["default"]:
        return True
    return is_address(text) or bool(_HOST_NAME.fullmatch(text))
