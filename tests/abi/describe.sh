#!/bin/sh
# What abidw tells of the boundary as the header declares it now.
set -eu
cd "$(dirname "$0")"
anchor=$(mktemp)
trap 'rm -f "$anchor"' EXIT
gcc -std=c11 -g -shared -fPIC -ffile-prefix-map="$PWD"=. -I../../sdk/include anchor.c -o "$anchor"
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-architecture --type-id-style hash "$anchor"
