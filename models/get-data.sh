#!/usr/bin/env bash
# get-data.sh -- fetches public data sets for the models here: get-data.sh [--to DIR] SET...
#
# A set is mnist, cifar10, cifar100, imdb, boston or pima, and gets a folder of its own in DIR
# (default: data). Nothing stands under its final name before its checksum was right: a download
# grows in DIR/.download, where a stopped one is taken up again. To fetch from elsewhere, set
# MIRROR to an address that holds all the files; SUMS names the list of checksums.
set -euo pipefail

sets="mnist cifar10 cifar100 imdb boston pima"
sums=${SUMS:-$(dirname "$0")/data.sha256}
retries=${RETRIES:-5}
to=data
[ "${1:-}" != --to ] || { to=${2:?--to wants a folder}; shift 2; }
[ $# -gt 0 ] || { echo "usage: get-data.sh [--to DIR] SET...   sets: $sets" >&2; exit 2; }
for set in "$@"; do
    case " $sets " in *" $set "*) ;; *) echo "no set \`$set\`; there are $sets" >&2; exit 2 ;; esac
done

fail() { echo "get-data.sh: $*" >&2; exit 1; }

# right FILE NAME: FILE has the checksum listed for NAME.
right() {
    local want got
    want=$(awk -v name="$2" '$2 == name { print $1 }' "$sums")
    [ -n "$want" ] || fail "$sums has no checksum for $2"
    got=$(sha256sum "$1")
    [ "${got%% *}" = "$want" ]
}

# transfer FROM PART: one try, which goes on where PART ends; 0 when it is whole.
transfer() {
    local status=0 code=
    if command -v curl >/dev/null; then
        code=$(curl -fL --no-progress-meter --connect-timeout 20 --speed-limit 1 --speed-time 60 \
            -w '%{http_code}' -C - -o "$2" "$1") || status=$?
        # a server that sends no parts of files, or has nothing behind what is here: from the start
        if [ $status = 33 ] || [ "$code" = 416 ]; then rm -f "$2"; fi
    elif command -v wget >/dev/null; then
        wget -nv -c -t 1 -T 60 -O "$2" "$1" || status=$?
    else
        fail "neither curl nor wget is installed"
    fi
    [ $status = 0 ]
}

# fetch NAME FROM FILES: leaves NAME in $download. FILES are what a person could put there instead.
fetch() {
    local name=$1 from=${MIRROR:+$MIRROR/$1} part=$download/$1.part try
    from=${from:-$2}
    [ ! -e "$download/$name" ] || return 0
    echo "fetching $from"
    for ((try = 1; ; try++)); do
        ! transfer "$from" "$part" || break
        if [ "$try" -ge "$retries" ]; then
            echo "get-data.sh: cannot fetch $from now; run this again to go on where it" \
                "stopped." >&2
            echo "Without a network: put $name into $download and run this again," >&2
            echo "or bring what it becomes: $3" >&2
            exit 1
        fi
        sleep $((try < 4 ? try : 4))
    done
    mv "$part" "$download/$name"
}

# checked NAME: what was fetched is what its makers published; else it is thrown away.
checked() {
    right "$download/$1" "$1" && return
    rm -f "$download/$1"
    fail "$1: wrong checksum, thrown away. Run this again; if it stays so, the source has" \
        "changed or is spoilt: set MIRROR to another"
}

# unpacked ARCHIVE: its files, in $download/unpacked
unpacked() {
    checked "$1"
    rm -rf "$download/unpacked"
    mkdir "$download/unpacked"
    tar -xzf "$download/$1" -C "$download/unpacked" --exclude=unsup || fail "$1 cannot be unpacked"
}

# complete FOLDER FILE...: all of them are there already.
complete() {
    local folder=$1 file
    shift
    for file in "$@"; do [ -e "$folder/$file" ] || return 1; done
    echo "$folder is complete"
}

get_mnist() {
    local folder=$to/mnist file
    local files="train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
                 t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz"
    # shellcheck disable=SC2086
    complete "$folder" $files && return
    mkdir -p "$folder"
    for file in $files; do
        [ ! -e "$folder/$file" ] || continue
        fetch "$file" "https://storage.googleapis.com/cvdf-datasets/mnist/$file" "$folder/$file"
        checked "$file"
        mv "$download/$file" "$folder/$file"
    done
}

# cifar FOLDER ARCHIVE FILE...: an archive that holds FOLDER with these files
cifar() {
    local folder=$1 archive=$2 file
    shift 2
    complete "$to/$folder" "$@" && return
    fetch "$archive" "https://www.cs.toronto.edu/~kriz/$archive" \
        "$(printf "$to/$folder/%s " "$@")"
    unpacked "$archive"
    mkdir -p "$to/$folder"
    for file in "$@"; do
        mv "$download/unpacked/$folder/$file" "$to/$folder/$file" || fail "$archive has no $file"
    done
    rm -rf "$download/unpacked" "$download/$archive"
}

get_cifar10() {
    cifar cifar-10-batches-bin cifar-10-binary.tar.gz \
        data_batch_{1,2,3,4,5}.bin test_batch.bin batches.meta.txt
}

get_cifar100() {
    cifar cifar-100-binary cifar-100-binary.tar.gz \
        train.bin test.bin fine_label_names.txt coarse_label_names.txt
}

# reviews PART: one CSV of its files, a review a file; by number, the positive one first
reviews() {
    echo label,text
    cd "$download/unpacked/aclImdb/$1" &&
        find pos neg -name '*.txt' | awk -F'[/_]' '{ print $2, $1 == "neg", $0 }' |
        sort -k1,1n -k2,2n | cut -d' ' -f3 |
        LC_ALL=C xargs awk '{
            if (/[",]/) { gsub(/"/, "\"\""); $0 = "\"" $0 "\"" }
            print (FILENAME ~ /^pos/) "," $0
        }'
}

get_imdb() {
    local folder=$to/imdb archive=aclImdb_v1.tar.gz part
    complete "$folder" train.csv.gz test.csv.gz && return
    fetch $archive "https://ai.stanford.edu/~amaas/data/sentiment/$archive" \
        "$folder/train.csv.gz and $folder/test.csv.gz (header label,text)"
    echo "unpacking 50,000 reviews"
    unpacked $archive
    mkdir -p "$folder"
    for part in train test; do
        (reviews $part) | gzip -n >"$download/$part.csv.gz" || fail "$archive: no reviews in $part"
        mv "$download/$part.csv.gz" "$folder/$part.csv.gz"
    done
    rm -rf "$download/unpacked" "$download/$archive"
}

# table FOLDER FILE SOURCE HEADER: a CSV whose source has no header line
table() {
    local folder=$to/$1 file=$2 source=$3
    complete "$folder" "$file" && return
    fetch "$source" "https://raw.githubusercontent.com/jbrownlee/Datasets/master/$source" \
        "$folder/$file (header $4)"
    mkdir -p "$folder"
    { echo "$4"; tr -d '\r' <"$download/$source" | awk 'NF'; } >"$download/$file.checked"
    rm "$download/$source"
    mv "$download/$file.checked" "$download/$file"
    checked "$file"
    mv "$download/$file" "$folder/$file"
}

get_boston() {
    table boston housing.csv housing.csv \
        CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV
}

get_pima() {
    table pima diabetes.csv pima-indians-diabetes.csv \
        "Pregnancies,Glucose,BloodPressure,SkinThickness,Insulin,BMI,DiabetesPedigreeFunction,$(
        )Age,Outcome"
}

download=$to/.download
mkdir -p "$download" || fail "cannot make $download"
for set in "$@"; do
    "get_$set"
done
rmdir "$download" 2>/dev/null || true
