#!/usr/bin/env bash
# ranks.sh -- `shards`: a batch in parts has the whole one's loss, and leaves the same bits on one
# thread and two, in one go or resumed; and, where MPI is installed and the build is plain, on any
# number of ranks, and so do points of a sweep and folds that ranks are given. What ends one ends
# all, with a message.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# 367 training rows: the last of each epoch's four batches has 79, so that shards differ and some
# are empty. Classes weigh differently, the rows of a shard too.
cat >parts.net <<'END'
let drop = 0.2

data {
    train      = digits(rows=408, seed=3)
    validation = holdout(0.1)

    input  image[1, 28, 28] = image -> scale(1/255)
    target label            = label -> classes(10)
    augment image           = image -> pad(2) -> random_crop(28, 28)
}

network net(image) {
    image -> conv2d(5, 5, stride=3, l2=1e-4) -> relu -> flatten
          -> dropout(drop) -> dense(19) -> relu -> dense(10)
}

train {
    loss      = cross_entropy(net(image), label, class_weights=[1, 2, 1, 1, 3, 1, 1, 0, 1, 1])
    optimizer = sgd(lr=0.05, momentum=0.9)
    clip      = norm(1)
    shards    = 8
    ema       = 0.9
    batch     = 96
    epochs    = 3
    metrics   = [accuracy]
}
END
build parts parts.net
parts() { # NAME OPTIONS...
    local name=$1
    shift
    ./parts train --out "$name" --force --quiet "$@"
}

for shards in 1 2 8 256; do
    check "$shards shards" parts mean --shards $shards --drop 0 --max-steps 9 \
        --log-steps $shards.csv
done
same_losses() {
    python3 - <<'END'
whole, *others = ([float(line.split(",")[1]) for line in list(open(f"{n}.csv"))[1:]]
                  for n in (1, 2, 8, 256))
for losses in others:
    assert len(losses) == 9, losses
    assert all(abs(a - b) <= 1e-5 * b for a, b in zip(losses, whole)), (losses, whole)
END
}
check "have the loss of the whole batch" same_losses
check "on one thread" parts one --threads 1
check "on two" parts two --threads 2
check "the same bits" cmp one/model.safetensors two/model.safetensors
check "of whole epochs and a part" ./parts train --resume auto --data-changed --out resumed \
    --quiet --max-steps 6
check "resumed" ./parts train --resume auto --out resumed --quiet --max-steps 0
check "the same bits, resumed" cmp one/model.safetensors resumed/model.safetensors
exits "auto without a folder" 2 "resume auto wants the run's folder" ./parts train --resume auto
exits "auto over a run" 2 "force and --resume exclude" ./parts train --resume auto --out no --force
exits "auto of folds" 2 "resume auto is of one run" ./parts kfold 2 --resume auto --out no
exits "diverged in a shard" 3 "in step 2 .* it began in the result of net.dense_1 (line 14)" \
    ./parts train --lr 1e30 --clip 0 --out spoilt
exits "shards that make no tree" 2 "shards are a power of two" ./parts train --shards 6 --out odd
sed '/^    shards /s/.*//' parts.net >whole.net

# Rows of all shards meet in three layers, of pictures and of vectors.
sed 's/-> relu -> flatten/-> batchnorm -> relu -> conv2d(7, 3) -> batchnorm -> relu -> flatten/
     s/-> dense(19)/& -> batchnorm(momentum=0.3)/' parts.net >meet.net
sed '/^    shards /s/.*//' meet.net >meet_whole.net
build meet meet.net
build meet_whole meet_whole.net
check "the whole batch, which meets in its layers" ./meet_whole train --out mean --force --quiet \
    --drop 0 --max-steps 9 --log-steps 1.csv
for shards in 2 8 256; do
    check "$shards shards that meet" ./meet train --out mean --force --quiet --shards $shards \
        --drop 0 --max-steps 9 --log-steps $shards.csv
done
check "have its loss" same_losses
check "meet on one thread" ./meet train --out meet_1 --quiet --threads 1
check "on two" ./meet train --out meet_2 --quiet --threads 2
check "with the same bits" cmp meet_1/model.safetensors meet_2/model.safetensors
check "bench of where they meet" sh -c './meet bench --steps 5 --threads 1 --per-kernel --json |
    tee bench.json | grep -c "{\"kernel\": \"meeting\"" | grep -x 6'
check "takes time" sh -c '! grep "\"meeting\".*\"us\": 0\.00" bench.json'
check "one shard" ./meet train --out meet_3 --quiet --shards 1 --max-steps 2
exits "diverged in shards that meet" 3 \
    "in step 2 .* it began in the result of net.batchnorm_1 (line 13)" \
    ./meet train --lr 1e30 --clip 0 --out meet_4
exits "--mpi with a library" 2 "a library does not train" "$netc" --mpi --library -o lib parts.net
exits "--mpi of several train sections" 1 "for one train section" \
    "$netc" --mpi --check "$root/tests/cli/gan.net"
exits "--mpi of several batches" 1 "note: --mpi divides each batch into shards" \
    "$netc" --mpi --check "$root/tests/cli/training.net"
check "the C of --mpi" sh -c '"$0" --mpi --emit-c parts.net >mpi.c' "$netc"
check "with what it calls of MPI" grep -q '#include "ranks/mpi.h"' mpi.c
check "a step that returns where the last layer's gradients are whole" \
    grep -q "gradients are whole from byte" mpi.c
exits "--mpi without MPI" 2 "install the packages libopenmpi-dev" env PATH="$scratch/none" \
    "$netc" --mpi --cc "$(command -v clang clang-{14..19} | head -n 1)" parts.net -o none

# ---- several processes ---------------------------------------------------------------------------

case $netc in */asan/*) finish; exit ;; esac
exits "many processes of a trainer for one" 2 "netc --mpi. makes one" \
    env OMPI_COMM_WORLD_SIZE=2 ./parts train --out many --quiet
if ! command -v mpicc >/dev/null || ! command -v mpirun >/dev/null; then
    skip "several processes: MPI (libopenmpi-dev, openmpi-bin) is not installed"
    finish
    exit
fi
# more ranks than cores; root, as in a container
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
build ranks whole.net --mpi
check "without mpirun" ./ranks train --out alone --quiet
check "the shards of --mpi are 8" cmp one/model.safetensors alone/model.safetensors
for ranks in 2 4 8; do
    export NETC_RANK_BUCKET=$((ranks / 2)) # KB: the gradient leaves in several parts, 31 KB in all
    check "$ranks ranks" mpirun -n $ranks ./ranks train --out $ranks --quiet \
        --threads $((ranks / 4 + 1))
    check "the same bits" cmp one/model.safetensors $ranks/model.safetensors
    check "the same history" \
        cmp <(cut -d, -f1-6 one/history.csv) <(cut -d, -f1-6 $ranks/history.csv)
done
unset NETC_RANK_BUCKET
exits "a bucket of nothing" 2 "NETC_RANK_BUCKET=0: it is a number of KB" \
    env NETC_RANK_BUCKET=0 mpirun -n 2 ./ranks train --out no --quiet
# an epoch of 4 batches of train and one of validation is 3 rounds, and so are the parts at the end:
# of each a rank sends its predictions, 96 rows of 10, and the sums of up to 8 losses
check "what counts messages" mpicc -shared -fPIC -o messages.so "$root/tests/faults/messages.c"
check "two ranks that are counted" env SENT=sent LD_PRELOAD="$PWD/messages.so" \
    mpirun -n 2 ./ranks train --out counted --quiet --epochs 1
for rank in 0 1; do
    check "rank $rank evaluates its part" grep -x "$((96 * 10 * 4 + 8 * 12)) 6" sent.$rank
done
exits "SIGUSR1 to one rank" 0 "saved saved/checkpoint.safetensors" \
    env FAULT="1 9 $(kill -l USR1)" LD_PRELOAD="$PWD/messages.so" \
    mpirun -n 2 ./ranks train --out saved --epochs 2
build meeting_ranks meet_whole.net --mpi
for ranks in 2 4 8; do
    check "$ranks ranks that meet" env NETC_RANK_BUCKET=1 mpirun -n $ranks ./meeting_ranks \
        train --out meet_$ranks --force --quiet --threads $((ranks / 4 + 1))
    check "the same bits" cmp meet_1/model.safetensors meet_$ranks/model.safetensors
done
check "two ranks that meet" mpirun -n 2 ./meeting_ranks train --out meet_cut --quiet --max-steps 7
check "go on as four" mpirun -n 4 ./meeting_ranks train --resume meet_cut --quiet --max-steps 0
check "to the same bits" cmp meet_1/model.safetensors meet_cut/model.safetensors
# two machines: each with a daemon of mpirun's, which an agent starts here, and messages by TCP
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >agent
chmod +x agent
check "two machines" mpirun -n 2 --host one,two --mca plm_rsh_agent "$PWD/agent" \
    --mca btl tcp,self --mca btl_tcp_if_include lo \
    ./ranks train --resume auto --out cut --quiet --max-steps 7
check "go on as four ranks of one" mpirun -n 4 ./ranks train --resume auto --out cut --quiet \
    --max-steps 0
check "to the same bits" cmp one/model.safetensors cut/model.safetensors

# said NAME CODE PATTERN COMMAND...: as exits, and the trainer has one message
said() {
    exits "$@"
    holds "$1: once" "$(grep -c 'ranks: error' check.log)" == 1
}
said "a flag that there is not" 2 "no flag --lrr" mpirun -n 4 ./ranks train --lrr 1
said "three ranks" 2 "3 processes" mpirun -n 3 ./ranks train --out no
said "another command" 2 "bench runs in one process" mpirun -n 2 ./ranks bench
said "a run that is there" 2 "is a run already" mpirun -n 2 ./ranks train --out one
said "ranks that begin otherwise" 1 "begin otherwise" \
    mpirun -n 1 ./ranks train --out no --seed 1 : -n 1 ./ranks train --out no --seed 2
check "a sweep in one process of mpirun, whose first point diverges" \
    timeout 60 mpirun -n 1 ./ranks sweep lr=3e38,0.1 --epochs 1 --out points --quiet
check "its points" diff <(cut -d, -f2- points/sweep.csv | grep -o 'diverged\|finished' | sort) \
    <(printf '%s\n' diverged finished)
for start in "" "mpirun -n 8"; do # rank 0 of 8 has no rows of the first shard, which is empty
    exits "nothing learnt, $start" 0 "was 2.304 at the first step: nothing was learnt" \
        $start ./ranks train --lr 1000 --epochs 1 --keep last --out worse --force --quiet
done
said "a loss that is not finite" 3 "step 2 .* it began in the result of net.dense_1 (line 14)" \
    mpirun -n 4 ./ranks train --lr 1e30 --clip 0 --out lost --quiet

# stopped NAME SIGNAL: two ranks, of which the second has a signal in mid-run; as mpirun exits
stopped() {
    MPIEXEC_TIMEOUT=120 mpirun -n 2 ./ranks train --out "$1" --quiet --epochs 100000 \
        2>stopped.log &
    while ! second=$(pgrep -n -P $! ranks) || [ ! -e "$1/checkpoint.safetensors" ]; do
        kill -0 $! || break # it has ended before
        sleep 0.1
    done
    kill "-$2" "$second"
    wait $!
}
stopped ended TERM
holds "SIGTERM to one rank" $? == 143
check "all stop" ./ranks train --resume ended --quiet --max-steps 1
NETC_RANK_LIMIT=4 stopped halted STOP
holds "a rank that halts" $? == 1
check "is told of" grep -q "rank 0 has waited 4 s for rank 1, which is lost" stopped.log
check "the run goes on" ./ranks train --resume halted --quiet --max-steps 1

# points and folds, one to a rank as it comes free: rows, their order and bits are those of one
# process
table() { cut -d, -f1-7,9- "$1/sweep.csv"; } # without seconds
check "a sweep" ./ranks sweep lr=0.02,3e38,0.1 --halving --epochs 2 --out swept --quiet
check "by ranks" mpirun -n 3 ./ranks sweep lr=0.02,3e38,0.1 --halving --epochs 2 --out dealt --quiet
check "the same table" diff <(table swept) <(table dealt)
check "the same bits" cmp {swept,dealt}/point_3/model.safetensors
said "ranks of other points" 1 "ranks 0 and 1 have other .* flags" \
    mpirun -n 1 ./ranks sweep lr=1,2 --out no : -n 1 ./ranks sweep lr=1,3 --out no
said "ranks of other epochs" 1 "ranks 0 and 1 have other .* flags" \
    mpirun -n 1 ./ranks kfold 2 --out no --force : -n 1 ./ranks kfold 2 --epochs 9 --out no
check "folds" ./ranks kfold 3 --epochs 1 --out folds --quiet
check "by ranks" mpirun -n 2 ./ranks kfold 3 --epochs 1 --out shared --quiet
for fold in 1 2 3; do
    check "the bits of fold $fold" cmp {folds,shared}/fold_$fold/model.safetensors
done
# waits for the second point or fold of a command, and gives rank 1 a signal
interrupted() { # SIGNAL FILE COMMAND...
    local signal=$1 file=$2
    shift 2
    MPIEXEC_TIMEOUT=120 mpirun -n 2 ./ranks "$@" --quiet --epochs 100000 2>stopped.log &
    while ! second=$(pgrep -n -P $! ranks) || [ ! -e "$file/checkpoint.safetensors" ]; do
        kill -0 $! || break
        sleep 0.1
    done
    kill "-$signal" "$second"
    wait $!
}
interrupted TERM cut_folds/fold_2 kfold 3 --out cut_folds
holds "SIGTERM to a rank with a fold" $? == 143
check "is told of" grep -q "kfold --resume .*cut_folds" stopped.log
interrupted TERM cut_points/point_2 sweep lr=0.01,0.02 --out cut_points
holds "SIGTERM to a rank with a point" $? == 143
check "they go on" mpirun -n 2 ./ranks sweep --resume cut_points --time 1s
# SIGTERM to the process of the second point or fold alone, of which its rank hears at its end
ended() { # FILE COMMAND...
    local file=$1
    shift
    MPIEXEC_TIMEOUT=120 mpirun -n 2 ./ranks "$@" --quiet --epochs 100000 2>stopped.log &
    while ! second=$(pgrep -n -P $! ranks) || ! task=$(pgrep -P "$second" ranks) ||
        [ ! -e "$file/checkpoint.safetensors" ]; do
        kill -0 $! || break
        sleep 0.1
    done
    kill -TERM "$task"
    wait $!
}
ended end_folds/fold_2 kfold 3 --out end_folds
holds "SIGTERM to a fold alone" $? == 143
check "is told of" grep -q "kfold --resume .*end_folds" stopped.log
ended end_points/point_2 sweep lr=0.01,0.02,0.03 --out end_points
holds "SIGTERM to a point alone" $? == 143
check "is told of" grep -q "sweep --resume .*end_points" stopped.log
check "and none is begun" test ! -e end_points/point_3
holds "the table has all" "$(wc -l <end_points/sweep.csv)" == 4
# both ranks halt for longer than one waits for another, and rank 0 goes on first
NETC_RANK_LIMIT=4 MPIEXEC_TIMEOUT=120 mpirun -n 2 ./ranks kfold 2 --out halt --quiet \
    --epochs 100000 2>stopped.log &
run=$!
while [ ! -e halt/fold_2/checkpoint.safetensors ]; do
    kill -0 $run || break
    sleep 0.1
done
mapfile -t both < <(pgrep -P $run ranks)
kill -STOP "${both[@]}"
sleep 5
kill -CONT "${both[0]}"
sleep 0.5
kill -CONT "${both[1]}"
kill -TERM "${both[1]}"
wait $run
holds "ranks that halted together go on, and are stopped" $? == 143
NETC_RANK_LIMIT=2 interrupted STOP quiet/point_2 sweep lr=0.01,0.02 --out quiet
check "a rank with a point that halts" grep -q "rank 1 has said nothing for 2 s" stopped.log

check "faults of a rank, mpirun, a disk, data" \
    env NETC="$netc" "$root/tests/faults/ranks.py" --short
finish
