#!/usr/bin/env bash
# threads.sh -- whole models as they stand in models/, dropout and augmentation on: a few steps on
# one thread and on more leave the same losses and the same weights, to the bit. The data are made
# up here, in the formats that the models read.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# images ROWS SEED: records of CIFAR-10, a class and 3072 bytes, whose brightness goes by the class
images() {
    LC_ALL=C awk -v rows="$1" -v seed="$2" 'BEGIN {
        for (row = 0; row < rows; row++) {
            printf "%c", row % 10
            for (i = 0; i < 3072; i++) {
                seed = (seed * 1103515245 + 12345) % 2147483648
                printf "%c", (int(seed / 65536) % 128) + row % 10 * 12
            }
        }
    }'
}

# reviews ROWS SEED: texts of 20 to 119 of 800 words, and a label
reviews() {
    awk -v rows="$1" -v seed="$2" 'BEGIN {
        print "text,label"
        for (row = 0; row < rows; row++) {
            line = ""
            for (k = 0; k < 20 + row * 37 % 100; k++) {
                seed = (seed * 1103515245 + 12345) % 2147483648
                word = int(seed / 65536) % 400 + (k % 3 ? 0 : 400 * (row % 2))
                line = line (k ? " " : "") "word" substr("abcdefghij", word % 10 + 1, 1) \
                    substr("klmnopqrst", int(word / 10) % 10 + 1, 1) \
                    substr("abcdefgh", int(word / 100) + 1, 1)
            }
            print line "," row % 2
        }
    }' | gzip
}

images 200 1 >data_batch_1.bin
images 20 2 >test_batch.bin
reviews 240 3 >train.csv.gz
reviews 20 4 >test.csv.gz

# alike MODEL THREADS OPTIONS...: 1 thread, and each of THREADS, leave the same
alike() {
    local model=$1 counts=$2 threads
    shift 2
    check "netc $model.net" "$netc" "$root/models/$model.net" -o "$model"
    for threads in 1 $counts; do
        check "$model, $threads threads" ./"$model" --data . --threads "$threads" --quiet "$@" \
            --out "$model.$threads" --log-steps "$model.$threads/steps.csv"
    done
    check "$model: all steps" [ "$(wc -l <"$model.1/steps.csv")" = 6 ]
    for threads in $counts; do
        check "$model: steps on 1 and $threads threads" \
            cmp "$model.1/steps.csv" "$model.$threads/steps.csv"
        check "$model: weights on 1 and $threads threads" \
            cmp "$model.1/model.safetensors" "$model.$threads/model.safetensors"
    done
}

alike cifar10_lenet5 "2 3" --max-steps 5
alike cifar10_resnet18 2 --batch 16 --max-steps 5
alike imdb_embedding_conv "2 3" --max-steps 5
finish
