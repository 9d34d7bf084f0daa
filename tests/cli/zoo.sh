#!/usr/bin/env bash
# zoo.sh -- the networks of models/zoo: as many trained parameters as the line at their top says, no
# warning, C for every target of those that others resemble, and the gradients of a small one.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

# Others are only summarized: C of a large network takes up to seconds.
emitted=" efficientnet_b0 espcn googlenet imdb_bilstm imdb_lstm imdb_transformer mixture_density \
mobilenet_v2 mobilenet_v3_small neumf quantiles_boston shufflenet_v2 siamese_mnist simclr_cifar10 \
squeezenet tcn_mnist triplet_mnist unet vae_mnist vit_cifar10 "

for model in "$root"/models/zoo/*.net; do
    name=$(basename "$model" .net)
    wanted=$(sed -n '/^#/!q; s/.*[ :]\([0-9,]*\) parameters.*/\1/p' "$model")
    "$netc" --summary "$model" >"$scratch/out" 2>&1
    check "$name says its parameters" test -n "$wanted"
    grep -q " Trainable params: $wanted " "$scratch/out" ||
        fail "$name has $wanted trained parameters" "$scratch/out"
    check "$name has a row in the table" \
        grep -q "^| \`$name.net\` | $wanted |" "$root/models/zoo/README.md"
    check "$name has no warning" test "$(grep -c warning "$scratch/out")" = 0
    [[ $emitted == *" $name "* ]] || continue
    for target in avx512 avx2 generic; do
        check "C of $name, $target" "$netc" --target $target --emit-c "$model" -o "$scratch/out.c"
    done
done
check "netc espcn.net" "$netc" "$root/models/zoo/espcn.net" --batch 3 -o "$scratch/trainer"
check "gradients of espcn" "$scratch/trainer" gradcheck --synthetic --threads 1

finish
