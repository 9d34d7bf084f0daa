#!/usr/bin/env bash
# ranks_bits.sh -- models of models/ on 1, 2, 4 and 8 processes, and with `shards = 8` in one
# without MPI: a row of a table for each, with the checksum of model.safetensors where all have the
# same, and the checksums that there are where they have not. Each runs a few steps of the first
# rows of its data, the last of fewer rows, so that some processes have none.
#
#     NETC_DATA=DIR ranks_bits.sh [MODEL ...]    DIR: with mnist, imdb, cifar-10-batches-bin
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
[ $# -gt 0 ] || set -- digits mnist_conv imdb_embedding_conv cifar10_resnet18
export NETC_RANK_BUCKET=${NETC_RANK_BUCKET:-16} # KB: small models have several too
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
data=$(realpath "${NETC_DATA:-$root/data}")
cd "$scratch" || exit 1

# first_rows MODEL TO: the first of its data.
first_rows() {
    case $1 in
    mnist*) python3 - "$data/mnist" "$2" 450 <<'PY' ;;
import gzip, os, struct, sys
folder, to, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for name in os.listdir(folder):
    if not name.endswith(".gz"):
        continue
    whole = gzip.open(os.path.join(folder, name)).read()
    size = 1 if "labels" in name else 28 * 28
    head = 8 if "labels" in name else 16
    with gzip.open(os.path.join(to, name), "wb") as file:
        file.write(whole[:4] + struct.pack(">I", count) + whole[8:head + count * size])
PY
    imdb*) for part in train test; do
        gzip -dc "$data/imdb/$part.csv.gz" | head -n 450 | gzip >"$2/$part.csv.gz"
    done ;;
    cifar10*) head -c $((3073 * 200)) "$data/cifar-10-batches-bin/data_batch_1.bin" \
        >"$2/data_batch_1.bin"
        head -c $((3073 * 16)) "$data/cifar-10-batches-bin/test_batch.bin" >"$2/test_batch.bin" ;;
    esac
}

# train OUT COMMAND...: a run's checksum, or that there is none.
train() {
    local out=$1
    shift
    "$@" train --out "$out" --force --quiet --batch 128 --max-steps 4 --data "$rows" \
        >"$out.log" 2>&1 && sha256sum "$out/model.safetensors" | cut -c1-64 && return
    cat "$out.log" >&2
    echo "$out has failed"
}

printf '%s\n' "| model | sha256 of model.safetensors with 1, 2, 4, 8 processes, and without MPI |" \
    "| --- | --- |"
for model; do
    rows=$scratch/$model.data
    mkdir -p "$rows"
    first_rows "$model" "$rows" 2>>"$model.log"
    sed 's/^train {/&\n    shards = 8/' "$root/models/$model.net" >"$model.net"
    "$netc" "$model.net" --batch 128 -o one || exit
    "$netc" --mpi "$model.net" --batch 128 -o ranks || exit
    for ranks in 1 2 4 8; do
        train "run_$ranks" mpirun -n $ranks ./ranks
    done >sums
    train run ./one >>sums
    if [ "$(sort -u sums | wc -l)" = 1 ]; then pass; else fail "$model has other bits" sums; fi
    printf '| `%s.net` | `%s` |\n' "$model" "$(sort -u sums | paste -sd' ')"
done
[ $failed = 0 ]
