#!/usr/bin/env bash
# editors.sh -- what editors and shells are given: diagnostics as JSON, a grammar that has every
# word of the language, completions, what is installed and removed again.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$root" || exit 1

# as PYTHON MODEL [OPTIONS]: the expression holds for d, the diagnostics of a model.
as() {
    local expression=$1
    shift
    "$netc" --check --json "$@" >"$scratch/json" 2>"$scratch/err"
    check "$1: $expression" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))["diagnostics"]
sys.exit(not ('"$expression"'))' "$scratch/json"
    check "$1: nothing on stderr" [ ! -s "$scratch/err" ]
}

as 'd == []' models/digits.net
as 'd[0]["severity"] == "warning" and d[0]["line"] == 11' tests/golden/warnings/flat.net
as '"its name here is `relu6`" in [x["fix"] for x in d]' tests/golden/errors/activation_names.net
as 'd[0]["notes"][0]["severity"] == "note"' tests/golden/errors/name_twice.net
printf 'data {\n    train = csv("ä", é\n' >"$scratch/odd.net"
as 'd and all(x["file"].endswith("odd.net") for x in d)' "$scratch/odd.net"
for model in tests/golden/errors/*.net tests/golden/warnings/*.net; do
    "$netc" --check --json "$model" >>"$scratch/all" 2>/dev/null
    "$netc" --check "$model" 2>&1 | grep -cE ': (error|warning): ' >>"$scratch/counts"
done
check "as many as are printed, with a place inside the file" python3 - "$scratch" <<'PYTHON'
import json, sys
text, decoder, at, counts = open(sys.argv[1] + "/all").read(), json.JSONDecoder(), 0, []
while at < len(text):
    found, at = decoder.raw_decode(text, at)
    at += 1
    counts.append(len(found["diagnostics"]))
    for d in found["diagnostics"]:
        lines = open("tests/golden/errors/" + d["file"] if "/" not in d["file"] else d["file"],
                     "rb").read().count(b"\n") + 2
        assert 1 <= d["line"] <= d["end_line"] <= lines and d["column"] >= 1, d
        assert (d["line"], d["column"]) <= (d["end_line"], d["end_column"]), d
wanted = [int(line) for line in open(sys.argv[1] + "/counts")]
assert counts == wanted, [i for i, (a, b) in enumerate(zip(counts, wanted)) if a != b]
PYTHON
exits "--json alone" 2 "goes with --check" "$netc" --json models/digits.net

# Every word of `netc --language` is coloured as what it is; a model's text is.
check "the grammar has every word of the language" python3 - "$netc" <<'PYTHON'
import json, re, subprocess, sys
rules = json.load(open("editors/netc.tmLanguage.json"))["repository"]
text = subprocess.run([sys.argv[1], "--language"], capture_output=True, text=True).stdout
missing = []
for line in text.splitlines():
    call = re.fullmatch(r"  (\w+)(?:\((.*)\))?", line)
    words = [call.group(1)] if call else line.split() if re.match(r"  ?\w+ \w+ \w", line) else []
    for word in words if call or "zeros" in words else []:
        if not any(re.fullmatch(rules[r]["match"], word)
                   for r in ("layer", "loss", "training", "data", "constant")):
            missing.append(word)
    for name in (call.group(2) or "").split(", ") if call else []:
        name = re.match(r"\w*", name).group()
        if name and not re.search(rules["argument"]["match"], "(" + name + "=") and \
                name != "prediction":
            missing.append(name + "=")
assert not missing, missing
PYTHON

check "bash reads its completions" bash -n editors/completions/netc.bash
check "they have every option" bash -c '"$1" --help | grep -oE "^  --?[a-z-]+" | while read -r o; do
    grep -q -- "$o" editors/completions/netc.bash || exit 1
done' - "$netc"
completes() { # WANTED WORD...: the completions of a command line that ends with a word
    local wanted=$1
    shift
    # shellcheck disable=SC2016
    check "$* completes to $wanted" bash -c 'source editors/completions/netc.bash
        wanted=$1; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _netc
        printf "%s\n" "${COMPREPLY[@]}" | grep -qxF -- "$wanted"' - "$wanted" "$@"
}
completes --summary netc --su
completes avx512 netc --target avx
completes models/digits.net netc models/di
completes fmt netc f
completes --check netc fmt --c
build "$scratch/trainer" models/digits.net
check "help, man pages and documents tell of the same flags" \
    python3 tests/cli/flags.py "$netc" "$scratch/trainer"

# What zsh and fish make of a word that has one completion, where they are installed
ends=(
    "netc --su" --summary
    "netc --target gen" generic
    "netc models/digi" models/digits.net
    "netc --dump=pl" --dump=plan
    "netc fm" fmt
    "netc fmt --ch" --check
    "$scratch/trainer predi" predict
    "$scratch/trainer --epo" --epochs
    "$scratch/trainer predict --to" --top
    "$scratch/trainer predict READ" README.md
)
in_zsh() { zsh -f tests/cli/complete.zsh "$1" | grep -qE -- "[ /]$2 $"; }
in_fish() {
    fish -c "source editors/completions/netc.fish; complete -C '$1'" | cut -f 1 | grep -qxF -- "$2"
}
for shell in zsh fish; do
    if ! command -v $shell >/dev/null; then
        skip "$shell, which is not installed"
        continue
    fi
    for ((i = 0; i < ${#ends[@]}; i += 2)); do
        check "$shell: ${ends[i]} completes to ${ends[i + 1]}" \
            in_$shell "${ends[i]}" "${ends[i + 1]}"
    done
done

# What is installed checks a model, and goes away again.
make=(env -u MAKEFLAGS -u MAKELEVEL make -s "PREFIX=$scratch/to")
check "make install" "${make[@]}" install
check "the netc that is installed" "$scratch/to/bin/netc" --check models/digits.net
check "a man page, completions, the grammar" test -f "$scratch/to/share/man/man1/netc.1" \
    -a -f "$scratch/to/share/bash-completion/completions/netc" \
    -a -f "$scratch/to/share/netc/netc.tmLanguage.json"
check "make uninstall" "${make[@]}" uninstall
check "nothing is left" [ -z "$(find "$scratch/to" -type f)" ]
check "make help" bash -c '"$@" | grep -q "make uninstall"' - "${make[@]}" help

finish
