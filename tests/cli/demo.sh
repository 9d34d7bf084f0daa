#!/usr/bin/env bash
# demo.sh -- the page of `make demo`: it reads digits that a mouse and a finger draw in Chromium,
# small, alone and on a phone's screen.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

for need in wasm-ld /usr/include/wasm32-wasi/string.h chromium; do
    [ -e "$need" ] || command -v "$need" >/dev/null || {
        skip "the page: $need is missing"
        finish
        exit
    }
done
check "it is built" env -u NETC_DATA BUILD=. NETC="$netc" EPOCHS=2 "$root/docs/demo/build.sh"
holds "bytes of WebAssembly" "$(wc -c <demo/making/lib/digits.wasm)" "<=" 300000
check "nothing to fetch" \
    sh -c '! grep -E "(src|href)=\"?(https?:|//)|fetch\(|import\(" demo/index.html'
check "Chromium shows it" sh -c 'timeout 120 "$1" demo/index.html >said' - \
    "$root/tests/support/draw_digits.py"
check "a mouse is read" grep -qx 'mouse 0123456789' said
check "a finger is read" grep -qx 'finger 0123456789' said
check "a dot is" grep -qx 'a dot is read: True' said
check "it fits a phone" grep -qx 'wider than the window by 0' said
check "it asks for nothing" grep -qx 'asked for 0' said
check "it tells what a prediction takes" grep -qE "^in [0-9.]+ ms$" said
finish
