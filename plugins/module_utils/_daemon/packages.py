# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are due on a host, from the distribution or from Docker's own repository, and which are held. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .repository import PINNED, Repository, is_older, matches, plan_repository, runs, url_of
from .repository import problems as repository_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_DOCKER = {"docker.io": ["docker-ce", "containerd.io"], "docker-cli": ["docker-ce-cli"]}
"""Debian's packages of the engine → those of Docker that do their work."""
DOCKERS = ("docker-ce", "docker-ce-cli", "containerd.io")
PACKAGES = (*DOCKERS, "docker.io", "docker-cli", "containerd", "runc")
"""All that an engine consists of, by whomever packed."""


def is_asked(desired: Mapping[str, Any]) -> bool:
    """Whether apt has to be looked at."""
    return bool(desired["install"]) and (desired["source"] == "docker" or desired["hold"] is not None)


def plan_packages(found: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """``packages`` of the plan that the module returns (see its RETURN)."""
    needed = list(found["needed"]) if desired["install"] else []
    known, dockers, repository = found.get("packages"), [], Repository({}, [], "")
    if known and desired["source"] == "docker":
        dockers = _dockers(needed, known["versions"], desired["version"])
        repository = plan_repository(known, desired, found["distribution"])
    names = [name for name in needed if desired["source"] != "docker" or name not in _OF_DOCKER]
    hold = _hold(known, [*names, *dockers], hold=desired["hold"]) if known else []
    return {
        "distribution": names,
        "docker": dockers,
        "write": [{"path": path, "text": text} for path, text in repository.write.items()],
        "remove": repository.remove,
        "key": repository.fetch,
        "hold": hold,
        "url": url_of(desired, found["distribution"]),
        "steps": _steps(names, dockers, repository, hold, desired),
    }


def restarts(found: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether the engine that runs is of another version than the one that is, or will be, installed."""
    wanted = desired["version"] if found.get("packages") and desired["source"] == "docker" else None
    return wanted is not None and found["answers"] and not runs(wanted, found["version"])


def problems(found: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be right about where the packages come from."""
    if not desired["install"]:
        return
    known, wanted = found.get("packages"), desired["version"]
    if desired["source"] == "distribution":
        if wanted:
            yield (
                f"docker_engine_version: the distribution has one version only, so {wanted} cannot be chosen. "
                "Set docker_engine_source: docker."
            )
        return
    if not known:  # a system without apt, which is refused as such
        return
    yield from repository_problems(desired, key_exists=known["key_exists"])
    own = known["versions"].get("docker-ce")
    if own is None and (found["dockerd"] or found["answers"]):
        yield (
            "docker_engine_source is docker, and the engine of this host is not of Docker's package docker-ce "
            f"({found['dockerd'] or 'its program is not in view'}). The role replaces no engine: remove it first, "
            "or set docker_engine_source: distribution."
        )
    elif own and wanted and is_older(wanted, own):
        yield (
            f"docker_engine_version: {wanted} is older than what is installed, docker-ce {own}, and an engine does not "
            "read what a newer one has written. Set that version or a newer one, or remove the package first."
        )


def _dockers(needed: list[str], versions: Mapping[str, str], wanted: str | None) -> list[str]:
    missing = [own for name in needed for own in _OF_DOCKER.get(name, [])]
    if "docker-ce" in missing:
        return list(DOCKERS)
    others = [name for name in PINNED if wanted and name in versions and not matches(wanted, versions[name])]
    return [*missing, *others]


def _hold(known: Mapping[str, Any], due: list[str], *, hold: bool | None) -> list[dict[str, str]]:
    names = [name for name in PACKAGES if name in known["versions"] or name in due]
    if hold is None:
        return []
    selection = "hold" if hold else "install"
    return [{"name": name, "selection": selection} for name in names if (name in known["held"]) != hold]


def _steps(
    names: list[str],
    dockers: list[str],
    repository: Repository,
    hold: list[dict[str, str]],
    desired: Mapping[str, Any],
) -> list[str]:
    """What is due, as a person reads it."""
    version = f" ({desired['version']})" if desired["version"] else ""
    wanted = [name + version * (name in PINNED) for name in dockers]
    installed = ", ".join([*(name for name in names if name != "docker-cli"), *wanted])
    files = [*repository.write, *([repository.fetch] if repository.fetch else [])]
    held = {
        selection: [one["name"] for one in hold if one["selection"] == selection] for selection in ("hold", "install")
    }
    said = {
        "fetch": repository.fetch,
        "write": ", ".join(path for path in files if path != repository.fetch),
        "remove": ", ".join(repository.remove),
        "install": installed,
        "hold": ", ".join(held["hold"]),
        "release": ", ".join(held["install"]),
    }
    return [f"{verb} {what}" for verb, what in said.items() if what]
