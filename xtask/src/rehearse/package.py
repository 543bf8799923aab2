"""Packs one function each: a `bootstrap` that becomes the binary that cargo has built.

usage: package.py FOLDER LABEL BINARY ...
FOLDER has each in a folder, as sam takes it, and in a zip. The label is in the code, so that another label is other code.
"""

import os
import sys
import zipfile

folder, label, *binaries = sys.argv[1:]
for binary in binaries:
    place = os.path.join(folder, os.path.basename(binary))
    os.makedirs(place, exist_ok=True)
    bootstrap = os.path.join(place, "bootstrap")
    with open(bootstrap, "w") as file:
        file.write(f"#!/bin/sh\n# {label}\nexec '{binary}'\n")
    os.chmod(bootstrap, 0o755)
    with zipfile.ZipFile(place + ".zip", "w") as package:
        package.write(bootstrap, "bootstrap")
