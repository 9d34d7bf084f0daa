#!/usr/bin/env bash
# trainer.sh -- whole programs: models are compiled, trainers run, and what they leave is looked at.
# `trainer.sh quick` does only what a slow (sanitized) build can do in a minute or two. With
# NETC_DATA, the folder of the real data sets, MNIST is trained too.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
quick=
[ "${1:-}" != quick ] || quick=1
cd "$scratch" || exit 1
models=$root/models
torch=$root/tests/pytorch
# says NAME TRAINABLE NON_TRAINABLE COMMAND...: a summary with these totals
says() {
    local name=$1 trainable=$2 states=$3
    shift 3
    "$@" >summary.txt 2>&1
    if grep -q " Trainable params: $trainable " summary.txt &&
        grep -q "Non-trainable params: $states " summary.txt; then
        pass
    else
        fail "summary of $name: $trainable trainable, $states not" summary.txt
    fi
}

# ---- small models learn --------------------------------------------------------------------------

build xor_split "$models/xor_split.net"
build xor_concat "$models/xor_concat.net"
for name in xor_split xor_concat; do
    check "$name trains" "./$name" train --out "run_$name" --quiet
    holds "$name: loss" "$(final "run_$name" train loss)" "<" 1e-3
    check "$name: gradcheck" "./$name" gradcheck
done
says "xor_split, by the trainer" 9 0 ./xor_split summary
check "netc and the trainer print one summary, but for the most of memory" bash -c 'diff \
    <("$1" "$2" --summary | sed \$d) <(./xor_split summary)' - "$netc" "$models/xor_split.net"
check "a step too short to share" sh -c './xor_split bench | grep -q "threads 1,"'
check "without training" sh -c './xor_split bench --evaluate --steps 5 | grep "5 steps without"'
check "a step that stays in L2" sh -c './xor_split bench --steps 5 --per-kernel >bench.txt
    cat bench.txt; grep -q "^Limits: .*L2, which holds all" bench.txt'
check "gradcheck of a layer" sh -c './xor_split gradcheck xor_split.dense_2 >some.txt
    grep -q "dense_2.weight" some.txt && ! grep -q "dense_1" some.txt'
exits "gradcheck of no layer" 2 'begins with "xor_split.dense_3"' \
    ./xor_split gradcheck xor_split.dense_3
build c_words "$root/tests/cli/c_words.net"
build torch_dense "$torch/dense.net"
check "c_words: gradcheck" ./c_words gradcheck

# ---- usage and faults ----------------------------------------------------------------------------

exits "unknown flag" 2 "momentum" ./xor_split train --momentun 0.5
exits "help in the place of a value" 2 "wants a value behind it" ./xor_split predict -o --help
exits "a value that is no question" 1 "weights -h: there is no such" ./xor_split eval --weights -h
check "help behind a value" sh -c './xor_split train --lr 1 --help | grep -q "^Usage\|^ *--lr"'
exits "a flag that cannot apply" 2 "momentum" ./xor_split train --optimizer adam --momentum 0.5
exits "a flag of no schedule" 2 "gamma" ./xor_split train --gamma 0.5
exits "a flag without validation" 2 "validation" ./xor_split train --monitor validation_loss
exits "the best without validation" 2 "validation" ./xor_split train --keep best
exits "not a number" 2 "lr" ./xor_split train --lr fast
exits "a flag as it is typed" 2 "[-]-checkpoint-every wants" ./xor_split train --checkpoint-every -1
exits "batch over the trainer's" 2 "batch" ./xor_split train --batch 5
exits "an existing run" 2 "force" ./xor_split train --out run_xor_split
exits "no such weights" 1 "nowhere" ./xor_split eval --weights nowhere
exits "no such data" 1 "data" ./torch_dense train --data nowhere --out none
head -c 300 run_xor_split/model.safetensors >cut.safetensors
exits "weights cut short" 1 "cut.safetensors" ./xor_split eval --weights cut.safetensors
exits "weights of another model" 1 "xor_concat" ./xor_split eval --weights run_xor_concat
exits "diverged" 3 "step" ./torch_dense train --data "$torch" --lr 1e30 --out diverged
exits "diverged in the last step" 3 "last step" \
    ./torch_dense train --data "$torch" --lr 1e38 --weight-decay 1e6 --max-steps 1 \
    --out diverged_last
exits "eval of a diverged run" 1 "weights diverged/checkpoint.safetensors" \
    ./torch_dense eval --data "$torch" --weights diverged
exits "resume of a diverged run" 2 "weights diverged/checkpoint.safetensors begins" \
    ./torch_dense train --data "$torch" --resume diverged --lr 1e-3
check "weights of a diverged run" ./torch_dense train --data "$torch" --lr 1e-3 --max-steps 1 \
    --weights diverged/checkpoint.safetensors --out from_diverged
mkdir begun && cp run_xor_split/run.json begun
exits "a run without a checkpoint" 2 "checkpoint: --force" ./xor_split train --out begun
exits "resume without a checkpoint" 1 "force begins it again" ./xor_split train --resume begun
check "a run without a checkpoint, again" ./xor_split train --out begun --force --max-steps 1
exits "resume of no folder" 1 "no such folder" ./xor_split train --resume nowhere
exits "a flag that does not apply" 2 "[-]-stop-patience does not" \
    ./xor_split train --stop_patience 3
exits "steps in no folder" 1 "cannot write nowhere/steps.csv: No such" \
    ./xor_split train --log-steps nowhere/steps.csv --out no_steps
check "no folder is left of it" [ ! -e no_steps ]
check "steps in the run's folder" \
    ./xor_split train --log-steps steps/steps.csv --out steps --epochs 3 --quiet
holds "rows of steps" "$(wc -l <steps/steps.csv)" "==" 4
parts="steps/checkpoint.safetensors.12.netc-part steps/run.json.7.netc-part"
for how in "--resume steps" "--out steps --force"; do
    touch $parts steps/run.json.3.part
    check "over what was half written: $how" ./xor_split train $how --epochs 3 --quiet
    check "it is gone: $how" [ "$(ls steps/*part)" = steps/run.json.3.part ]
done
predict="./xor_split predict --part train --weights run_xor_split"
exits "predictions in no folder" 1 "cannot write nowhere/p: No such" $predict -o nowhere/p
exits "predictions over the weights" 2 "would be lost" ./xor_split predict --part train \
    --weights steps/model.safetensors -o steps/model.safetensors
: >linked.txt && ln -s linked.txt link.txt
check "predictions through a link" $predict -o link.txt
check "the link stays one" [ -L link.txt -a -s linked.txt ]
if [ -c /dev/full ]; then
    exits "steps on a full disk" 1 "cannot write /dev/full: No space" \
        ./xor_split train --log-steps /dev/full --out no_steps
    check "no folder is left of that" [ ! -e no_steps ]
    exits "predictions on a full disk" 1 "cannot write /dev/full: No space" $predict -o /dev/full
fi
# the limit is 0 blocks: what the trainer says goes through a pipe
status=0
said=$( (ulimit -f 0; ./xor_split init -o limited.safetensors 2>&1) ) || status=$?
if [ $status = 1 ] && [[ $said == *"cannot write limited.safetensors: File too large"* ]] &&
    ! ls limited* >/dev/null 2>&1; then
    pass
else
    fail "a file over the limit: exit $status, $said"
fi
exits "output is no file" 1 "not a file" ./xor_split init -o "$scratch"
if [ -c /dev/full ]; then
    exits "stdout is full" 1 "stdout" bash -c './xor_split summary >/dev/full'
fi
mkdir packed
for file in "$torch"/*.npy; do gzip -c "$file" >"packed/${file##*/}.gz"; done
check "files found with .gz behind" ./torch_dense train --data packed --epochs 0 --out from_packed
origins() {
    ./xor_split config --momentum 0.8 | awk '{ print $1, $3, $4 }' |
        grep -xcE '(lr|epochs) model file|momentum flag |(clip|weight_decay) built in'
}
check "config says the file's, the flag's and netc's own" test "$(origins)" = 5
for flag in -lr --learning-rate --learning_rate=0.1; do
    exits "another program's flag $flag" 2 "its name here is --lr" ./xor_split train $flag 0.1
done
exits "another program's flag --batch-size" 2 "is --batch$" ./xor_split train --batch-size 4
check "help" ./xor_split --help
for command in train eval predict summary init gradcheck bench find_lr config kfold; do
    check "help of $command" bash -c \
        "./xor_split $command --help | grep -q '^xor_split $command\\b'"
done
check "help with values" bash -c \
    "./xor_split train --help | grep -qE '^  --lr X .*\[0?\.?[0-9.]+\]$'"
check "help of what applies" bash -c "! ./xor_split train --help | grep -q -e --beta1"
check "help of what it takes" bash -c "! ./xor_split predict --help | grep -q -e --epochs"
check "eval" ./xor_split eval --weights run_xor_split --part train
# ---- sameness: threads, targets, resuming --------------------------------------------------------

steps=200
[ -z "$quick" ] || steps=12
build branches "$models/branches_digits.net"
for threads in 1 2 3; do
    check "$threads threads" ./branches train --max-steps $steps --threads $threads --quiet \
        --log-steps "threads_$threads.csv" --out "threads_$threads"
done
for threads in 2 3; do
    check "1 and $threads threads, losses" cmp threads_1.csv "threads_$threads.csv"
    check "1 and $threads threads, weights" \
        cmp threads_1/model.safetensors "threads_$threads/model.safetensors"
done

if [ -z "$quick" ]; then
    for target in generic avx2 avx512; do
        build "residual_$target" "$torch/residual.net" --target $target
        if "./residual_$target" config >/dev/null 2>&1; then
            check "target $target" "./residual_$target" train --data "$torch" --max-steps 10 \
                --log-steps "target_$target.csv" --out "target_$target" --quiet
            [ "$target" = generic ] ||
                check "target $target, the same bits" cmp "target_$target.csv" target_generic.csv
        else
            skip "target $target: this processor does not have it"
        fi
    done
fi

./xor_split train --epochs 40 --out whole --quiet
./xor_split train --epochs 25 --out resumed --quiet
check "resume" ./xor_split train --resume resumed --epochs 40 --quiet
check "resumed is uninterrupted" cmp whole/model.safetensors resumed/model.safetensors
exits "resume with another rate" 2 "lr" ./xor_split train --resume resumed --lr 0.25

# noise and augmentation: the same on any threads, and after a stop inside an epoch
build augmented "$root/tests/cli/augmented.net"
for threads in 1 2; do
    check "augmented, $threads threads" ./augmented train --threads $threads --quiet \
        --out "augmented_$threads"
done
check "augmented: 1 and 2 threads" cmp augmented_1/model.safetensors augmented_2/model.safetensors
check "augmented stops" ./augmented train --max-steps 14 --keep last --quiet --out augmented_stopped
cp -r augmented_stopped augmented_shown
check "augmented goes on" ./augmented train --resume augmented_stopped --quiet
# what a terminal shows before the first epoch after a resume is measured: no metrics yet
if ! script -qec true /dev/null >/dev/null 2>&1; then
    skip "lines of a terminal: script is missing"
elif TERM=xterm script -qec "./augmented train --resume augmented_shown" /dev/null 2>&1 |
    tr '\r' '\n' >shown.txt && sed -n '/epoch .*loss/{p;q}' shown.txt | grep -qv " mae "; then
    pass
else
    fail "a resumed run's first line" shown.txt
fi
check "augmented whole" ./augmented train --keep last --quiet --out augmented_last
check "augmented: stopped and resumed is uninterrupted" \
    cmp augmented_last/model.safetensors augmented_stopped/model.safetensors
check "augmented: eval" ./augmented eval --weights augmented_1 --json

# batches of an epoch weigh as their rows' classes do: train_loss is what eval says of the part
cat >weighted.net <<'END'
data {
    train = digits(rows=150, seed=3)
    input  image = image -> scale(1/255)
    target label = label -> classes(10)
}
network net(image) { image -> flatten -> dense(10) }
train {
    loss = cross_entropy(net(image), label, class_weights=[30, 1, 1, 1, 0.01, 1, 1, 5, 1, 1])
    optimizer = sgd(lr=1e-12)
    batch = 8
    epochs = 1
}
END
build weighted weighted.net
check "weighted" ./weighted train --quiet --out weighted_whole
check "weighted: eval" \
    bash -c "./weighted eval --weights weighted_whole --part train --json >w.json"
check "weighted: train_loss is eval's" awk -F '[,:]' '
    FILENAME ~ /csv/ { if (FNR == 1) { for (i = 1; i <= NF; i++) if ($i == "train_loss") c = i }
                       else loss = $c; next }
    { for (i = 1; i < NF; i++) if ($i ~ /"loss"/) d = $(i + 1) / loss - 1 }
    END { exit !(loss > 0 && d != "" && d < 1e-5 && d > -1e-5) }' weighted_whole/history.csv w.json
check "weighted stops" ./weighted train --max-steps 7 --quiet --out weighted_stopped
check "weighted goes on" ./weighted train --resume weighted_stopped --quiet
check "weighted: stopped and resumed is uninterrupted" cmp \
    <(cut -d, -f1-3 weighted_whole/history.csv) <(cut -d, -f1-3 weighted_stopped/history.csv)

# Every optimizer and schedule, stopped inside an epoch and between two, goes on exactly.
goes_on() {
    local name=$1 trainer=$2
    shift 2
    "./$trainer" train --out long --force --quiet --threads 1 "$@" >resume.log 2>&1
    "./$trainer" train --out short --force --quiet --max-steps 23 "$@" >>resume.log 2>&1
    "./$trainer" train --resume short --quiet --max-steps 40 >>resume.log 2>&1
    "./$trainer" train --resume short --quiet >>resume.log 2>&1
    if cmp long/model.safetensors short/model.safetensors >>resume.log 2>&1 &&
        cmp <(cut -d, -f1-6 long/history.csv) <(cut -d, -f1-6 short/history.csv) >>resume.log 2>&1
    then
        pass
    else
        fail "resume with $name" resume.log
    fi
}
build training "$root/tests/cli/training.net"
exits "diverged in a layer" 3 "step 3 .* began in the result of net.dense_2 (line 17)" \
    ./training train --lr 1e5 --clip 0 --out layer
exits "diverged after an update" 3 "step 2 .* began in the result of net.batchnorm (line 16)" \
    ./training train --lr 1e30 --clip 0 --out after
exits "diverged by an update" 3 "step 2 .* update before it spoilt net.conv2d.weight" \
    ./training train --lr 1e30 --weight-decay 1e10 --clip 0 --out update
cat >sigmoid.net <<'END'
data {
    train = xor
    input  point  = x
    target answer = y
}
network net(point) { point -> dense(4) -> dense(1) -> sigmoid }
train {
    loss      = mse(net(point), answer)
    optimizer = sgd(lr=1e15, weight_decay=1)
    batch     = 4
    epochs    = 9
}
END
build sigmoid sigmoid.net
exits "diverged behind a sigmoid" 3 "step 3 .* began in the result of net.dense_2 (line 6)" \
    ./sigmoid train --out behind
check "the last good checkpoint" ./training train --resume layer --max-steps 1 --quiet
build growing "$root/tests/cli/training.net" --define "plan=exponential(30)"
exits "diverged in a later epoch" 3 "epoch [3-9].*; " \
    ./growing train --clip 0 --lr 1e-3 --stop-patience 99 --out later
if script -qec true /dev/null >/dev/null 2>&1; then
    TERM=xterm script -qec "./growing train --clip 0 --lr 1e-3 --stop-patience 99 --out shown" \
        /dev/null 2>&1 | tr '\r' '\n' >shown.txt
    holds "a divergence shows an epoch once" "$(grep -c 'epoch 1/[0-9]*  loss' shown.txt)" "==" 1
fi
check "training: gradcheck with penalties" ./training gradcheck --synthetic --threads 1
check "training: penalties in updates" \
    ./training train --epochs 2 --keep last --clip 0 --out updates --quiet
check "training: penalties in gradients" \
    ./training train --epochs 2 --keep last --clip 1e30 --out gradients --quiet
check "training: penalties are the same" cmp updates/model.safetensors gradients/model.safetensors
goes_on "sgd" training
goes_on "averages, accumulated gradients" training --ema 0.9 --accumulate 3
if [ -z "$quick" ]; then
    goes_on "adam" training --optimizer adam
    goes_on "adamw" training --optimizer adamw
    goes_on "adagrad" training --optimizer adagrad --initial-accumulator 0.1 --lr-decay 0.01
    goes_on "rmsprop" training --optimizer rmsprop --lr 1e-3
    goes_on "rmsprop, centered" training --optimizer rmsprop --lr 1e-3 --centered --momentum 0.9
    goes_on "adadelta" training --optimizer adadelta
    goes_on "early stop" training --stop-patience 1 --lr 0.5 --keep last
    while IFS='|' read -r schedule each; do
        build planned "$root/tests/cli/training.net" --define "plan=$schedule" --define "each=$each"
        goes_on "$schedule" planned
    done <<EOF
step(2)|true
[warmup(3), cosine]|false
[constant(2), exponential(0.5)]|true
multistep([2, 4], gamma=0.5)|false
[warmup(2), plateau(factor=0.5, patience=0, monitor=accuracy)]|false
EOF
fi

# k-fold: a run a fold; one that was stopped goes on with the folds that are left
build folded "$root/tests/cli/folded.net"
check "kfold" ./folded train --out folds --quiet
cp -r folds folds_stopped
rm -r folds_stopped/fold_3 folds_stopped/fold_4 folds_stopped/folds.csv
sed -i 's/"finished"/"interrupted"/' folds_stopped/fold_2/run.json
check "kfold goes on" ./folded kfold --resume folds_stopped --quiet
check "kfold: stopped and resumed is uninterrupted" bash -c \
    'for i in 1 2 3 4; do
         cmp folds/fold_$i/model.safetensors folds_stopped/fold_$i/model.safetensors || exit
     done'
check "kfold: results" diff folds/kfold.json folds_stopped/kfold.json
check "kfold: the table is the mean of the runs" awk -F'[:,]' '
    /"fold": / { for (i = 1; i < NF; i++) if ($i ~ /validation_accuracy/) { sum += $(i + 1); n++ } }
    /"mean"/ { for (i = 1; i < NF; i++) if ($i ~ /validation_accuracy/) mean = $(i + 1) }
    END { d = sum / n - mean; exit !(n == 4 && d < 1e-9 && d > -1e-9) }' folds/kfold.json
holds "kfold: rows of folds.csv" "$(wc -l <folds/folds.csv)" "==" 13
holds "kfold: rows of band.csv" "$(wc -l <folds/band.csv)" "==" 4
check "kfold: numbers that are equal have a deviation of 0" awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == "lr_sd") c = i }
    NR > 1 { bad += !c || $c != "0" }
    END { exit NR < 2 || bad }' folds/band.csv
check "kfold: a fold is evaluated" ./folded eval --weights folds/fold_2 --part validation
check "kfold of another count" ./folded kfold 3 --epochs 1 --json --quiet --out folds_3
check "kfold where the model says holdout" ./augmented kfold 2 --epochs 1 --quiet --out folds_2
exits "kfold without a count" 2 "how many folds" ./augmented kfold --quiet
exits "kfold of no folder" 1 "no such folder" ./folded kfold --resume nowhere
exits "kfold of one" 2 "from 2" ./folded kfold 1
exits "an existing k-fold" 2 "force" ./folded train --out folds
exits "kfold with weights" 2 "--weights is a flag of train, .* not of kfold" \
    ./folded kfold --weights folds/fold_1 --out none
exits "folds with weights" 2 "fresh weights" ./folded train --weights folds/fold_1 --out none
exits "folds with a log" 2 "steps of its own" ./folded train --log-steps steps.csv --out none
exits "more folds than rows" 1 "too few rows" ./folded kfold 999 --out folds_999 --quiet
check "no folder is left of it" [ ! -e folds_999 ]
check "kfold cut short" ./folded kfold --max-steps 3 --out folds_cut --quiet
check "kfold goes on" ./folded kfold --resume folds_cut --quiet
check "kfold: cut short and gone on is uninterrupted" \
    cmp folds/fold_2/model.safetensors folds_cut/fold_2/model.safetensors
exits "kfold resumed with another count" 2 "4 folds" ./folded kfold 3 --resume folds
exits "kfold resumed with another rate" 2 "lr" ./folded kfold --resume folds --lr 0.7

# Two trainers on one folder: the second is refused. A closed terminal: a checkpoint is saved. Who
# reads the progress goes: the run goes on.
begun() {
    for _ in $(seq 200); do
        [ ! -e "$1/checkpoint.safetensors" ] || break
        sleep 0.1
    done
}
# these tests may run under nohup themselves
env --default-signal=HUP ./branches train --epochs 100000 --out busy >busy.log 2>&1 &
busy=$!
begun busy
exits "resume of a busy run" 2 "another process trains in busy" ./branches train --resume busy
exits "force over a busy run" 2 "another process trains in busy" \
    ./branches train --force --out busy
kill -HUP $busy
kill -HUP $busy
status=0
wait $busy || status=$?
if [ $status = 129 ]; then pass; else fail "SIGHUP: exit status $status, wanted 129"; fi
check "a hangup is said" grep -q '"interrupted"' busy/run.json
check "resume after SIGHUP" ./branches train --resume busy --max-steps 1 --quiet
(trap '' HUP; exec ./branches train --epochs 100000 --out held --quiet) &
held=$!
begun held
kill -HUP $held
kill -TERM $held        # of two signals the thread that waits takes SIGHUP first, if it does
status=0
wait $held || status=$?
if [ $status = 143 ]; then pass; else fail "SIGHUP under nohup: exit $status, wanted 143"; fi
rm -rf held                      # a script's & leaves SIGINT ignored, which it stays
(trap '' INT; exec ./branches train --epochs 100000 --out held --quiet) &
held=$!
begun held
kill -INT $held
kill -INT $held
kill -TERM $held
status=0
wait $held || status=$?
if [ $status = 143 ]; then pass; else fail "SIGINT ignored: exit $status, wanted 143"; fi
./branches train --epochs 100000 --out twice 2>twice.log &
twice=$!
begun twice
kill -TERM $twice
kill -TERM $twice                # timeout(1) signals a process, then its group
status=0
wait $twice || status=$?
if [ $status = 143 ]; then pass; else fail "SIGTERM twice: exit $status, wanted 143"; fi
check "one request that came twice" grep -q "stopped after step .*; go on with:" twice.log
(sleep 0.5; exec ./xor_split train --out piped --epochs 40 2>&1) | true
status=${PIPESTATUS[0]}
if [ $status = 0 ]; then pass; else fail "a closed pipe: exit status $status, wanted 0"; fi

# Ctrl-C: the step is finished, a checkpoint saved, and resuming goes on from there
if [ -z "$quick" ]; then
    ./branches train --epochs 6 --out whole_branches --quiet
    env --default-signal=INT ./branches train --epochs 6 --out stopped --quiet &
    for _ in $(seq 200); do
        ! grep -qs "^1," stopped/history.csv || break
        sleep 0.1
    done
    sleep 0.1
    kill -INT $!
    status=0
    wait $! || status=$?
    if [ $status = 130 ]; then pass; else fail "SIGINT: exit status $status, wanted 130"; fi
    check "resume after SIGINT" ./branches train --resume stopped --quiet
    check "stopped and resumed is uninterrupted" \
        cmp whole_branches/model.safetensors stopped/model.safetensors
fi

# ---- gradients of small models (all of them: models.sh) ------------------------------------------

for name in mnist_dense logistic_map boston pima; do
    build "check_$name" "$models/$name.net"
    check "gradcheck of $name" "./check_$name" gradcheck --synthetic --threads 1
done

# ---- longer runs ---------------------------------------------------------------------------------

if [ -z "$quick" ]; then
    build logistic_map "$models/logistic_map.net"
    check "logistic_map trains" ./logistic_map train --out logistic --quiet
    holds "logistic_map: loss" "$(final logistic test loss)" "<" 1e-4

    build digits "$models/digits.net"
    check "digits trains" ./digits train --epochs 3 --out digits_run --quiet
    holds "digits: accuracy" "$(final digits_run test accuracy)" ">" 0.97
    check "digits: report" ./digits eval --weights digits_run --digits 4
    check "digits: predict" ./digits predict --weights digits_run --part test
    for target in avx2 avx512; do
        "$netc" "$models/digits.net" --target $target -o "digits_$target"
        holds "digits: size in bytes, $target" "$(stat -c %s digits_$target)" "<" 1200000
    done
    "$netc" "$models/digits.net" --emit-c -o digits.c
    sed -n '/^static const struct net_kernel train_kernels/,/^};/p' digits.c |
        sed -n 's/^    NET_ROW(\([^,]*\),.*/"\1"/p' >kernels
    check "digits: bench" sh -c './digits bench --steps 5 --threads 1 --per-kernel >bench.txt &&
                                 cat bench.txt'
    check "digits: bench counts its kernels" grep -q " of $(wc -l <kernels) kernels, " bench.txt
    check "digits: bench lists its kernels" sh -c '
        ./digits bench --steps 5 --threads 1 --per-kernel --json >bench.json &&
        sed -n "s/^  {\"kernel\": \(\"[^\"]*\"\).*/\1/p" bench.json | diff kernels - &&
        [ -s kernels ]'
    check "digits: bench measures its kernels" awk '
        function number(name) {
            return substr($0, index($0, "\"" name "\": ") + length(name) + 4) + 0
        }
        /^  {"kernel"/ {
            lines++
            share = number("limit_share")
            adds = /"limit": "fma"/
            fma += adds
            if (!(number("us") > 0 && number("gbs") > 0 && share > 0) ||
                (adds && !(number("gflops") > 0 && share <= 1.3))) {
                print
                bad = 1
            }
        }
        END { exit bad || !lines || !fma }' bench.json
    check "digits: bench of real rows" sh -c './digits bench --steps 5 --data . >rows.txt
        cat rows.txt
        grep -q "^data .*prepared in [0-9.]*[1-9][0-9.]* us" rows.txt'

    build residual "$models/residual_digits.net"
    check "residual_digits trains" ./residual train --epochs 2 --out residual_run --quiet
    holds "residual_digits: accuracy" "$(final residual_run test accuracy)" ">" 0.9
    check "branches_digits trains" ./branches train --epochs 3 --out branches_run --quiet
    holds "branches_digits: accuracy" "$(final branches_run test accuracy)" ">" 0.9
fi

# ---- real MNIST ----------------------------------------------------------------------------------

if [ -n "$quick" ] || [ ! -d "${NETC_DATA:-}/mnist" ]; then
    skip "MNIST: set NETC_DATA to a folder with mnist/"
else
    while read -r name epochs accuracy; do
        build "$name" "$models/$name.net"
        check "$name trains" "./$name" train --data "$NETC_DATA/mnist" --epochs "$epochs" \
            --out "run_$name" --quiet
        holds "$name: accuracy" "$(final "run_$name" test accuracy)" ">=" "$accuracy"
    done <<EOF
cnet_mnist 6 0.94
mnist_dense 10 0.95
mnist_conv 2 0.98
EOF
fi

finish
