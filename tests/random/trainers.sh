#!/usr/bin/env bash
# trainers.sh [SEED] [COUNT] -- random networks (random.c) as whole trainers on rows of their own:
# gradcheck; two runs of four epochs, one of them stopped after two and resumed, on one thread and
# on two, have the same weights to the bit. BUILD: the folder of check_all.
set -uo pipefail
cd "$(dirname "$0")/../.."
check_all=$(realpath "${BUILD:-build}")/check_all
# shellcheck source=tests/support/shell.sh
source tests/support/shell.sh
cd "$scratch" || exit 1

# same A B: the weights of two runs
same() {
    cmp "$1/model.safetensors" "$2/model.safetensors"
}

slow="--lr 1e-4 --clip 1" # some of the networks diverge at their own rate

for ((seed = ${1:-1}; seed < ${1:-1} + ${2:-5}; seed++)); do
    mkdir "$seed"
    SEED=$seed COUNT=1 FOLDER=$scratch/$seed CK_RUN_SUITE=random "$check_all" >/dev/null 2>&1
    build "$seed/trainer" "$seed/network.net"
    data="--data $scratch/$seed"
    # shellcheck disable=SC2086
    {
        check "gradcheck of $seed" "$seed/trainer" gradcheck $data
        check "$seed at once" "$seed/trainer" train $data $slow --epochs 4 --threads 1 \
            --out "$seed/one"
        check "$seed, two epochs" "$seed/trainer" train $data $slow --epochs 2 --threads 2 \
            --out "$seed/two"
        check "$seed resumed" "$seed/trainer" train $data --epochs 4 --threads 2 \
            --resume "$seed/two"
    }
    check "$seed resumed, its bits" same "$seed/one" "$seed/two"
done
finish
