# packages.sh NAME -- the packages of TensorBoard, MLflow and ONNX, by requirements.txt in
# build/trackers, once; sourced behind shell.sh. $python is theirs; where they cannot be had the
# script ends, and says that NAME was skipped.

here=$root/tests/trackers venv=$(realpath -m "${BUILD:-$root/build}")/trackers
python=$venv/bin/python

# A venv with the packages by the file as it is now, or nothing. Of two scripts one waits.
install() {
    mkdir -p "$(dirname "$venv")"
    exec 8>"$venv.lock"
    flock 8
    cmp -s "$here/requirements.txt" "$venv/installed" && return
    command -v python3 >/dev/null && rm -rf "$venv" && python3 -m venv "$venv" &&
        timeout 600 "$venv/bin/pip" install -q -r "$here/requirements.txt" &&
        cp "$here/requirements.txt" "$venv/installed"
} >"$scratch/install.log" 2>&1

if ! install; then
    skip "$1: its packages cannot be installed"
    tail -n 3 "$scratch/install.log"
    finish
    exit
fi
exec 8>&-

# asks NAME FILE EXPRESSION: Python's, of what was read, `o`
asks() {
    check "$1: $3" "$python" -c 'import json, sys
o = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), o' "$2" "$3"
}

# column RUN NAME: of its history.csv, as a list
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { printf "%s%s", (NR > 2 ? "," : "["), $c } END { print "]" }' "$1/history.csv"
}
near="lambda a, b: all(abs(x[1] - y) <= 1e-6 * abs(y) for x, y in zip(a, b, strict=True))"

# store DIR|URL FILE: the runs that MLflow finds there
store() { "$python" "$here/store.py" "$1" >"$2" 2>store.log || cat store.log; }
