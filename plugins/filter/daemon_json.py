# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``daemon.json`` is to become: the file as it is, merged with what is asked, checked before it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.module_utils._engine import secrets
from ansible_collections.netmode.docker.plugins.plugin_utils._daemon_options import check, refuse, refuse_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOCUMENTATION = r"""
name: daemon_json
short_description: Merge settings into Docker's daemon.json and say what the engine must do about it
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Takes the text of an existing C(daemon.json) (empty when there is none) and returns the text that it is to have,
    with what changes, and whether the engine can take the change while it runs.
  - Everything that can be known to be wrong is refused here, before the file is touched.
  - The role P(netmode.docker.docker_engine#role) uses it.
options:
  _input:
    description: The text of the existing file; empty when there is no file.
    type: str
    required: true
  settings:
    description:
      - Keys of C(daemon.json) and their whole value. A value of V(null) leaves the file's own value as it is.
    type: dict
    default: {}
  options:
    description:
      - Further keys. A dictionary is merged into the file's own dictionary, anything else replaces the file's value.
        A value of V(null) leaves the file's own value as it is.
    type: dict
    default: {}
  remove:
    description: Keys to take out of the file, so that the engine's own default holds again.
    type: list
    elements: str
    default: []
  arguments:
    description: What the engine is started with. It refuses a setting that is given by both, the file and a flag.
    type: list
    elements: str
    default: []
  path:
    description: The file's name, for messages.
    type: str
    default: /etc/docker/daemon.json
"""

EXAMPLES = r"""
- name: Show what a change of the bridge's address asks of the engine
  ansible.builtin.debug:
    msg: "{{ '{\"debug\": true}' | netmode.docker.daemon_json(settings={'bip': '10.20.0.1/24'}) }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    text:
      description: The text that the file is to have. That of the existing file, to the byte, when nothing changes.
      type: str
      sample: "{\n    \"bip\": \"10.20.0.1/24\",\n    \"debug\": true\n}\n"
    config:
      description: The same, decoded.
      type: dict
      sample: {bip: 10.20.0.1/24, debug: true}
    changes:
      description: The keys whose value changes, sorted.
      type: list
      elements: str
      sample: [bip]
    action:
      description: What a running engine must do about it, V(none), V(reload) or V(restart).
      type: str
      sample: restart
    live:
      description: >-
        The changed keys whose value in force the engine tells, with that value. Mirrors are without their last slash.
      type: dict
      sample: {live-restore: true}
    sensitive:
      description: Whether the file, old or new, holds something like a password, so that no diff may be shown.
      type: bool
      sample: false
"""

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

VISIBLE = frozenset({"debug", "labels", "live-restore", "registry-mirrors"})
"""Reloadable keys whose value in force the engine tells (``GET /info``)."""

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


def _plain(value: Any) -> Any:
    """``value`` in exact built-in types: ansible-core's tagged strings and numbers compare, but are no JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if kind is bool else kind(value)
    if value is None:
        return None
    raise AnsibleFilterError(f"docker_engine_options: {value!r} ({type(value).__name__}) has no place in JSON.")


def _load(text: str, path: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise AnsibleFilterError(
            f"{path} on the host is not JSON ({error}). Mend it or move it away: it is not overwritten."
        ) from error
    if not isinstance(config, dict):
        refuse(path, "the file on the host is no JSON object. Mend it or move it away: it is not overwritten.")
    return dict(config)


def _merge(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _merge(old.get(key), value)
    return merged


def _normal(key: str, value: Any) -> Any:
    return [mirror.rstrip("/") for mirror in value] if key == "registry-mirrors" else value


def _asked(settings: Mapping[str, Any], options: Mapping[str, Any], remove: Iterable[str]) -> None:
    """Raise where the request contradicts itself."""
    for key in sorted(set(settings) & set(options)):
        if settings[key] != options[key]:
            variable = VARIABLES.get(key, key)
            refuse(
                f"docker_engine_options.{key}",
                f"{variable} says {settings[key]!r}, this says {options[key]!r}. Keep one of them.",
            )
    for key in sorted(set(remove) & (set(settings) | set(options))):
        refuse("docker_engine_options_absent", f"{key} is to be removed and set at once. Keep one of the two.")


def daemon_json(
    text: str,
    settings: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    remove: Iterable[str] = (),
    arguments: Iterable[str] = (),
    path: str = "/etc/docker/daemon.json",
) -> dict[str, Any]:
    """The plan for ``daemon.json``; see DOCUMENTATION. Raises AnsibleFilterError with a message for the user."""
    old = _load(str(text), path)
    chosen = {key: value for key, value in _plain(settings or {}).items() if value is not None}
    free = {key: value for key, value in _plain(options or {}).items() if value is not None}
    gone = [str(key) for key in remove]
    _asked(chosen, free, gone)
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
    refuse_flags(config, [str(word) for word in arguments], source)
    changes = sorted(key for key in {*old, *config} if key not in old or key not in config or old[key] != config[key])
    # The engine leaves a key that is no longer in the file as it was: only a restart brings its default back.
    live = all(key in RELOADABLE and key in config for key in changes)
    return {
        "text": json.dumps(config, indent=4, sort_keys=True) + "\n" if changes else str(text),
        "config": config,
        "changes": changes,
        "action": "none" if not changes else "reload" if live else "restart",
        "live": {key: _normal(key, config[key]) for key in VISIBLE & set(changes) & set(config)},
        "sensitive": secrets.holds(old) or secrets.holds(config),
    }


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"daemon_json": daemon_json}
