# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of ``containers`` share: two images, two networks, and ways to run the module and look at the outcome.

The module is seen from outside only: what it returns, and what ``docker inspect`` and the kernel say afterwards.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from lab import IMAGE as BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab import Host

Json = dict[str, Any]
IMAGE = "nmt-image:1"
RICH = "nmt-image:rich"
NEWER = "nmt-image:newer"
NET = "nmt-net"
NET2 = "nmt-net2"
LOOSE = ["redis-server", "--port", "0", "--save", "", "--unixsocket"]
IDLE = [*LOOSE, "/dev/shm/nmt.sock"]
"""A process that listens on no port, writes no file and ends at once when it is asked to."""
NO_PROGRAM: Json = {"entrypoint": [], "command": ["/nonexistent"]}
"""What the engine cannot start. Under the entrypoint of the image it could: that finds out by itself, and ends."""

RICH_IMAGE = """
ENV FROM_IMAGE=kept SHARED=image
LABEL origin=image
EXPOSE 6379
VOLUME /data
WORKDIR /srv
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1h CMD ["redis-server", "--version"]
"""


class Lab:
    """Runs the module and asks for its promises: no failure, one prediction, one result in input order."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.docker = host.docker

    # --- the module ---------------------------------------------------------------------------------------------

    def apply(self, *entries: Json, check: bool = False) -> Json:
        result = self.host.run_module("containers", {"containers": list(entries)}, check=check, diff=True)
        assert not result.get("failed"), result.get("msg")
        assert list(result["containers"]) == [entry["name"] for entry in entries], "results come in input order"
        flags = [one["changed"] for one in result["containers"].values()]
        assert result["changed"] is (any(flags) or bool(result.get("others"))), result
        for one in result["containers"].values():
            assert bool(one["actions"]) is one["changed"], one
            assert bool(one["reasons"]) is one["changed"], one
        if result["changed"]:
            assert result["diff"], "a change without a diff"
        return result

    def converge(self, *entries: Json, until: Callable[[], object] = bool) -> Json:
        """Check mode, the run itself, and a second run: the first predicts, the last finds nothing to do.

        ``until`` returns once the containers have done what they do a moment after they were started.
        """
        before = self.state()
        predicted = self.apply(*entries, check=True)
        self.same(before, "check mode changed the host")
        result = self.apply(*entries)
        assert changes(predicted) == changes(result), "check mode predicted something else"
        until()
        self.unchanged(*entries)
        return result

    def unchanged(self, *entries: Json) -> None:
        before = self.state()
        again = self.apply(*entries)
        assert not again["changed"], again["containers"]
        self.same(before, "a run that says unchanged changed the host")

    def fails(self, *entries: Json, words: Sequence[str]) -> str:
        """The run fails with one message that holds ``words``; what the host looks like is the caller's to ask."""
        return told(self.host.run_module("containers", {"containers": list(entries)}), words)

    def refused(self, *entries: Json, words: Sequence[str]) -> str:
        """As ``fails``, and nothing on the host was touched."""
        before = self.state()
        message = self.fails(*entries, words=words)
        self.same(before, f"the host was changed before this was said: {message}")
        return message

    def state(self) -> Json:
        """The host's state without the state of bridge ports, which the kernel changes in its own time."""
        found: Json = self.host.state()
        found["links"] = [[link.get(key) for key in ("ifname", "address", "master", "mtu")] for link in found["links"]]
        return found

    def same(self, before: Json, what: str) -> None:
        now = self.state()
        different = {key: (before.get(key), now.get(key)) for key in {*before, *now} if before.get(key) != now.get(key)}
        assert not different, f"{what}: {str(different)[:2000]}"

    # --- the engine ---------------------------------------------------------------------------------------------

    def inspect(self, name: str) -> Json:
        found: Json = self.host.api(f"/containers/{name}/json")
        assert "Id" in found, found
        return found

    def id(self, name: str) -> str:
        return str(self.inspect(name)["Id"])

    def pid(self, name: str) -> int:
        pid = int(self.inspect(name)["State"]["Pid"])
        assert pid, f"{name} is not running"
        return pid

    def netns(self, name: str) -> str:
        """The network namespace that the container's process is in, as the kernel names it."""
        return self.host.sh(f"readlink /proc/{self.pid(name)}/ns/net")

    def names(self) -> list[str]:
        return sorted(one["Names"][0].lstrip("/") for one in self.host.api("/containers/json?all=1"))

    def made(self) -> set[str]:
        return {str(one["Id"]) for one in self.host.api("/containers/json?all=1")}

    @contextmanager
    def events(self) -> Iterator[list[Event]]:
        """The engine's container events while the block runs; the list is filled when it ends."""
        seen: list[Event] = []
        since = self._now()
        yield seen
        until = self._now()
        out = self.docker(
            "events", "--since", since, "--until", until, "--filter", "type=container", "--format", "{{json .}}"
        )
        for line in out.splitlines():
            event = json.loads(line)
            seen.append(
                Event(
                    event["timeNano"] / 10**9, event["Action"].partition(":")[0], event["Actor"]["Attributes"]["name"]
                )
            )

    def _now(self) -> str:
        return self.host.sh("date +%s.%N")


class Event(NamedTuple):
    time: float
    """Seconds since 1970."""
    action: str
    name: str


def told(result: Json, words: Sequence[str]) -> str:
    """The message of a failed module, which is one, short, and holds all of ``words``."""
    assert result.get("failed"), f"not refused: {result}"
    message = str(result["msg"])
    missing = [word for word in words if word.lower() not in message.lower()]
    assert not missing, f"the message does not say {missing}: {message}"
    assert "Traceback" not in json.dumps(result)
    assert len(message) < 800, f"one clear message, not a dump: {message}"
    return message


def changes(result: Json) -> list[tuple[str, bool, list[str]]]:
    return [(name, one["changed"], one["actions"]) for name, one in result["containers"].items()]


def reasons(result: Json, name: str) -> str:
    return " ".join(result["containers"][name]["reasons"])


def entry(name: str, **options: Any) -> Json:
    """A list entry for a container that starts, and ends, at once."""
    return {"name": name, "image": IMAGE, **options}


def make_images(host: Host) -> None:
    """The images of these tests, in the shape of the official one, unless the host has them all."""
    if {IMAGE, RICH, NEWER} <= {tag for image in host.api("/images/json") for tag in image["RepoTags"] or ()}:
        return
    plain = f'FROM {BASE}\nRUN ["busybox", "ln", "-sf", "/bin/busybox", "/bin/sh"]\nCMD {json.dumps(IDLE)}\n'
    host.docker("build", "-q", "-t", IMAGE, "-", stdin=plain)
    host.docker("build", "-q", "-t", RICH, "-", stdin=f"FROM {IMAGE}\n{RICH_IMAGE}")
    host.docker("build", "-q", "-t", NEWER, "-", stdin=f"FROM {IMAGE}\nLABEL version=newer\n")


def make_networks(host: Host) -> None:
    host.docker("network", "create", "--subnet", "10.77.0.0/24", NET)
    host.docker("network", "create", "--subnet", "10.78.0.0/24", NET2)
