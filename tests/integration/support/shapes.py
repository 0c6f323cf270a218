# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in the shapes of the official ones: what they expose, mount, run as and start by, over a root of Debian's packages.

The shape of an image decides what the engine makes of a container besides what its options say. Each is a layer of a few
files and a configuration, written here as ``docker save`` writes them, so that one ``docker load`` brings all in a second.
The entrypoints do what those of the official images do: they give data to the user of the image and step down to it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tree import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab import Host

Json = dict[str, Any]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BARE = "netmode-test/bare"
"""The root of Redis 7 without any shape: nothing but ``CMD ["redis-server"]``."""

# As user root: what is not this user's in the working directory and named on the command line becomes so, then down to it.
_REDIS_7 = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec su -s "$0" -- redis "$@"
fi
[ "$(umask)" != 0022 ] || umask 0077
exec "$@"
"""
# /data only where nothing but Redis' own lies there, the configuration, and a module for each file that may be executed.
_REDIS_8 = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
server=; [ "$(basename "$1")" != redis-server ] || server=yes
if [ -n "$server" ] && [ "$(id -u)" = 0 ]; then
    others=$(find . -mindepth 1 -maxdepth 1 ! -name '*.rdb' ! -name appendonlydir | head -n 1)
    [ -n "$others" ] || find . ! -user redis -exec chown redis:redis {} +
    if [ -f "$2" ] && [ "${2%.conf}" != "$2" ]; then chown redis:redis "$2" || true; fi
    exec /usr/bin/setpriv --reuid redis --regid redis --clear-groups -- "$0" "$@"
fi
if [ -n "$server" ]; then
    modules=/usr/local/lib/redis/modules/
    for module in "$modules"/*.so; do
        if [ -r "$module" ] && [ -x "$module" ]; then set -- "$@" --loadmodule "$module"; fi
    done
fi
[ "$(umask)" != 0022 ] || umask 0077
exec "$@"
"""
_VALKEY_9 = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- valkey-server "$@"; fi
if [ "$1" = valkey-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user valkey -exec chown valkey {} +
    exec /usr/bin/setpriv --reuid valkey --regid valkey --clear-groups -- "$0" "$@"
fi
[ "$(umask)" != 0022 ] || umask 0077
if [ "$1" = valkey-server ] && [ ! -w . ]; then echo "the working directory $PWD is not writable" >&2; exit 1; fi
exec "$@" $VALKEY_EXTRA_FLAGS
"""
_BITNAMI = '#!/bin/sh\nset -e\necho "Welcome to the Bitnami redis container"\nexec "$@"\n'
_BITNAMI_RUN = "#!/bin/sh\nexec redis-server --dir /bitnami/redis/data --daemonize no --protected-mode no\n"
_NGINX = '#!/bin/sh\nset -e\necho "$0: Configuration complete; ready for start up"\nexec "$@"\n'
# What is asked to end by the signal of its image, as the real server is.
_SERVER = "#!/bin/sh\ntrap 'exit 0' {signal}\nbusybox httpd -f -p 80 -h /etc &\nwait\n"


class File(NamedTuple):
    """What lies at a path of the layer: a file, a link (``to``) or, with neither, a directory."""

    text: bytes | str | None = None
    to: str = ""
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


class Shape(NamedTuple):
    name: str
    """The image is called netmode-test/NAME."""
    config: Json
    """The image's Config."""
    paths: dict[str, File]
    root: str = "redis"
    """Whose root file system it is of: a recipe of tests/lab/root."""
    user: str = "999:999"
    """As whom its server runs, and whose its data is."""
    data: str = "/data"
    server: str = "redis-server"
    cli: str = "redis-cli"

    @property
    def image(self) -> str:
        return f"netmode-test/{self.name}"


def _users(name: str, uid: int, gid: int) -> dict[str, File]:
    return {
        "etc/passwd": File(f"root:x:0:0:root:/root:/bin/sh\n{name}:x:{uid}:{gid}::/data:/bin/sh\n", mode=0o644),
        "etc/group": File(f"root:x:0:\n{name}:x:{gid}:\n", mode=0o644),
    }


_TOOLS = {f"usr/local/bin/{tool}": File(to="/bin/busybox") for tool in "basename chown env find head id su".split()}


def _shell(root: str) -> dict[str, File]:
    return {f"{'' if root == 'redis' else 'usr/'}bin/sh": File(to="/bin/busybox"), **_TOOLS}


def _programs(*names: str, by: str) -> dict[str, File]:
    return {f"usr/local/bin/{name}": File(to=f"/usr/bin/{name.replace('redis', by)}") for name in names}


def _redis(
    name: str, entrypoint: str, *, root: str = "redis", gid: int = 999, env: Iterable[str] = (), **config: Any
) -> Shape:
    return Shape(
        name,
        {
            "Env": [PATH, *env], "Cmd": ["redis-server"], "Entrypoint": ["docker-entrypoint.sh"], "WorkingDir": "/data",
            "ExposedPorts": {"6379/tcp": {}}, **config,
        },
        {
            **_shell(root), **_users("redis", 999, gid), **_programs("redis-server", "redis-cli", by="redis"),
            "data": File(uid=999, gid=gid), "usr/local/bin/docker-entrypoint.sh": File(entrypoint),
        },
        root,
        f"999:{gid}",
    )  # fmt: skip


def _valkey(name: str, gid: int = 999, root: str = "redis-8", version: str = "9.0.0") -> Shape:
    return Shape(
        name,
        {
            "Env": [PATH, f"VALKEY_VERSION={version}", "VALKEY_EXTRA_FLAGS="], "Cmd": ["valkey-server"],
            "Entrypoint": ["docker-entrypoint.sh"], "WorkingDir": "/data", "Volumes": {"/data": {}},
            "ExposedPorts": {"6379/tcp": {}},
        },
        {
            **_shell(root), **_users("valkey", 999, gid),
            **_programs("valkey-server", "valkey-cli", "redis-server", "redis-cli", by="valkey"),
            "data": File(mode=0o1777, uid=999, gid=gid),
            "usr/local/bin/docker-entrypoint.sh": File(_VALKEY_9),
        },
        root, f"999:{gid}", "/data", "valkey-server", "valkey-cli",
    )  # fmt: skip


def _web(name: str, program: str, signal: str, **config: Any) -> Shape:
    server = File(_SERVER.format(signal=signal.removeprefix("SIG")))
    return Shape(
        name,
        {"Env": [PATH], "ExposedPorts": {"80/tcp": {}}, "StopSignal": signal, **config},
        {**_shell("redis"), f"usr/local/bin/{program}": server, "docker-entrypoint.sh": File(_NGINX)},
    )


_BITNAMI_ENV = (
    "HOME=/", "OS_ARCH=amd64", "OS_FLAVOUR=debian-12", "OS_NAME=linux", "APP_VERSION=7.4.2", "BITNAMI_APP_NAME=redis",
    "REDIS_DISABLE_COMMANDS=", "ALLOW_EMPTY_PASSWORD=no", "REDIS_MASTER_HOST=", "REDIS_PORT_NUMBER=6379",
)  # fmt: skip

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        _redis("redis", _REDIS_7, Volumes={"/data": {}}, env=("GOSU_VERSION=1.17", "REDIS_VERSION=7.4.2")),
        _redis("redis-7-alpine", _REDIS_7, gid=1000, Volumes={"/data": {}}, env=("REDIS_VERSION=7.4.2",)),
        _redis("redis-8", _REDIS_8, root="redis-8", env=("REDIS_DOWNLOAD_URL=https://download.redis.io/8.tar.gz",)),
        _redis("redis-8-alpine", _REDIS_8, root="redis-8", gid=1000),
        _valkey("valkey-9"),
        _valkey("valkey-9-alpine", gid=1000),
        Shape(
            "bitnami",
            {
                "Env": [PATH, *_BITNAMI_ENV], "User": "1001", "WorkingDir": "/bitnami/redis/data",
                "ExposedPorts": {"6379/tcp": {}}, "Cmd": ["/opt/bitnami/scripts/redis/run.sh"],
                "Entrypoint": ["/opt/bitnami/scripts/redis/entrypoint.sh"],
                "Labels": {"org.opencontainers.image.title": "redis", "org.opencontainers.image.version": "7.4.2"},
            },
            {
                **_shell("redis"), "bitnami/redis/data": File(mode=0o775, uid=1001),
                "opt/bitnami/scripts/redis/entrypoint.sh": File(_BITNAMI),
                "opt/bitnami/scripts/redis/run.sh": File(_BITNAMI_RUN),
            },
            user="1001:0", data="/bitnami/redis/data",
        ),
        _web("nginx", "nginx", "SIGQUIT", Entrypoint=["/docker-entrypoint.sh"], Cmd=["nginx", "-g", "daemon off;"]),
        _web("httpd", "httpd-foreground", "SIGWINCH", WorkingDir="/usr/local/apache2", Cmd=["httpd-foreground"]),
    )
}  # fmt: skip
VALKEY_8 = _valkey("valkey-8", root="valkey-8", version="8.1.1")
"""Of the line before, for what differs between them: its dumps are those of Redis 7.2."""
REDIS_8_6 = _redis("redis-8.6", _REDIS_8, root="redis-8.6")
"""Of a later line of Redis 8, whose dumps the one before does not read."""
OFFICIAL = SHAPES["redis"].image
"""What most hosts run: EXPOSE, VOLUME, WORKDIR and an entrypoint that steps down."""
REDIS_SHAPES = [shape for shape in SHAPES.values() if shape.name not in ("nginx", "httpd")]


# --- making them -----------------------------------------------------------------------------------------------------


def root(name: str) -> Path:
    """A root file system from the cache, made first where it is missing."""
    script = CHECKOUT / "tests" / "lab" / "root"
    done = subprocess.run([script, name], check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return Path(done.stdout.strip())


def load(host: Host, *names: str) -> None:
    """Make the images of these shapes known to the host's engine (all of them where none is named)."""
    make(host, [SHAPES[name] for name in names or SHAPES])


def make(host: Host, wanted: list[Shape]) -> None:
    """The same for shapes that are in no table."""
    layers: dict[str, str] = {}
    for base in {shape.root for shape in wanted}:
        image = BARE if base == "redis" else f"netmode-test/root-{base}"
        if not host.docker("image", "ls", "-q", image):
            host.docker("import", "-c", 'CMD ["redis-server"]', str(root(base)), image)
        layers[base] = host.docker("image", "inspect", "-f", "{{index .RootFS.Layers 0}}", image)
    module = _module() if any(shape.name.startswith("redis-8") for shape in wanted) else {}
    archive = _archive(
        [(shape, layers[shape.root], module if shape.name.startswith("redis-8") else {}) for shape in wanted]
    )
    # In the cache, for that is seen at one path by this process and by a host that is another machine.
    with tempfile.NamedTemporaryFile(dir=os.environ["NETMODE_CACHE"]) as file:
        file.write(archive)
        file.flush()
        host.docker("load", "-i", file.name)


def _module() -> dict[str, File]:
    with tarfile.open(root("module")) as tar:
        file = tar.extractfile("./netmode.so")
        assert file is not None
        return {"usr/local/lib/redis/modules/netmode.so": File(file.read())}


def _archive(wanted: list[tuple[Shape, str, dict[str, File]]]) -> bytes:
    """As ``docker save`` writes it, without the layers below, which the engine has."""
    files: dict[str, bytes] = {}
    manifest = []
    for shape, below, more in wanted:
        layer = _layer({**shape.paths, **more})
        digests = [below, "sha256:" + hashlib.sha256(layer).hexdigest()]
        config = json.dumps(
            {
                "architecture": "amd64", "os": "linux", "created": "2025-01-01T00:00:00Z", "config": shape.config,
                "rootfs": {"type": "layers", "diff_ids": digests}, "history": [],
            }
        ).encode()  # fmt: skip
        name = hashlib.sha256(config).hexdigest()
        files[f"{name}.json"] = config
        files[f"{shape.name}/layer.tar"] = layer
        layers = ["below/layer.tar", f"{shape.name}/layer.tar"]
        manifest.append({"Config": f"{name}.json", "RepoTags": [f"{shape.image}:latest"], "Layers": layers})
    files["manifest.json"] = json.dumps(manifest).encode()
    return _tar({name: File(text, mode=0o644) for name, text in files.items()})


def _layer(paths: dict[str, File]) -> bytes:
    """With the directories that lie above, which the layer below may not have."""
    above = {str(parent): File() for path in paths for parent in Path(path).parents if str(parent) != "."}
    return _tar(dict(sorted({**above, **paths}.items())))


def _tar(paths: dict[str, File]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, what in paths.items():
            member = tarfile.TarInfo(path)
            member.mode, member.uid, member.gid = what.mode, what.uid, what.gid
            text = what.text.encode() if isinstance(what.text, str) else what.text
            member.size = len(text or b"")
            if what.to:
                member.type, member.linkname = tarfile.SYMTYPE, what.to
            elif text is None:
                member.type = tarfile.DIRTYPE
            tar.addfile(member, io.BytesIO(text or b""))
    return out.getvalue()
