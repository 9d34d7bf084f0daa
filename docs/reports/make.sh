#!/usr/bin/env bash
# make.sh [PART ...] -- the figures and tables of five published reports, by netc alone. A part is a
# page beside this file, with the commands that made it: they are run in BUILD/reports.
#
#     NETC_DATA=DIR docs/reports/make.sh pima imdb        # all but resnet without a name
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath "${BUILD:-$root/build}")
: "${NETC_DATA:?the folder of the data sets}"
PATH=$build:$PATH

# ---- a page: its text, the commands, what they print and draw ------------------------------------

say() { printf '%s\n' "" "$@" >>"$page"; }

# Commands, which are shown as they stand and run.
run() {
    say '```' "$1" '```'
    bash -euo pipefail -c "$1" >log 2>&1 || { tail -n 5 log >&2; exit 1; }
}

# The same, with what they print.
output() {
    bash -euo pipefail -c "$1" >log 2>&1 || { tail -n 5 log >&2; exit 1; }
    say '```' "\$ $1" "$(cat log)" '```'
}

table() { say "$(cat "$1")"; }

# figure NAME FILE: an SVG that a command wrote
figure() {
    cp "$2" "$here/$part-$1.svg"
    say "![$1]($part-$1.svg)"
}

# ---- the parts ----------------------------------------------------------------------------------

cnet() {
    echo "# CNET" >"$page"
    say "Three sigmoid layers on MNIST, mean squared error, plain gradient descent; the report" \
        "has 0.9403 after 200 epochs of single rows."
    run 'netc models/cnet_mnist.net -o cnet
./cnet --data data/mnist --epochs 40 --out cnet.run
./cnet report cnet.run --svg cnet.figures'
    output './cnet eval --weights cnet.run --digits 6'
    figure loss cnet.figures/validation_loss.svg
    figure accuracy cnet.figures/validation_accuracy.svg
}

mnist() {
    echo "# MNIST" >"$page"
    say "Dense and convolutional networks, and both on pictures whose pixels are permuted: 0.95," \
        "0.98, 0.94 and 0.95 in the report; here after two epochs."
    run 'for model in dense conv dense_permuted conv_permuted; do
    netc models/mnist_$model.net -o $model
    ./$model --data data/mnist --epochs 2 --out mnist/$model
done
./conv report mnist/* --md mnist.md --svg mnist.figures'
    table mnist.md
    figure accuracy mnist.figures/validation_accuracy.svg
}

denoise() {
    echo "# Noise taken away" >"$page"
    say "An autoencoder on MNIST's digits with normal noise of 0.5: pictures of the test part as" \
        "they were given, restored and wanted, the first ones and the worst."
    run 'netc models/mnist_denoise.net -o denoise
./denoise --data data/mnist --epochs 5 --out denoise.run
./denoise report denoise.run --svg denoise.figures --md denoise.md'
    table denoise.md
    figure pictures denoise.figures/pictures.svg
}

boston() {
    echo "# Boston" >"$page"
    say "One linear unit with L2: what it predicts beside what is true."
    run 'netc models/boston.net -o boston
./boston --data data/boston --out boston.run
./boston report boston.run --svg boston.figures'
    output './boston eval --weights boston.run'
    for picture in predicted residuals validation_loss; do
        figure $picture boston.figures/$picture.svg
    done
}

imdb() {
    echo "# IMDB" >"$page"
    say "Film reviews as word counts, kept from overfitting by L2, by dropout too, and by batch" \
        "normalization: 0.87, 0.85 and 0.82 in the report."
    run 'for model in l2 dropout batchnorm; do
    netc models/imdb_bow_$model.net -o bow_$model
    ./bow_$model --data data/imdb --out imdb/$model
done
./bow_l2 report imdb/* --md imdb.md --svg imdb.figures'
    table imdb.md
    figure train-loss imdb.figures/train_loss.svg
    figure validation-loss imdb.figures/validation_loss.svg
    figure validation-accuracy imdb.figures/validation_accuracy.svg
}

pima() {
    echo "# Pima" >"$page"
    say "Ten folds, with noughts as they stand and with the mean in place of those that stand for" \
        "what was not measured."
    run 'for model in pima pima_imputed; do
    netc models/$model.net -o $model
    ./$model kfold --data data/pima --out folds/$model
done
./pima report folds/* --md pima.md --svg pima.figures'
    table pima.md
    figure validation-loss pima.figures/validation_loss.svg
    figure validation-accuracy pima.figures/validation_accuracy.svg
}

panels() {
    echo "# Learning rate and momentum" >"$page"
    say "Learning rate and momentum on CIFAR-10's small network, at three batch sizes."
    run 'netc docs/reports/study.net --batch 256 -o study
for batch in 16 64 256; do
    ./study sweep lr=0.001,0.003,0.01,0.03,0.1 momentum=0.6,0.7,0.8,0.9 --data data/cifar10 \
        --batch $batch --epochs 2 --threads 1 --out panels/$batch
    ./study report panels/$batch --md panels-$batch.md --svg panels-$batch
done'
    for batch in 16 64 256; do
        say "Batches of $batch:"
        table "panels-$batch.md"
        figure "$batch-lr" "panels-$batch/validation_accuracy_by_lr.svg"
        figure "$batch-momentum" "panels-$batch/validation_accuracy_by_momentum.svg"
    done
}

cifar10() {
    echo "# Activations, optimizers, schedules" >"$page"
    say "Activations, optimizers and schedules on the same network."
    run 'for activation in relu leaky_relu relu6 elu tanh silu sigmoid; do
    netc docs/reports/study.net --define activation=$activation -o study
    ./study --data data/cifar10 --out activations/$activation
done
netc docs/reports/study.net -o study
./study sweep --data data/cifar10 --out optimizers --points "optimizer=sgd lr=0.01 momentum=0.9;
    optimizer=adam lr=0.001; optimizer=adagrad lr=0.01; optimizer=rmsprop lr=0.001;
    optimizer=adadelta lr=1"
for schedule in "exponential(gamma=0.8)" "step(2, 0.5)" "multistep([2, 4], 0.3)"; do
    netc docs/reports/study.net --define "rate=$schedule" -o study
    ./study --data data/cifar10 --out "schedules/${schedule%%(*}"
done
for of in activations optimizers schedules; do
    ./study report $of --md $of.md --svg $of
done'
    for of in activations optimizers schedules; do
        say "## ${of^}"
        table "$of.md"
        figure "$of" "$of/validation_accuracy.svg"
    done
}

resnet() {
    echo "# ResNet-18" >"$page"
    say "ResNet-18 on CIFAR-10's pictures, moved, flipped and erased in part: 0.83 in the report" \
        "after 25 epochs. Here the rate falls faster, for 8 epochs."
    run 'netc models/cifar10_resnet18.net -o resnet18
./resnet18 --data data/cifar10 --epochs 8 --gamma 0.6 --out resnet.run
./resnet18 report resnet.run --svg resnet.figures --md resnet.md'
    table resnet.md
    for picture in validation_accuracy confusion_matrix pictures; do
        figure $picture resnet.figures/$picture.svg
    done
}

titles() {
    echo "# Product titles" >"$page"
    say "Product titles, on the sample of 1,260 rows in 787 categories that can be had."
    run 'netc models/meli_cnn.net --define categories=787 -o meli
cp data/meli2019/* models/stopwords_es.txt .
./meli --data . --out meli.run
./meli report meli.run --svg meli.figures'
    output './meli eval --weights meli.run | tail -n 5'
    figure loss meli.figures/validation_loss.svg
}

# -------------------------------------------------------------------------------------------------

parts=("$@")
[ $# -gt 0 ] || parts=(cnet mnist denoise boston imdb pima panels cifar10 titles)
for part in "${parts[@]}"; do
    declare -F "$part" >/dev/null || { echo "make.sh: there is no part $part" >&2; exit 2; }
    work=$build/reports/$part page=$here/$part.md
    rm -rf "$work"
    mkdir -p "$work/data"
    cd "$work"
    ln -s "$root/models" "$root/docs" .
    for set in mnist imdb pima boston meli2019; do ln -s "$NETC_DATA/$set" data; done
    ln -s "$NETC_DATA/cifar-10-batches-bin" data/cifar10
    rm -f "$here/$part"-*.svg
    "$part"
    echo "$part: docs/reports/$part.md"
done
