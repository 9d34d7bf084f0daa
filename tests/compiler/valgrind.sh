#!/usr/bin/env bash
# valgrind.sh -- netc reads nothing that was not written, and nothing that is not its own: under
# valgrind, over models of every kind of layer and each fifth of the wrong programs. Skipped where
# there is none.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

if ! command -v valgrind >/dev/null; then
    skip "netc under valgrind: there is no valgrind"
    finish
    exit
fi
# a netc beside libraries as in a build, without debug information: valgrind 3.19 cannot read
# that of clang 14, which is DWARF 5
mkdir "$scratch/netc"
ln -s "$(dirname "$netc")"/{include,*.a} "$scratch/netc"
strip -g -o "$scratch/netc/netc" "$netc"

# clean NAME EXIT ARGUMENT...: netc ends so, without an error of memory
clean() {
    local name=$1 wanted=$2 got=0
    shift 2
    valgrind -q --error-exitcode=99 "$scratch/netc/netc" "$@" >"$scratch/log" 2>&1 || got=$?
    if [ $got = "$wanted" ]; then pass; else fail "$name under valgrind: $got" "$scratch/log"; fi
}

cd "$root" || exit 1
for model in digits residual_digits cnet_mnist imdb_embedding_conv imdb_bow_l2 meli_cnn \
    mnist_denoise cifar10_resnet18; do
    clean $model 0 "models/$model.net" --emit-c -o "$scratch/model.c"
done
for program in $(printf '%s\n' tests/golden/{errors,warnings}/*.net | awk 'NR % 5 == 0'); do
    clean "$program" "$([[ $program = */warnings/* ]]; echo $?)" "$program" --check
done
finish
