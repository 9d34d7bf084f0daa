#!/usr/bin/env bash
# growth.sh -- netc's memory grows with the size of a model, not with its square: four times the
# layers, or the steps of an unrolled recurrent network, are less than five times the memory. Of
# time nothing is asserted: machines differ.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

# deep LAYERS: dense layers, one behind another.
deep() {
    printf 'data {\n    train = xor\n    input  point  = x\n    target answer = y\n}\n'
    printf 'network deep(point) {\n    point\n'
    for ((i = 0; i < $1; i++)); do echo '        -> dense(16) -> relu'; done
    printf '        -> dense(1)\n}\n'
    train deep point
}

# unrolled STEPS: a recurrent network that reads the same input at each step.
unrolled() {
    printf 'data {\n    train = xor\n    input  point  = x\n    target answer = y\n}\n'
    printf 'network step(x, h) { concat(x, h) -> dense(16) -> tanh }\n'
    printf 'network unrolled(point) {\n    h = point -> dense(16) -> tanh\n'
    for ((i = 0; i < $1; i++)); do echo '    h = step(point, h)'; done
    printf '    h -> dense(1)\n}\n'
    train unrolled point
}

# train NETWORK INPUT: the section that ends a model.
train() {
    printf 'train {\n    loss      = mse(%s(%s), answer)\n    optimizer = sgd(lr=0.5)\n' "$1" "$2"
    printf '    batch     = 4\n    epochs    = 1\n}\n'
}

# memory MODEL: kilobytes that netc takes to write its C.
memory() {
    python3 - "$netc" "$1" "$scratch/out.c" <<'PYTHON'
import resource, subprocess, sys
netc, model, out = sys.argv[1:]
subprocess.run([netc, "--target", "avx512", "--emit-c", model, "-o", out], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}

# grows KIND SIZE: of SIZE and of four times as much.
grows() {
    local small large
    "$1" "$2" >"$scratch/small.net"
    "$1" $(($2 * 4)) >"$scratch/large.net"
    small=$(memory "$scratch/small.net") large=$(memory "$scratch/large.net")
    echo "$1: $small KB of $2, $large KB of $(($2 * 4))" >"$scratch/growth.log"
    if [ "${small:-0}" -gt 0 ] && [ "${large:-0}" -gt 0 ] && [ "$large" -lt $((small * 5)) ]; then
        pass
    else
        fail "$1 of $2 and $(($2 * 4))" "$scratch/growth.log"
    fi
}

grows deep 250
grows unrolled 100

finish
