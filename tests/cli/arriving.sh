#!/usr/bin/env bash
# arriving.sh -- predict as a part of other tools: a line that is written to it has its answer
# before the next, whatever kind of rows; a pipe of many gives what the file gives, in memory that
# does not grow with it; faults name the line of the whole pipe.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

awk 'BEGIN {
    print "title,x,kind"
    for (i = 0; i < 300; i++)
        printf "\"%s, and\n\"\"%s\"\"\",%d,\"%s\"\n", i % 3 ? "red one" : "green",
            i % 2 ? "two" : "six", i % 7, i % 3 ? "up" : "down, low"
}' >rows.csv
cat >rows.net <<'END_OF_MODEL'
data {
    train = csv("rows.csv")
    input  title = column("title") -> tokens(vocabulary=20, length=6)
    input  x[1]  = column("x") -> standardize
    target kind  = column("kind") -> classes(2)
}
network net(title, x) {
    concat(title -> embedding(4) -> mean, x) -> dense(2)
}
train {
    loss      = cross_entropy(net(title, x), kind)
    optimizer = adam(lr=0.01)
    batch     = 32
    epochs    = 1
}
END_OF_MODEL
sed -e '/input  x/d' -e 's/, x)/)/' -e 's/concat(\(.*\)) ->/\1 ->/' rows.net >texts.net
for model in rows texts; do
    build $model $model.net
    check "train $model" ./$model --out $model.run --quiet
done

# asks NAME FIRST LINE...: writes each line and waits for the answer
asks() {
    local name=$1 line answer
    shift
    if [ -n "$header" ]; then echo "$header" >&"${tool[1]}"; fi
    for line; do
        printf '%s\n' "$line" >&"${tool[1]}"
        if read -r -t 20 answer <&"${tool[0]}"; then
            echo "$answer" >>"$name.answers"
        else
            fail "$name: no answer to $line"
            return
        fi
    done
    pass
}

# answers NAME FORMAT PROGRAM HEADER LINE...: the same as of a file of these lines
answers() {
    local name=$1 format=$2 program=$3 header=$4 own
    shift 4
    printf '%s\n' ${header:+"$header"} "$@" >"$name"
    check "$name as a file" ./"$program" predict --weights $program.run --format "$format" "$name" \
        -o "$name.wanted"
    coproc tool {
        exec ./"$program" predict --weights $program.run --format "$format" - 2>tool.log
    }
    # shellcheck disable=SC2154 # coproc sets it
    own=$tool_PID
    : >"$name.answers"
    if [ "$format" = csv ]; then
        echo "$header" >&"${tool[1]}"
        header=
        printf '%s\n' "$1" >&"${tool[1]}"
        read -r -t 20 line <&"${tool[0]}" && echo "$line" >>"$name.answers"
        read -r -t 20 line <&"${tool[0]}" && echo "$line" >>"$name.answers"
        shift
    fi
    asks "$name" "$@"
    exec {tool[1]}>&-
    wait "$own"
    check "$name: the same answers" cmp "$name.wanted" "$name.answers"
}

answers table.csv text rows title,x 'red one,3' '"a ""quoted"" word,
on two lines",4' 'say "hi",5' 'green,6'
answers header.csv csv rows x,title '3,red one' '4,green'
answers objects.jsonl json rows '' '{"title": "red one", "x": 3}' '{"x": 4, "title": "green\ntwo"}'
answers lines.txt text texts '' 'red one' '' 'green two'
printf '%s\n' '"title",kind' 'red one,up' | exits "a table for texts" 0 \
    "each line is taken for a text, the first too, .* with the column title: a table wants a name" \
    ./texts predict --weights texts.run -
check "which are two lines" [ "$(wc -l <check.out)" = 2 ]

# a pipe of many rows
awk 'BEGIN { print "x,title"; for (i = 0; i < 60000; i++)
    printf "%d,\"%s\n%d\"\n%s", i % 11, i % 3 ? "red" : "green \"\"one\"\"", i % 5,
        i % 1000 ? "" : "\n" }' >many.csv
check "many rows" ./rows predict --weights rows.run many.csv -o many.wanted
# shellcheck disable=SC2002 # a pipe is what is tested
cat many.csv | ./rows predict --weights rows.run - >many.piped
check "many rows of a pipe" cmp many.wanted many.piped
check "a pipe without a last line break" bash -c \
    'head -c -1 many.csv | ./rows predict --weights rows.run - -o many.piped'
check "without a last line break" cmp many.wanted many.piped
gzip -c many.csv | ./rows predict --weights rows.run - >many.piped
check "packed rows of a pipe" cmp many.wanted many.piped
awk 'BEGIN { print "kind,x,title"; for (i = 0; i < 60000; i++) print "up," i % 11 ",red" }' \
    >true.csv
check "truths" ./rows predict --weights rows.run --with-truth true.csv -o many.wanted
# shellcheck disable=SC2002
cat true.csv | ./rows predict --weights rows.run --with-truth - >many.piped
check "truths of a pipe, with their numbers" cmp many.wanted many.piped
check "an array of a pipe" \
    sh -c 'cat many.csv | ./rows predict --weights rows.run --format npy - -o many.npy'

# endless FILE: the most memory that its rows, given a hundred times, take
peak() {
    { head -n 1 true.csv; for _ in $(seq "$1"); do tail -n +2 true.csv; done; } |
        ./rows predict --weights rows.run - >many.piped &
    local own=$! most=0 now
    while now=$(sed -n 's/^VmHWM: *\([0-9]*\) kB/\1/p' /proc/$own/status 2>/dev/null) &&
        [ -n "$now" ]; do
        most=$now
        sleep 0.02
    done
    wait $own
    echo "$most"
}
holds "memory in kB for 1,200,000 rows, over that for 60,000" \
    $(($(peak 20) - $(peak 1))) "<" 1000

# faults
answered() { for ((i = 0; i < 200; i++)); do [ -s check.out ] && break || sleep 0.05; done; }
# both lines at once; bash would write one after the other
bad() { { printf '%s\n' title,x 'red one,1'; answered; cat <<<$'two,2\nthree,many'; } |
    ./rows predict --weights rows.run -; }
exits "a row that is wrong" 1 'line 4 (row 2), column x: expected a number' bad
check "rows before it are answered" [ "$(wc -l <check.out)" = 1 ]
cells() { { printf '%s\n' title,x 'red one,1'; sleep 0.3; printf '\n%s\n' 'two,2,3'; } |
    ./rows predict --weights rows.run -; }
exits "a row of other cells" 1 'line 4 (row 1): expected 2 cells' cells
objects() { { echo '{"title": "a", "x": 1}'; sleep 0.3; echo '{"title": "a"}'; } |
    ./rows predict --weights rows.run -; }
exits "an object that is wrong" 1 'line 2 (row 1): expected a member' objects
exits "nothing" 1 "found an empty file" sh -c './rows predict --weights rows.run - </dev/null'
exits "a header alone" 1 "expected rows, found none" \
    sh -c 'echo title,x | ./rows predict --weights rows.run -'
finish
