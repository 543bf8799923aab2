"""Packs one function each: a `bootstrap` that becomes the binary that cargo has built.

usage: package.py FOLDER LABEL BINARY ...
The label is in the code, so that another label is other code.
"""

import os
import sys
import zipfile

folder, label, *binaries = sys.argv[1:]
for binary in binaries:
    with zipfile.ZipFile(os.path.join(folder, os.path.basename(binary) + ".zip"), "w") as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        package.writestr(entry, f"#!/bin/sh\n# {label}\nexec '{binary}'\n")
