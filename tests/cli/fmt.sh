#!/usr/bin/env bash
# fmt.sh -- `netc fmt`: every model of this repository keeps its tree and its comments, and is then
# its own layout; those of models/ are laid out so already.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

tree() { "$netc" --dump=ast "$1" 2>/dev/null; }
letters() { tr -d ' \t\r\n' <"$1"; }

kept() {
    tree "$1" >"$scratch/before" || return 0 # wrong programs
    "$netc" fmt "$1" -o "$scratch/laid_out.net" && tree "$scratch/laid_out.net" >"$scratch/after" &&
        cmp "$scratch/before" "$scratch/after" && "$netc" fmt --check "$scratch/laid_out.net" &&
        [ "$(letters "$1")" = "$(letters "$scratch/laid_out.net")" ]
}

cd "$root" || exit 1
while read -r model; do
    check "netc fmt $model keeps its tree and its letters, twice" kept "$model"
done < <(git ls-files '*.net' 2>/dev/null || find models tests -name '*.net')
check "models/ are in their layout" "$netc" fmt --check models/*.net models/zoo/*.net

# Sections that touch have columns of their own.
printf 'data {\n    longest = digits()\n}\ntrain {\n    epochs = 1\n}\n' >"$scratch/touch.net"
check "sections without a line between them" "$netc" fmt --check "$scratch/touch.net"

# In place; what is in its layout stays untouched; wrong programs too.
cp tests/golden/parse/layout.net "$scratch/a.net"
exits "another layout is told" 1 "not in the canonical layout" "$netc" fmt --check "$scratch/a.net"
check "in place" "$netc" fmt "$scratch/a.net"
check "as it is kept in the tests" diff -u tests/golden/parse/layout.expected "$scratch/a.net"
touch -d @1000000000 "$scratch/a.net"
check "again" "$netc" fmt "$scratch/a.net"
check "nothing was written" [ "$(stat -c %Y "$scratch/a.net")" = 1000000000 ]
printf 'data {\n  train = \n}\n' >"$scratch/b.net"
cp "$scratch/b.net" "$scratch/c.net"
exits "a file that does not parse" 1 "unexpected end of line" "$netc" fmt "$scratch/b.net"
check "it stays as it was" cmp "$scratch/b.net" "$scratch/c.net"

# A name that there is not, a file without its `"`: one token, as netc reads them.
for word in 0.Rate1 1.e 1.5.e a.1b.c a/b.csv ./a.csv ../a-b.csv /a.b 1-a.b 'f(0.x)' 'f(1/a.b)'; do
    printf 'data {\n    train = %s\n}\n' "$word" >"$scratch/dotted.net"
    check "$word is one" "$netc" fmt --check "$scratch/dotted.net"
done
for word in 1e 0x1 1.5x .5x 0.5.5 a.1 1.; do
    printf 'data {\n    train = %s\n}\n' "$word" >"$scratch/number.net"
    exits "$word is none" 1 error "$netc" fmt "$scratch/number.net"
done
exits "-o for two" 2 "one model" "$netc" fmt -o x models/digits.net models/boston.net
exits "an unknown option" 2 "no option .--chek" "$netc" fmt --chek models/digits.net
exits "no model" 2 "usage: netc fmt" "$netc" fmt
exits "no such file" 1 "cannot open" "$netc" fmt "$scratch/none.net"

finish
