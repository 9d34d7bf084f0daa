#!/usr/bin/env bash
# get_data.sh -- models/get-data.sh against a server of its own, on made-up files of the same names.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

if ! command -v python3 >/dev/null || ! command -v curl >/dev/null; then
    skip "downloads: they are tested with python3 and curl"
    finish
    exit
fi

get=$root/models/get-data.sh
cd "$scratch" || exit 1
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT

# serve [CUT]: starts the server anew and sets MIRROR to it
serve() {
    [ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
    rm -f port www/requests
    python3 "$root/tests/cli/range_server.py" www port "$@" &
    server=$!
    for _ in $(seq 100); do
        [ ! -e port ] || break
        sleep 0.1
    done
    MIRROR=http://127.0.0.1:$(cat port)
    export MIRROR
}

# ---- the files -----------------------------------------------------------------------------------

mkdir -p www cifar-10-batches-bin cifar-100-binary aclImdb/{train,test}/{pos,neg} \
    aclImdb/train/unsup
for file in {train,t10k}-{images-idx3,labels-idx1}-ubyte; do
    seq 40000 | sed "s/^/$file /" | gzip -n >"www/$file.gz"
done
for file in data_batch_{1,2,3,4,5}.bin test_batch.bin batches.meta.txt; do
    echo "$file" >"cifar-10-batches-bin/$file"
done
for file in train.bin test.bin fine_label_names.txt coarse_label_names.txt; do
    echo "$file" >"cifar-100-binary/$file"
done
for part in train test; do
    printf 'Good' >aclImdb/$part/pos/0_9.txt
    printf 'So-so, "they" say' >aclImdb/$part/neg/0_3.txt
    printf 'Ten <br />' >aclImdb/$part/pos/10_8.txt
    printf 'Two, bad' >aclImdb/$part/neg/2_1.txt
done
echo "no label" >aclImdb/train/unsup/0_0.txt
tar -czf www/cifar-10-binary.tar.gz cifar-10-batches-bin
tar -czf www/cifar-100-binary.tar.gz cifar-100-binary
tar -czf www/aclImdb_v1.tar.gz aclImdb
printf '1,2\r\n3,4' >www/housing.csv
printf '5,6\n' >www/pima-indians-diabetes.csv
printf 'CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV\n1,2\n3,4\n' >boston.csv
printf '%s\n5,6\n' Pregnancies,Glucose,BloodPressure,SkinThickness,Insulin,BMI,\
DiabetesPedigreeFunction,Age,Outcome >pima.csv
printf 'label,text\n1,Good\n0,"So-so, ""they"" say"\n0,"Two, bad"\n1,Ten <br />\n' >reviews.csv
{ (cd www && sha256sum ./*.gz); sha256sum <boston.csv | sed 's/-$/housing.csv/'
  sha256sum <pima.csv | sed 's/-$/diabetes.csv/'; } | sed 's| \./| |' >sums
export SUMS=$scratch/sums RETRIES=2

# ---- all of it -----------------------------------------------------------------------------------

serve
check "every set" "$get" --to all mnist cifar10 cifar100 imdb boston pima
for file in www/*ubyte.gz; do check "$file" cmp "$file" "all/mnist/${file#www/}"; done
check "cifar10" diff -r cifar-10-batches-bin all/cifar-10-batches-bin
check "cifar100" diff -r cifar-100-binary all/cifar-100-binary
for part in train test; do
    gzip -dc all/imdb/$part.csv.gz >got.csv
    check "imdb, $part" diff reviews.csv got.csv
done
check "boston" diff boston.csv all/boston/housing.csv
check "pima" diff pima.csv all/pima/diabetes.csv
if [ -e all/.download ]; then fail "what was downloaded stays behind"; else pass; fi
before=$(wc -l <www/requests)
check "all there" "$get" --to all mnist cifar10 cifar100 imdb boston pima
if [ "$(wc -l <www/requests)" = "$before" ]; then pass; else fail "fetched what was there"; fi

# ---- cut off -------------------------------------------------------------------------------------

serve 30000
exits "cut off" 1 "Without a network" env RETRIES=1 "$get" --to cut mnist
if found=$(ls cut/mnist) && [ -z "$found" ]; then pass; else fail "half a file under its name"; fi
check "part of it stays" test -s cut/.download/train-images-idx3-ubyte.gz.part
check "taken up again" env RETRIES=9 "$get" --to cut mnist
check "what came in parts" diff -r all/mnist cut/mnist
check "asked for the rest only" grep -q "train-images.*bytes=30000-" www/requests

# ---- faults --------------------------------------------------------------------------------------

serve
sed 's/^....\(.*train-labels\)/0000\1/; s/^....\(.*cifar-10-\)/0000\1/; s/^....\(.*hous\)/0000\1/' \
    sums >wrong_sums
exits "wrong file" 1 "wrong checksum" env SUMS=wrong_sums "$get" --to wrong mnist
if [ -e wrong/mnist/train-labels-idx1-ubyte.gz ]; then fail "a wrong file is kept"; else pass; fi
exits "wrong archive" 1 "wrong checksum" env SUMS=wrong_sums "$get" --to wrong cifar10
exits "wrong table" 1 "wrong checksum" env SUMS=wrong_sums "$get" --to wrong boston
if [ -e wrong/boston/housing.csv ]; then fail "a wrong table is kept"; else pass; fi
check "right the next time" "$get" --to wrong mnist cifar10 boston
rm www/train-labels-idx1-ubyte.gz
exits "no such file there" 1 "cannot fetch" env RETRIES=1 "$get" --to absent mnist
kill "$server" && wait "$server" 2>/dev/null
server=
exits "no server" 1 "Without a network" env RETRIES=1 "$get" --to down mnist
exits "no server: where to put files" 1 "down/pima/diabetes.csv (header Preg" \
    env RETRIES=1 "$get" --to down pima
mkdir -p down/.download
cp www/pima-indians-diabetes.csv down/.download
check "a file brought by hand" "$get" --to down pima
exits "no such set" 2 "there are" "$get" --to down svhn
exits "nothing asked" 2 "usage" "$get"

finish
