# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Python modules, each in a process of its own that is forked from one with the imports of others already done.

A module of this collection spends most of its time on importing ansible's basic.py and the Docker SDK, and
ansible-playbook on importing itself and on packing modules; here each of these is paid for once. This file is both
ends: ``Prefork`` is used by the tests, ``serve`` is what it starts, with the interpreter of the host, which need not be
that of the tests. Other programs are given ``Prefork.python`` for their interpreter: prefork_python.py.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from pathlib import Path
from typing import Any


class Prefork:
    """A server for this interpreter, environment and these imports; it ends with the process that started it.

    ``prefix`` is the command that enters the host, ``directory`` one that both see, by its path here and its path there;
    programs run from it, which those from /tmp of the lab's hosts do not.
    """

    def __init__(
        self,
        python: str,
        imports: tuple[str, ...],
        env: dict[str, str],
        prefix: tuple[str, ...] = (),
        directory: tuple[str, str] = ("/var/tmp", "/var/tmp"),
    ) -> None:
        here = Path(tempfile.mkdtemp(prefix="prefork.", dir=directory[0])) / "socket"
        atexit.register(shutil.rmtree, here.parent, ignore_errors=True)  # what a server that was killed leaves
        there = Path(directory[1]) / here.parent.name / here.name
        client = Path(__file__).with_name("prefork_python.py")
        interpreter = here.with_name("python")
        interpreter.write_text(f'#!/bin/sh\nexec {python} -ISE {client} {there} "$@"\n')
        interpreter.chmod(0o700)
        self._prefix, self._path, self.python = prefix, str(here), str(there.with_name("python"))
        given = [f"{key}={value}" for key, value in env.items()]
        command = [*prefix, "env", *given, python, __file__, str(there), *imports]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n", "its reason is on standard error"

    def end(self) -> None:
        self._server.communicate()

    def run(
        self, module: str, *argv: str, stdin: str = "", timeout: float, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``python -m module argv...`` with these additions to the environment."""
        with socket.socket(socket.AF_UNIX) as connection, tempfile.TemporaryFile("w+") as given:
            given.write(stdin)
            given.seek(0)
            read = [_Reader() for _ in ("standard output", "standard error")]
            connection.connect(self._path)
            connection.settimeout(timeout)
            request = json.dumps({"module": module, "argv": argv, "env": env or {}}).encode()
            socket.send_fds(connection, [b"%8d" % len(request)], [given.fileno(), *(one.write for one in read)])
            connection.sendall(request)
            for one in read:
                os.close(one.write)
            with connection.makefile("r") as told:
                group = told.readline().strip()
                try:
                    status = int(told.readline())
                except TimeoutError:
                    subprocess.run([*self._prefix, "kill", "-KILL", f"-{group}"], check=False)
                    raise
        return subprocess.CompletedProcess([module, *argv], status, *(one.text() for one in read))


class _Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._read, self.write = os.pipe()
        self._bytes = b""
        self.start()

    def run(self) -> None:
        with os.fdopen(self._read, "rb") as pipe:
            self._bytes = pipe.read()

    def text(self) -> str:
        self.join()
        return self._bytes.decode()


def serve(path: str, *imports: str) -> None:
    """Until standard input ends, a fork for each connection."""
    for name in imports:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that attend
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in readable:
                shutil.rmtree(Path(path).parent, ignore_errors=True)
                return
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> None:
    length, fds, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as sent:
        request = json.loads(sent.read(int(length))) if int(length) else _of_interpreter(connection)
    child = os.fork()
    if child == 0:
        connection.close()
        os.setsid()
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        _become(request)
    connection.sendall(b"%d\n" % child)
    for fd in fds:
        os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(b"%d\n" % status)
    os._exit(0)


def _of_interpreter(connection: socket.socket) -> dict[str, Any]:
    """The request of a prefork_python.py, which waits at the other end: ``python3 -ISE prefork_python.py SOCKET argv...``."""
    pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    process = Path(f"/proc/{pid}")
    words, pairs = ((process / name).read_text().split("\0")[:-1] for name in ("cmdline", "environ"))
    env = dict(pair.split("=", 1) for pair in pairs)
    return {"argv": words[4:], "env": env, "cwd": str((process / "cwd").readlink())}


def _become(request: dict[str, Any]) -> None:
    status = 0
    try:
        if "module" in request:
            os.environ.update(request["env"])
            sys.argv[1:] = request["argv"]
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        else:
            os.environ.clear()
            os.environ.update(request["env"])
            os.chdir(request["cwd"])
            sys.argv[:] = request["argv"] or ["-"]
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            script = Path(sys.argv[0]).read_text() if request["argv"] else sys.stdin.read()
            exec(compile(script, sys.argv[0], "exec"), vars(main))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 (as the interpreter does)
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # what the server registered to be done at its own end is not for its children


if __name__ == "__main__":
    serve(*sys.argv[1:])
