#!/usr/bin/env bash
# stored.sh -- the first losses of every case of cases.txt against PyTorch's in float64, which are
# stored in losses.csv: where there is no PyTorch. Both begin with the weights of seed 1. They may
# be ten times as far from them as PyTorch's in float32 are, which is stored too. ONLY=NAME tries
# one case. `stored.sh quick` leaves out the largest models, those of which few steps are taken, and
# of the cases of one layer tries each third, since the suites hold all to the reference in double.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
torch=$root/tests/pytorch

mkdir "$scratch/data"
cp "$torch"/*.{npy,csv,vec,txt} "$torch"/*{.csv,.vec,-ubyte}.gz "$scratch/data"
for file in "$torch"/*.bin.gz; do gzip -dc "$file" >"$scratch/data/$(basename "$file" .gz)"; done

# differences NAME: a line, the largest relative difference between steps.csv and losses.csv, and
# how many times PyTorch's own it is, of which both are at least 2^-24
differences() {
    awk -F, -v name="$1" '
        NR == FNR { if ($1 == name) { own = $2; for (i = 3; i <= NF; i++) want[++count] = $i }
                    next }
        FNR > 1   { d = ($2 - want[FNR - 1]) / want[FNR - 1]
                    if (d < 0) d = -d
                    if (!(d <= worst)) worst = d
                    rows++ }
        END       { unit = 2 ^ -24; worst += 0
                    if (count == 0 || rows != count) print "wrong-number-of-steps"
                    else print worst, (worst > unit ? worst : unit) / (own > unit ? own : unit) }
    ' "$torch/losses.csv" "$scratch/steps.csv"
}

# has_kernels CONV: Winograd's are in the generated C where the case wants them, and not where not.
has_kernels() {
    case $1 in
        winograd) grep -q ' conv2d_winograd_' "$scratch/trainer.c" ;;
        direct) ! grep -q ' conv2d_winograd_' "$scratch/trainer.c" ;;
    esac || { echo "conv=$1, but the generated C is not so" >"$scratch/log"; return 1; }
}

# rows FILE PATTERN: the first word of the lines that match, in order
rows() { sed -nE "s/$2/\1/p" "$torch/$1" | sort; }

# The files name the same cases, and numerics.md the numbers that differences.md comes to.
rows cases.txt '^([a-z0-9_]+) .*' >"$scratch/cases"
rows losses.csv '^([a-z0-9_]+),.*' >"$scratch/stored"
rows differences.md '^\| ([a-z0-9_]+) \| [0-9].*' >"$scratch/recorded"
check "losses.csv has the cases of cases.txt: losses.py make" diff "$scratch"/{cases,stored}
check "differences.md has them: losses.py compare --record" diff "$scratch"/{cases,recorded}
awk -F'|' '/^\| [a-z0-9_]+ \| [0-9]/ { print $9 }' "$torch/differences.md" | sort -n |
    awk '{ at[NR] = $1 }
         END { printf "measured %.1f times in the median and %.1f at the worst",
                      (at[int((NR + 1) / 2)] + at[int(NR / 2) + 1]) / 2, at[NR] }' >"$scratch/says"
tr '\n' ' ' <"$root/docs/numerics.md" >"$scratch/numerics"
check "docs/numerics.md: $(cat "$scratch/says")" grep -qFf "$scratch/says" "$scratch/numerics"

worst=0 worst_name= layers=0
while read -r name file options; do
    case $name in \#* | "") continue ;; esac
    [ "${ONLY:-$name}" = "$name" ] || continue
    case ${1:-all}:$file:$options in
        quick:models/*--max-steps*) continue ;;
        quick:image:* | quick:sequence:* | quick:vector:* | quick:pair:*)
            [ $((++layers % 3)) = 0 ] || continue
            ;;
    esac
    defines=() flags=() edits=(-e '') conv=
    for option in $options; do
        case $option in
            conv=*)
                conv=${option#conv=}
                edits+=(-e "s/^train \{/&\n    conv = $conv/")
                ;;
            *=*) defines+=(--define "$option") ;;
            *) flags+=("$option") ;;
        esac
    done
    case $options in *--max-steps*) ;; *) flags+=(--max-steps 10) ;; esac
    path=$torch/$file.net tolerance=1e-4
    if [ "$file" != "${file#models/}" ]; then
        path=$root/$file.net tolerance=1e-5
        edits+=(-f "$torch/plain.sed")
    fi
    sed -E "${edits[@]}" "$path" >"$scratch/model.net"
    grep -q "^$name," "$torch/losses.csv" || continue
    if "$netc" "$scratch/model.net" -o "$scratch/trainer" --keep "${defines[@]}" \
        >"$scratch/log" 2>&1 && has_kernels "$conv" &&
        "$scratch/trainer" train --data "$scratch/data" --seed 1 --no-shuffle \
            "${flags[@]}" --log-steps "$scratch/steps.csv" --out "$scratch/run" --force --quiet \
            >"$scratch/log" 2>&1; then
        read -r difference times < <(differences "$name")
        if awk -v x="$difference" -v limit=$tolerance -v times="${times:-}" \
            'BEGIN { exit !(x ~ /^[0-9]/ && x <= limit && times ~ /^[0-9]/ && times <= 10) }'; then
            pass
        else
            fail "$name: the losses differ by $difference, $times times PyTorch's own error" \
                "$scratch/steps.csv"
        fi
        if awk -v x="${times:-0}" -v y="$worst" 'BEGIN { exit !(x > y) }'; then
            worst=$times worst_name=$name
        fi
    else
        fail "$name" "$scratch/log"
    fi
done <"$torch/cases.txt"

echo "most times PyTorch's own error: $worst ($worst_name)"
finish
