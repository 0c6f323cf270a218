# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a dockerd without ``--validate`` (Docker 20.10) judge a configuration.

Usage: ``python3 -c THIS DOCKERD FILE [FLAG...]``.

dockerd reads the whole file first and then its log level: with an impossible level it stops right there, before it
touches anything, and which of the two it complains of tells whether the file is right. A level in the file itself would
clash with the flag: it is taken out of the copy that is shown to dockerd, and was checked before.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

dockerd, path, *flags = sys.argv[1:]
config = json.loads(Path(path).read_text(encoding="utf-8"))
level = config.pop("log-level", None)
given = next((flag for flag in flags if flag.startswith(("--log-level", "-l"))), None)
if level is not None and given is not None:
    sys.exit(
        "the following directives are specified both as a flag and in the configuration file: "
        f"log-level: (from flag: {given}, from file: {level})"
    )
with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as copy:
    json.dump(config, copy)
    copy.flush()
    command = [dockerd, *flags, "--config-file", copy.name, "--log-level", "impossible"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
said = (done.stderr + done.stdout).strip().replace(copy.name, Path(path).name)
if "unable to parse logging level" not in said:
    sys.exit(said or "dockerd said nothing")
