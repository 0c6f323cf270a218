# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the Docker Engine, through the Docker SDK for Python. Imported the moment that something is to be changed.

Every failure leaves this file as a :class:`NetmodeError`.
"""

from __future__ import annotations

import http.client
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .client import Engine


class Sdk:
    """NetmodeError where it is not installed."""

    def __init__(self, engine: Engine) -> None:
        try:
            import docker  # noqa: PLC0415 (it may be missing)
        except ImportError as error:
            from ansible.module_utils.basic import missing_required_lib  # noqa: PLC0415 (the keeper runs without)

            hint = missing_required_lib("docker", url="https://docker-py.readthedocs.io/")
            raise NetmodeError(f"{hint.rstrip('.')}. The role netmode.docker.docker_engine installs it.") from error
        if not engine.api_version:
            engine.get("/version")
        self._engine = engine
        self._client = docker.APIClient(base_url=engine.docker_host, version=engine.api_version, timeout=engine.timeout)

    def post(self, what: str, path: str, body: Any) -> Any:
        """By ``APIClient``, which is a requests session."""
        engine = self._engine
        with self.changing(what) as client:
            response = client.post(f"{client.base_url}/v{engine.api_version}{path}", json=body, timeout=engine.timeout)
            if response.status_code >= 400:
                engine.refuse(what, response.status_code, response.reason, response.content)
            return response.json() if response.content else None

    def wait(self, what: str, key: str, seconds: int, condition: str) -> None:
        import requests.exceptions  # noqa: PLC0415 (as docker)

        with (
            self.changing(what) as client,
            suppress(requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError),
        ):
            client.wait(key, timeout=seconds, condition=condition)

    @contextmanager
    def changing(self, what: str) -> Iterator[Any]:
        import docker.errors  # noqa: PLC0415
        import requests  # noqa: PLC0415 (the SDK's own transport, and what is below it)
        import urllib3.exceptions  # noqa: PLC0415

        broken = (
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            docker.errors.StreamParseError,
            requests.compat.json.JSONDecodeError,  # type: ignore[attr-defined]
        )
        try:
            yield self._client
        except docker.errors.NotFound as error:
            raise NotFoundError(f"{what}: {error.explanation or error}") from error
        except docker.errors.APIError as error:
            if not error.explanation:  # an engine always has one
                raise self._engine.stopped(what, error) from error
            raise NetmodeError(f"{what}: {error.explanation}") from error
        except docker.errors.DockerException as error:
            raise NetmodeError(f"{what}: {error}") from error
        except broken as error:
            raise self._engine.stopped(what, error) from error
        except OSError as error:
            if error.filename:
                raise NetmodeError(f"{what}: {error.filename}: {error.strerror}.") from error
            raise self._engine.stopped(what, error) from error
