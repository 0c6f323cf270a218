# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that a module is given holds passwords: they are in no log of the host and in no result."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from certificates import Authority
from redis_role import plan

if TYPE_CHECKING:
    from collections.abc import Callable

CA = Authority()
CERTIFICATE, KEY = CA.issue("cache")
SECRETS = ("s3cret-one", "s3cret-two", "s3cret-three", KEY.splitlines()[1])
TLS = {"tls": "given", "tls_cert": CERTIFICATE, "tls_key": KEY, "tls_ca_cert": CA.pem}
ENTRY = {"name": "cache", "password": SECRETS[0], "settings": {"masterauth": SECRETS[1]}, **TLS}


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("redis_preview", {"plan": "parts"}),
        ("redis_preview", {"plan": "parts", "proof": "proof"}),
        ("redis_verify", {"plan": "proof"}),
        ("redis_backup", {"plan": "parts"}),
        ("redis_deploy", {"plan": "parts"}),
        ("redis_promote", {"plan": "parts"}),
        ("redis_restore", {"plan": "parts"}),
    ],
)
@pytest.mark.parametrize("damage", [lambda given: given, lambda given: {**given, "files": 7, "instances": 7}])
def test_r15_a_plan_is_in_no_log_and_no_result(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: str,
    options: dict[str, str],
    damage: Callable[[Any], Any],
) -> None:
    registry = {"image_source": "pull", "registry_username": "deploy", "registry_password": SECRETS[2]}
    given = plan({**ENTRY, **registry})
    assert given["problems"] == []
    logged: list[str] = []
    monkeypatch.setattr(
        basic.AnsibleModule, "log", lambda _self, msg, log_args=None: logged.append(f"{msg} {log_args}")
    )
    main = importlib.import_module(f"ansible_collections.netmode.docker.plugins.modules.{module}").main
    damaged = {option: damage(given[part]) for option, part in options.items()}
    arguments = {**damaged, "docker_host": "unix:///nowhere/docker.sock"}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out + "\n".join(logged)
    assert logged
    assert not [secret for secret in SECRETS if secret in told], told
