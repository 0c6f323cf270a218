# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``daemon.json`` is to become: the file as it is, merged with what is desired, checked before it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import secrets
from .checks import check, refuse, refuse_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RELOADABLE = frozenset(
    {
        "authorization-plugins",
        "debug",
        "default-runtime",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
"""What dockerd takes on SIGHUP, in every engine from 20.10 on (dockerd's manual, "Configuration reload behavior").

``features`` is left out: the engine takes it, but what it switches is decided when the engine starts.
"""

VARIABLES = {
    "bip": "docker_engine_bip",
    "mtu": "docker_engine_mtu",
    "default-address-pools": "docker_engine_default_address_pools",
    "icc": "docker_engine_icc",
    "userland-proxy": "docker_engine_userland_proxy",
    "live-restore": "docker_engine_live_restore",
    "log-driver": "docker_engine_log_driver",
    "log-opts": "docker_engine_log_opts",
    "registry-mirrors": "docker_engine_registry_mirrors",
    "insecure-registries": "docker_engine_insecure_registries",
}
"""Which variable of the role sets a key: messages name what the user wrote."""


class Change(NamedTuple):
    """From the file as it is to the file as it is to be."""

    text: str
    """Of the new file; that of the existing one, to the byte, where nothing changes."""
    config: dict[str, Any]
    """The new file, decoded."""
    keys: list[str]
    """Those whose value changes, sorted."""
    action: str
    """What a running engine must do about it: none, reload or restart."""
    sensitive: bool
    """Whether the file, old or new, holds something like a password, so that neither may be shown."""


def _load(text: str | None, path: str) -> dict[str, Any]:
    if text is None:
        refuse(path, "the file on the host is not UTF-8, so not JSON. Fix it or move it away: it is not overwritten.")
    if not text.strip():
        return {}
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetmodeError(
            f"{path} on the host is not JSON ({error}). Fix it or move it away: it is not overwritten."
        ) from error
    if not isinstance(config, dict):
        refuse(path, "the file on the host is not a JSON object. Fix it or move it away: it is not overwritten.")
    return dict(config)


def _merge(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _merge(old.get(key), value)
    return merged


def _refuse_contradictions(settings: Mapping[str, Any], options: Mapping[str, Any], remove: Iterable[str]) -> None:
    for key in sorted(set(settings) & set(options)):
        if settings[key] != options[key]:
            refuse(
                f"docker_engine_options.{key}",
                f"{VARIABLES.get(key, key)} says {settings[key]!r}, this says {options[key]!r}. Keep one of them.",
            )
    for key in sorted(set(remove) & (set(settings) | set(options))):
        refuse("docker_engine_options_absent", f"{key} is to be removed and set at once. Keep one of the two.")


def plan_config(
    text: str | None,
    settings: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    remove: Iterable[str] = (),
    arguments: Iterable[str] = (),
    path: str = "/etc/docker/daemon.json",
) -> Change:
    """The change of ``daemon.json``; NetmodeError, by the name of the variable, for everything known to be wrong.

    ``text``: the existing file's, empty where there is none, None where it cannot be decoded. ``settings``: keys (those
    of :data:`VARIABLES`) and their whole value. ``options``: further keys; a dictionary is merged into the file's own.
    None, in both, leaves the file's value. ``remove``: keys to take out. ``arguments``: those the engine is started
    with.
    """
    old = _load(text, path)
    chosen = {key: value for key, value in (settings or {}).items() if value is not None}
    free = {key: value for key, value in (options or {}).items() if value is not None}
    gone = list(remove)
    _refuse_contradictions(chosen, free, gone)
    config = {**_merge(old, free), **chosen}
    for key in gone:
        config.pop(key, None)

    def source(key: str) -> str:
        if key in chosen:
            return VARIABLES.get(key, key)
        return f"docker_engine_options.{key}" if key in free else f"{path} on the host: {key}"

    driver = config.get("log-driver", "json-file")
    if driver != old.get("log-driver", "json-file") and config.get("log-opts") and "log-opts" not in chosen:
        refuse(
            source("log-driver"),
            f"log-opts in {path} are not those of {driver}. Set docker_engine_log_opts too ({{}} for none).",
        )
    check(config, source)
    refuse_flags(config, list(arguments), source)
    keys = sorted(key for key in {*old, *config} if key not in old or key not in config or old[key] != config[key])
    # The engine leaves a key that is no longer in the file as it was: only a restart brings its default back.
    live = all(key in RELOADABLE and key in config for key in keys)
    try:
        new = json.dumps(config, indent=4, sort_keys=True, allow_nan=False) + "\n"
    except ValueError as error:
        raise NetmodeError(f"docker_engine_options: {error}. Give a number.") from error
    return Change(
        text=new if keys else text or "",
        config=config,
        keys=keys,
        action="none" if not keys else "reload" if live else "restart",
        sensitive=secrets.holds(old) or secrets.holds(config),
    )
