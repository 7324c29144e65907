#!/bin/sh
# Keeps plugins as they are built today, for the kernels of later: once for each minor, when it is released.
#
#   tests/abi/freeze.sh 1.MINOR
#
# Of the release build: the guide's plugin in C++, and what `atrium plugin new` writes in C and in Rust.
set -eu
cd "$(dirname "$0")/../.."
kept=$PWD/tests/abi/frozen/$1
build=$PWD/build/release
atrium=$build/bin/atrium
export CMAKE_PREFIX_PATH="$build/sdk-installed"
mkdir -p "$kept"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$atrium" plugin keygen vendor.key
cp vendor.key.pub "$kept"
mkdir -p built
cp -r "$build/samples/bookmarks" built/bookmarks
for language in c rust; do
  "$atrium" plugin new "frozen-$language" --language "$language"
  cmake -S "frozen-$language" -B "build-$language" -G Ninja -DCMAKE_BUILD_TYPE=Release -DATRIUM_TESTS=OFF
  cmake --build "build-$language"
  cp -r "build-$language/plugins/frozen-$language" built
done
for plugin in built/*; do
  strip --strip-unneeded "$plugin/$(basename "$plugin").so"
  "$atrium" plugin pack "$plugin" --key vendor.key --output "$kept/$(basename "$plugin").atp"
done
