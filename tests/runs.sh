#!/usr/bin/env bash
# runs.sh -- the folders of runs and k-folds, and what a trainer says of a run that will not go as it
# was meant to.
set -uo pipefail
. "$(dirname "$0")/shell.sh"
cd "$scratch" || exit 1

# 90 rows of three classes
awk 'BEGIN {
    print "x,y,kind"
    for (i = 0; i < 90; i++)
        printf "%.4f,%.4f,%s\n", sin(i * i) + i % 3, cos(i), substr("abc", i % 3 + 1, 1)
}' >flowers.csv
cat >flowers.net <<'END'
data {
    train      = csv("flowers.csv")
    validation = holdout(0.2)

    input  x[2] = columns("x".."y") -> standardize
    target kind = column("kind") -> classes(3)
}

network net(x) { x -> dense(8) -> relu -> dense(3) }

train {
    loss      = cross_entropy(net(x), kind)
    optimizer = adam(lr=0.01)
    batch     = 16
    epochs    = 2
}
END

# build NAME CHANGE: flowers.net, changed by sed
build() {
    sed "$2" flowers.net >"$1.net"
    check "netc $1.net" "$netc" "$1.net" -o "$1"
}
check "netc flowers.net" "$netc" flowers.net

# ---- what --force writes over is gone --------------------------------------------------------------

check "a run" ./flowers --out q --quiet --lr 0.5
touch q/notes.txt
check "a k-fold over it" ./flowers kfold 4 --out q --force --quiet
check "of the run is left what was not netc's" [ "$(cd q && echo [!f]*)" = \
    "band.csv kfold.json notes.txt" ]
exits "weights of a k-fold" 1 "q is a k-fold, .*: --weights q/fold_1" ./flowers eval --weights q
check "weights of a fold" ./flowers eval --weights q/fold_1
exits "a run in a k-fold's folder" 2 "q is a run already: --resume q goes on with it" \
    ./flowers --out q --quiet
touch q/fold_3/notes.txt
check "a k-fold of fewer over it" ./flowers kfold 2 --out q --force --quiet
check "folds of the old one are gone" [ "$(cd q && echo fold_* fold_3/*)" = \
    "fold_1 fold_2 fold_3 fold_3/notes.txt" ]
check "a run over a k-fold" ./flowers --out q --force --quiet --epochs 300 --max-steps 20
check "of the k-fold is left what was not netc's" [ "$(cd q && echo *k* *old* fold_3/*)" = \
    "checkpoint.safetensors fold_3 fold_3/notes.txt" ]
exits "the new run goes on" 0 "stopped after\|trained" ./flowers --resume q --max-steps 40
check "it is one run" grep -q '"steps": 40,' q/run.json

mkdir hand
check "a run in a folder of that name" ./flowers --out hand/fold_2 --quiet
exits "it is in the way of a k-fold" 2 "hand/fold_2 is a run already, .* --force" \
    ./flowers kfold 2 --out hand --quiet
check "but not of a run" ./flowers --out hand --quiet
check "nor of one over that" ./flowers --out hand --force --quiet
check "it is whole" ./flowers eval --weights hand/fold_2

# A process that is killed at any moment leaves no old weights beside what is another run's.
./flowers --out old --quiet --lr 0.5
for delay in 0.00{2,3,4,5,6,7,8,9}{0,3,6} 0.02; do
    rm -rf killed && cp -r old killed
    ./flowers --out killed --force --quiet --epochs 100000 &
    sleep $delay
    kill -KILL $!
    { wait $!; } 2>/dev/null
    if cmp -s old/model.safetensors killed/model.safetensors &&
        ! diff -r old killed >killed.log; then
        fail "killed after $delay s: old weights beside a new run" killed.log
    fi
done
pass

# ---- the line that goes on with a run ---------------------------------------------------------------

./flowers --epochs 100000 --out stopped >stopped.log 2>&1 &
for _ in $(seq 200); do
    ! grep -qs "^1," stopped/history.csv || break
    sleep 0.05
done
kill -TERM $!
wait $! 2>/dev/null
line=$(sed -n 's/.*go on with:  //p' stopped.log)
check "it says how to go on" [ "$line" = "./flowers train --resume stopped" ]
check "that works" $line --max-steps 1 --quiet

finish
