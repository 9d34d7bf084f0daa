#!/usr/bin/env bash
# server.sh -- runs sent to MLflow's own server as they go: one that answers, one that is away, dies
# or says nothing; runs that are killed and go on; without curl. What the server has in the end is
# what the runs' folders have, each number once.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
. "$root/tests/trackers/packages.sh" "MLflow's server"
if ! command -v curl >/dev/null; then
    skip "MLflow's server: there is no curl"
    finish
    exit
fi

port=$("$python" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
url=http://127.0.0.1:$port
server=

serve() {
    "$python" "$here/server.py" "$port" >server.log 2>&1 &
    server=$!
    for ((i = 0; i < 300; i++)); do
        ! curl -s "$url/health" >/dev/null || return 0
        sleep 0.2
    done
    fail "MLflow's server does not begin" server.log
}

stop() {
    kill "$server"
    wait "$server" 2>/dev/null
}
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT

# until COMMAND...: it succeeds, for 30 seconds at most
until_is() {
    for ((i = 0; i < 300; i++)); do
        ! "$@" 2>/dev/null || return 0
        sleep 0.1
    done
    fail "$*"
}
has_epochs() { [ "$(wc -l <"$1/history.csv")" -gt "$2" ]; }
sent_epochs() { [ "$(sed 's/.*"epoch": \([0-9]*\).*/\1/' "$1/mlflow.sent")" -ge "$2" ]; }

sed 's/digits([^)]*)/digits(rows=400)/' "$root/models/digits.net" >digits.net
build digits digits.net

serve
check "a run" ./digits --epochs 3 --out "the whole" --mlflow "$url/" --track-every 2 --lr 0.002
./digits --epochs 3 --out none --quiet --lr 0.002
check "has the weights of a run without" cmp <(tail -c 20000 none/model.safetensors) \
    <(tail -c 20000 "the whole/model.safetensors")
./digits --epochs 1000000 --out stopped --mlflow "$url" --quiet 2>/dev/null &
pid=$!
until_is sent_epochs stopped 1
kill -TERM $pid
wait $pid
./digits --epochs 3 --out far --mlflow "$url" --lr 1e30 --quiet 2>/dev/null
check "a sweep" ./digits sweep lr=0.001,0.01 --epochs 1 --out swept --mlflow "$url" --quiet

# killed, and the process that sends with it: it goes on with what was not sent
./digits --epochs 1000000 --checkpoint-every 1 --out killed --mlflow "$url" --track-every 1 \
    --quiet &
pid=$!
until_is sent_epochs killed 2
kill -KILL $pid
wait $pid 2>/dev/null
steps=$((6 * $(wc -l <killed/history.csv) + 30))
check "a run that was killed goes on" ./digits --resume killed --mlflow "$url" --track-every 1 \
    --max-steps $steps --quiet
check "says nothing of its server" [ ! -s check.log ]

# a server that dies, and is there again before the run's end
./digits --epochs 1000000 --out dying --mlflow "$url" --quiet 2>dying.log &
pid=$!
until_is sent_epochs dying 1
stop
until_is grep -q "the run goes on" dying.log
check "told once" [ "$(wc -l <dying.log)" = 1 ]
more=$(($(wc -l <dying/history.csv) + 5))
until_is has_epochs dying $more
serve
kill -TERM $pid
wait $pid
check "and no more" [ "$(wc -l <dying.log)" = 1 ]

# one that is away
stop
exits "a run without its server" 0 "send the rest later with:  ./digits report away --mlflow $url" \
    ./digits --epochs 3 --out away --mlflow "$url" --lr 0.002 --track-every 2 --quiet
exits "nor is it there later" 1 "curl: (7)" ./digits report away --mlflow "$url"
serve
check "it is sent later" ./digits report away none --mlflow "$url"
check "and not again" ./digits report away none --mlflow "$url"

store "$url" runs.json
asks "server" runs.json "sorted(o) == ['away', 'dying', 'far', 'killed', 'none', 'stopped', \
    'swept/point_1', 'swept/point_2', 'the whole']"
asks "server" runs.json "{o[r]['experiment'] for r in o} == {'cnn'}"
asks "the status" runs.json "[o[r]['status'] for r in ('the whole', 'away', 'none', 'killed', \
    'stopped', 'dying', 'far')] == 4 * ['FINISHED'] + 2 * ['KILLED'] + ['FAILED']"
for run in "the whole" away none killed dying stopped; do
    for column in train_loss validation_accuracy lr; do
        asks "$run" runs.json "($near)(o['$run']['metrics']['$column'], $(column "$run" $column))"
        asks "$run" runs.json "[x[0] for x in o['$run']['metrics']['$column']] == \
            [*range(1, $(wc -l <"$run/history.csv"))]"
    done
done
asks "server" runs.json "[x[0] for x in o['the whole']['metrics']['step_loss']] == \
    [*range(2, 20, 2)] and o['away']['metrics']['step_loss'] == \
    o['the whole']['metrics']['step_loss']"
asks "each step once" runs.json "[x[0] for x in o['killed']['metrics']['step_loss']] == \
    [*range(1, $steps + 1)]"
for part in train validation test; do
    asks "server" runs.json "abs(o['away']['metrics']['final_${part}_accuracy'][0][1] - \
        $(final away $part accuracy)) < 1e-6"
done
asks "server" runs.json "[o['the whole']['params'][p] for p in ('lr', 'optimizer', 'shuffle')] == \
    ['0.002', 'adam', 'true']"
asks "server" runs.json "'--epochs 3' in o['the whole']['tags']['netc.command']"
asks "server" runs.json "all(0 < o[r]['seconds'] < 60 for r in o if r != 'far')"
asks "server" runs.json "o['the whole']['artifacts'] == ['history.csv', 'model.safetensors', \
    'preparation.json', 'report.html', 'run.json']"
check "the artifact is the file" cmp "the whole/model.safetensors" \
    "$(find files -path "*$(sed 's/.*"run": "\([^"]*\).*/\1/' "the whole/mlflow.sent")*" \
        -name model.safetensors)"

# one that takes a call and says nothing: training does not wait, the end does for a while
stop
"$python" -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(100)' "$port" &
server=$!
until_is sh -c "curl -m 1 -s $url; [ \$? = 28 ]"
began=$SECONDS
exits "a server that says nothing" 0 "send the rest later" ./digits --epochs 3 --out silent \
    --mlflow "$url" --quiet
holds "a server that says nothing: seconds" $((SECONDS - began)) "<" 40
check "is not waited for by steps" [ "$(sed 1d silent/history.csv | cut -d, -f2-4)" = \
    "$(./digits --epochs 3 --out again --quiet && sed 1d again/history.csv | cut -d, -f2-4)" ]
stop
server=

# what is no MLflow's, and what cannot be
"$python" -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 &
server=$!
until_is curl -s "$url" -o server.html
exits "another server" 1 "the server answers 404: <!DOCTYPE HTML>$" \
    ./digits report again --mlflow "$url/"
stop
server=
exits "an address of another kind" 1 "begins with http://" \
    ./digits --out refused --mlflow ftp://127.0.0.1
exits "without curl" 1 "the program curl is missing" \
    env PATH=. ./digits --out refused --mlflow "$url"
check "leaves no folder" [ ! -e refused ]
exits "a report for a folder" 2 "report sends runs to a server" ./digits report away --mlflow ml
finish
