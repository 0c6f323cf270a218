# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run of ansible-playbook imports, and the filters of this collection, which it compiles for each task."""

import warnings
from importlib import import_module
from pathlib import Path

import_module("ansible.cli")  # before all others, as on the command line
import_module("ansible.executor.playbook_executor")
init_plugin_loader = import_module("ansible.plugins.loader").init_plugin_loader
init_plugin_loader()
warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
for path in sorted((Path(__file__).parents[2] / "plugins" / "filter").glob("*.py")):
    import_module(f"ansible_collections.netmode.docker.plugins.filter.{path.stem}")
