#!/usr/bin/env bash
# Pins each set with its hashes: the .in files say what is wanted, the .txt files what is installed.
set -euo pipefail
cd "$(dirname "$0")"
for set in checks clients linker local npm postgres reference rehearsal scanner; do
    case "$set" in
    linker) without=() ;;
    reference) without=(--no-deps) ;;
    # cargo-lambda's own dependency; only the set of that purpose has it.
    *) without=(--no-emit-package ziglang) ;;
    esac
    uv pip compile --quiet --universal --python-version 3.9 --generate-hashes \
        --no-annotate "${without[@]}" --custom-compile-command tests/tools/compile.sh \
        "$set.in" --output-file "$set.txt"
done
# The same for packages of npm; where a package is fetched from is each machine's affair.
for packages in chain supabase typescript; do
    (cd "$packages" && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved)
done
