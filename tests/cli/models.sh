#!/usr/bin/env bash
# models.sh -- every file of models/: its totals as the reports print them, and its gradients. Those
# whose gradients take minutes are looked at by `models.sh every` (make test-gradients) only, those
# of many seconds not by `models.sh quick`. `models.sh totals` is for a slow (sanitized) netc.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
mode=${1:-all}
models=$root/models

# What the models of product titles read, and the data do not have: vectors for a few words.
"$root/tests/cli/vectors.sh" "$scratch/vectors.vec.gz"
printf 'title,category\n' | gzip >"$scratch/train.csv.gz"

totals() { # NAME TRAINABLE NON_TRAINABLE
    "$netc" "$models/$1.net" --summary >"$scratch/summary.txt" 2>&1
    if grep -q " Trainable params: $2 " "$scratch/summary.txt" &&
        grep -q "Non-trainable params: $3 " "$scratch/summary.txt"; then
        pass
    else
        fail "summary of $1: $2 trainable, $3 not" "$scratch/summary.txt"
    fi
}

gradients() { # NAME OPTIONS...
    local name=$1
    shift
    check "netc $name.net $*" "$netc" "$models/$name.net" -o "$scratch/trainer" "$@"
    check "gradients of $name" \
        "$scratch/trainer" gradcheck --data "$scratch" --synthetic --threads 1
}

seen=
while read -r name trainable states how; do
    seen="$seen $name"
    totals "$name" "$trainable" "$states"
    case $mode:$how in
        totals:* | quick:later) ;;
        all:slow | quick:slow)
            skip "gradients of $name take minutes: make test-gradients looks at them"
            ;;
        *) gradients "$name" ;;
    esac
done <<'END'
boston                   14          0       fast
branches_digits          58,320      0       fast
cifar100_alexnet         5,740,164   4,800   slow
cifar100_vgg16           5,794,954   4,486   slow
cifar10_cnn_small        62,006      0       later
cifar10_keras_dense      308,310     0       later
cifar10_keras_dense_mse  308,310     0       later
cifar10_lenet5           62,006      0       later
cifar10_mlp              485,110     0       later
cifar10_resnet18         11,173,962  9,600   slow
cifar10_vgg16            14,728,266  8,448   slow
cnet_mnist               235,146     0       later
digits                   52,138      0       fast
imdb_bow_batchnorm       1,011,341   220     later
imdb_bow_dropout         1,011,121   0       later
imdb_bow_l2              1,011,121   0       later
imdb_embedding_conv      172,113     192     later
imdb_embedding_dense     1,937,121   0       later
logistic_map             17          0       fast
meli_cnn                 16,226,924  0       slow
meli_cnn_pretrained      1,226,324   15,000,600  slow
meli_mlp                 191,480     15,000,600  later
mnist_conv               12,890      96      fast
mnist_conv_permuted      12,890      96      fast
mnist_denoise            12,537      0       fast
mnist_dense              16,080      60      fast
mnist_dense_permuted     16,080      60      fast
pima                     601         72      fast
pima_imputed             601         72      fast
residual_digits          19,810      336     fast
xor_concat               7           0       fast
xor_split                9           0       fast
END

for path in "$models"/*.net; do
    name=$(basename "$path" .net)
    case "$seen " in *" $name "*) pass ;; *) fail "$name.net is not in the table of $0" ;; esac
done

# the study's other widths
for width in "[200, 200]:656,810" "[120]:369,970" "[50]:154,160"; do
    "$netc" "$models/cifar10_mlp.net" --define "hidden=${width%:*}" --summary >"$scratch/out" 2>&1
    check "cifar10_mlp, ${width%:*}" grep -q "Trainable params: ${width#*:} " "$scratch/out"
done

finish
