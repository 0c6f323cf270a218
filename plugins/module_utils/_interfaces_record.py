# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that a host was asked to have, on the host: what the keeper makes again after a restart.

One JSON file, ``{"CONTAINER:NAME": entry of the module's list}``, by the container's name: one that is made anew under
its name has another id and is still meant.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces_spec import Interface

    Record = dict[str, dict[str, Any]]

PATH = Path("/var/lib/netmode/interfaces.json")


def read(path: Path = PATH) -> Record:
    """What was recorded, nothing on a host where nothing was. NetmodeError for a file that is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        sound = all(named == key(entry["container"], entry["name"]) for named, entry in found.items())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, error) from None
    if not sound:
        raise _damaged(path, "an entry under another's name")
    return dict(found)


def _damaged(path: Path, why: Any) -> NetmodeError:
    return NetmodeError(
        f"{path}, which says what interfaces this host's containers are to have, cannot be read ({why}). "
        "Remove it, and run the playbook that makes the interfaces: it is written anew."
    )


def write(record: Record, path: Path = PATH) -> None:
    """As a whole or not at all, whenever the host is switched off. Where nothing is left to be kept, nothing stays."""
    young = path.with_name(path.name + ".new")
    try:
        if not record:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                path.parent.rmdir()
            return
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with young.open("w", encoding="utf-8") as file:
            file.write(json.dumps(dict(sorted(record.items())), indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        young.replace(path)
    except OSError as error:
        raise NetmodeError(f"interfaces: {path} cannot be written ({error}), so no keeper could keep them.") from error


def key(container: str, name: str) -> str:
    return f"{container}:{name}"


def item(entry: Interface, container: str) -> dict[str, Any]:
    """The entry as the module's list has it, for the container of this name; without what it does not say."""
    routes = [{"to": str(to), **({"via": str(via)} if via else {})} for to, via in entry.routes]
    addresses = [str(address) for address in entry.addresses]
    said = {**entry._asdict(), "container": container, "addresses": addresses, "routes": routes}
    return {option: value for option, value in said.items() if value and option != "present"}


def items(record: Record, container: str) -> list[dict[str, Any]]:
    """Entries for the module's list: what was recorded for the container of this name."""
    return [{**entry, "state": "present"} for _, entry in sorted(record.items()) if entry["container"] == container]
