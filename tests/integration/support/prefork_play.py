# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run of ansible-playbook imports and loads: itself, its plugins, and the filters of this collection."""

import warnings
from importlib import import_module

import_module("ansible.cli")  # before all others, as on the command line
import_module("ansible.executor.playbook_executor")
loader = import_module("ansible.plugins.loader")
loader.init_plugin_loader()
warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
for kind in ("action", "become", "callback", "connection", "lookup", "shell"):
    list(getattr(loader, f"{kind}_loader").all(class_only=True))
for plugins in (loader.filter_loader, loader.test_loader):
    list(plugins.all())
loader.filter_loader.get("netmode.docker.jmespath")  # and so all of the collection
