#!/usr/bin/env bash
# build.sh -- `make demo`: BUILD/demo/index.html, one page with a network as WebAssembly inside that
# reads digits as they are drawn, and fetches nothing.
#
# NETC_DATA: a folder with mnist/, which it is trained on then; else on digits that netc draws.
# EPOCHS: how often it sees them; else as digits.net says.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${BUILD:-build}") netc=${NETC:-$(realpath "${BUILD:-build}")/netc}
folder=$build/demo
mkdir -p "$folder/making"
cd "$folder/making"

flags=(--out run --force) source='netc draws itself, with a shaking hand'
cp "$here/digits.net" .
if [ -d "${NETC_DATA:-}/mnist" ]; then
    flags+=(--data "$NETC_DATA/mnist") source='of MNIST, that people wrote'
    for part in train:train test:t10k; do
        name=${part#*:}
        files="image=\"$name-images-idx3-ubyte.gz\", label=\"$name-labels-idx1-ubyte.gz\""
        sed -i "s/^\( *${part%:*} *= \)digits(.*/\1idx($files)/" digits.net
    done
fi
[ -z "${EPOCHS:-}" ] || flags+=(--epochs "$EPOCHS")
"$netc" digits.net -o digits
./digits train "${flags[@]}"
"$netc" digits.net --library --target wasm32 --weights run -o lib
accuracy=$(tr -d ' \n' <run/run.json |
    sed -n 's/.*"final":{.*"test":{[^}]*"accuracy":\([^,}]*\)[,}].*/\1/p')

base64 lib/digits.wasm >wasm
sed -n '/^```js$/,/^```$/p' "$here/../library.md" | sed '1d; $d; s/^export //' >network
percent=$(awk "BEGIN { printf \"%.1f\", 100 * $accuracy }")
sed -e "s/@ACCURACY@/$percent/" -e "s/@SOURCE@/$source/" \
    -e "s/@SIZE@/$(($(wc -c <lib/digits.wasm) / 1000))/" \
    -e '/^@WASM@$/{r wasm' -e 'd}' -e '/^@NETWORK@$/{r network' -e 'd}' "$here/page.html" >page
mv page ../index.html
echo "The page is $folder/index.html, $(($(wc -c <../index.html) / 1000)) kB."
