#!/usr/bin/env bash
# tables.sh -- tables, from a file to a prediction: texts, numbers and names of classes.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
models=$root/models

awk 'BEGIN {
    text[0] = "A red, \"\"ripe\"\" apple"; text[1] = "one green pear"; text[2] = "blue plums"
    kind[0] = "apple"; kind[1] = "pear"; kind[2] = "plum"
    print "id,text,length,kind"
    for (i = 0; i < 60; i++)
        printf "%d,\"%s %d\",%g,%s\n", i, text[i % 3], i, i % 3 + 0.25, kind[i % 3]
}' >fruit.csv
cat >fruit.net <<'EOF'
data {
    train = csv("fruit.csv")
    test  = holdout(0.2)

    input  text   = column("text") -> tokens(vocabulary=20, length=5, strip=[punctuation, digits])
    input  bag    = column("text") -> bag_of_words(vocabulary=12, min_count=2, strip=[])
    input  length = column("length") -> standardize
    target kind   = column("kind") -> classes(3)
}

network fruit(text, bag, length) {
    words = text -> embedding(4, padding_row=0) -> mean(skip_padding=true)
    concat(bag, words, length) -> dense(3)
}

train {
    loss      = cross_entropy(fruit(text, bag, length), kind)
    optimizer = adam(lr=0.05)
    batch     = 16
    epochs    = 30
    metrics   = [accuracy]
}
EOF
build fruit fruit.net
check "fruit trains" ./fruit train --out fruit_run --quiet
holds "fruit: accuracy" "$(final fruit_run test accuracy)" "==" 1
check "fruit: gradcheck" ./fruit gradcheck
mkdir semicolons && sed 's/,/;/g' fruit.csv >semicolons/fruit.csv
exits "another separator" 1 "separated by commas" \
    ./fruit train --data semicolons --out none --quiet

# the same cells parted otherwise are the same rows, of files and of a pipe; by | in single quotes
for by in ';' '|' tab; do
    sed "s/csv(\"fruit.csv\"/&, separator=\"$by\"/" fruit.net >parted.net
    sed "s/,/${by/tab/	}/g" fruit.csv >semicolons/fruit.csv
    if [ "$by" = '|' ]; then
        sed -i "s/separator=\"|\"/&, quote=\"'\"/" parted.net
        sed -i "s/\"\"/~/g; s/\"/'/g; s/~/\"/g" semicolons/fruit.csv
    fi
    build parted parted.net
    rm -rf parted_run
    check "cells parted by $by: trains" \
        ./parted train --data semicolons --out parted_run --quiet
    check "cells parted by $by: predictions of a pipe" \
        bash -c './fruit predict - --weights fruit_run <fruit.csv >rows_one &&
            ./parted predict - --weights parted_run <semicolons/fruit.csv >rows_two &&
            cmp rows_one rows_two'
done
printf 'a,b,y\n1.5,NA,2\n-2.25,3,3\n4,1e-1,?\n0.125,7,5.5\n' >points.csv
printf 'a;b;y\n1,5; -9,0 ;2\n-2,25;3;3\n"4";1e-1;none\n0,125;7;5,5\n' >marks.csv
cat >points.net <<'END'
data {
    train = csv("points.csv")
    input  x[2] = columns("a".."b") -> impute(missing, mean)
    target y    = column("y") -> impute(missing, median)
}
network n(x) { x -> dense(1) }
train {
    loss      = mse(n(x), y)
    optimizer = adam
}
END
sed 's/csv("points.csv"/csv("marks.csv", separator=";", decimal=",", missing=["-9", "none"]/' \
    points.net >marks.net
for name in points marks; do
    build $name $name.net
    check "$name.csv" ./$name train --out ${name}_run --quiet
    check "$name.csv: rows" bash -c "./$name predict $name.csv --weights ${name}_run >$name.rows"
done
check "decimal commas and words for what is missing" cmp points.rows marks.rows
exits "a run whose words for missing numbers are others" 1 "missing" \
    ./points eval --weights marks_run
sed -i 's/none/1.500,0/' marks.csv
exits "a point beside a decimal comma" 1 "line 4 (row 2): expected a number with a decimal comma" \
    ./marks --out none --quiet
exits "commas where semicolons are meant" 1 "separated by tabs, this file seems to be by commas" \
    ./parted train --out none --quiet
cp fruit.csv rows.csv
exits "predictions over the rows" 2 "would be lost" \
    ./fruit predict rows.csv --weights fruit_run -o ./rows.csv
check "the rows are whole" cmp fruit.csv rows.csv
ln fruit.csv hard.csv
exits "predictions over the data" 2 "a file of the model's data, which would be lost" \
    ./fruit predict rows.csv --weights fruit_run -o hard.csv
exits "steps over the data" 2 "which would be lost" \
    ./fruit train --out none --quiet --log-steps fruit.csv
exits "steps over a run's history" 2 "a file of a run, which would be lost" \
    ./fruit train --out none --quiet --log-steps fruit_run/history.csv
exits "initial weights over a run's" 2 "which would be lost" \
    ./fruit init -o fruit_run/model.safetensors
exits "predictions over the trainer" 2 "is this trainer, which would be lost" \
    ./fruit predict rows.csv --weights fruit_run -o ./fruit
exits "rates over the model" 2 "fruit.net is the model's file, which would be lost" \
    ./fruit find_lr -o fruit.net
exits "initial weights over the trainer" 2 "is this trainer, which would be lost" \
    ./fruit init -o fruit
check "the data are whole" cmp fruit.csv rows.csv
mkdir away && cp fruit.csv away
check "a run of data elsewhere" ./fruit train --data away --out away_run --quiet --max-steps 2
exits "steps over the data of a run that goes on" 2 "which would be lost" \
    ./fruit train --resume away_run --quiet --log-steps away/fruit.csv
exits "results to a stdout that is closed" 1 "cannot write" \
    bash -c './fruit eval --weights fruit_run >&-'
printf 'a,b,c,y\n1,2024-01-01,3,4\n1,2024-01-02,3,4\n' >dated.csv
cat >dated.net <<'END'
data {
    train = csv("dated.csv")
    input  x[3] = columns("a".."c")
    target y    = column("y")
}
network n(x) { x -> dense(1) }
train {
    loss      = mse(n(x), y)
    optimizer = adam
}
END
build dated dated.net
exits "a date in a range" 1 "a list of names, columns(\[..\]), leaves it out" \
    ./dated --out none --quiet
for flag in --weights --log-steps; do
    exits "$flag of a k-fold" 2 "$flag is a flag of train.*, not of kfold" \
        ./dated kfold 2 $flag none
done
check "config takes --json" bash -c './dated --help | grep -e "--json .*config"'
exits "no such file to predict" 1 "from the current folder" \
    ./fruit predict nowhere.csv --weights fruit_run

# a padding row has no gradient, though the loss of a model that does not skip it depends on it
sed -e 's/mean(skip_padding=true)/flatten/' fruit.net >padded.net
build padded padded.net
for seed in 1 2 3; do
    check "padded: gradcheck of seed $seed" ./padded gradcheck --threads 1 --seed $seed
done

# before a batchnorm only eps leaves weights a gradient: tiny, and huge where a weight is almost 0
awk 'BEGIN {
    print "x,y"
    for (i = 0; i < 70; i++) printf "%.4f,%d\n", sin(i * i), i % 3
}' >tiny.csv
cat >tiny.net <<'EOF'
data {
    train = csv("tiny.csv")
    input  x[1, 1, 1] = column("x")
    target y = column("y") -> classes(3)
}
network tiny(x) {
    x -> conv2d(4, 1) -> batchnorm -> maxpool2d(1) -> flatten -> dense(3)
}
train {
    loss      = cross_entropy(tiny(x), y)
    optimizer = sgd(lr=0.1)
    batch     = 7
    epochs    = 1
}
EOF
build tiny tiny.net
for seed in 1 2 3 4 5; do
    check "tiny gradients: gradcheck of seed $seed" ./tiny gradcheck --threads 1 --seed $seed
done
exits "a batch of one number a channel" 2 "variance" ./tiny train --batch 1 --out none
exits "a last batch of one row" 2 "[-]-batch 2 leaves none alone" ./tiny train --batch 3 --out none

sed -e 's/ -> classes(3)//' -e 's/column("x")/columns("x".."y")/' -e 's/dense(3)/dense(1)/' \
    -e 's/cross_entropy/mse/' tiny.net >wide.net
build wide wide.net
exits "more columns than an input has" 1 "input x\[2\]. takes these" ./wide train --out none

# targets of binary_cross_entropy; metrics of any size
sed -e 's/ -> classes(3)//' -e 's/dense(3)/dense(1)/' -e 's/cross_entropy/binary_cross_entropy/' \
    tiny.net >binary.net
build binary binary.net
exits "labels beyond 1" 1 "tiny.csv: row 2 (from 0), y: expected 0 to 1 .*found 2; .*minmax" \
    ./binary train --out none
awk 'BEGIN { print "x,y"; for (i = 0; i < 70; i++) printf "%.4f,%de30\n", sin(i * i), i }' >huge.csv
sed -e 's/tiny.csv/huge.csv/' -e 's/ -> classes(3)//' -e 's/dense(3)/dense(1)/' \
    -e 's/cross_entropy/mae/' -e 's/epochs    = 1/epochs = 1\n    metrics = [mae]/' tiny.net \
    >huge.net
build huge huge.net
check "a metric of 31 digits" bash -c './huge train --out huge_run | grep "mae 3.[0-9]*e+31"'
./fruit eval --weights fruit_run >fruit.txt 2>&1
check "fruit: classes by name" grep -q "^ *plum  *1.00" fruit.txt
# files without --data: beside the .net file as netc was given it, else in the current folder
mkdir -p beside elsewhere
mv fruit.csv beside
cp fruit.net beside
build beside_fruit beside/fruit.net
check "files beside the model" ./beside_fruit train --epochs 1 --out beside_run --quiet
cp beside/fruit.csv elsewhere
check "files in the current folder" bash -c \
    'cd elsewhere && ../beside_fruit train --epochs 1 --out run --quiet'
exits "files in neither" 1 "cannot open ./fruit.csv" ./fruit train --out none
mv beside/fruit.csv .
exits "files are not beside the model" 1 "cannot open beside/fruit.csv" ./beside_fruit --out none
sed 's/,[a-z]*$/,/; s/^id.*/id,text,length,/' fruit.csv | gzip >other.csv.gz
check "fruit: predict" ./fruit predict --weights fruit_run other.csv.gz -o predicted.txt
check "fruit: predicted names" grep -q "^apple 0.9" predicted.txt
holds "fruit: predicted rows" "$(wc -l <predicted.txt)" "==" 60
gzip -dc other.csv.gz | ./fruit predict --weights fruit_run - >piped.txt
check "fruit: predict from a pipe" cmp predicted.txt piped.txt
./fruit predict --weights fruit_run - <other.csv.gz >piped.txt
check "fruit: predict from standard input" cmp predicted.txt piped.txt
gzip -dc other.csv.gz |
    sed -E -e '1d' -e 's/^[0-9]+,"(.*)",([0-9.]+),$/{"length":\2,"text":"\1"}/' \
        -e 's/""/\\"/g' >other
check "fruit: predict from jsonl" ./fruit predict --weights fruit_run other -o piped.txt
check "fruit: as from csv" cmp predicted.txt piped.txt

# names with blanks and quotes are cells of a csv that is separated by blanks; one class has a name
printf 'x,y\n0,New York 0.5\n1,"Rome, ""Roma"""\n2,Oslo\n' >cities.csv
cat >cities.net <<'EOF'
data {
    train = csv("cities.csv")
    input  x[1] = column("x")
    target y    = column("y") -> classes(3)
}
network n(x) { x -> dense(8) -> relu -> dense(3) }
train {
    loss      = cross_entropy(n(x), y)
    optimizer = adam(lr=0.05)
    batch     = 3
    epochs    = 300
}
EOF
build cities cities.net
check "cities trains" ./cities --out cities_run --quiet
./cities predict cities.csv --weights cities_run |
    sed 's/\( [01]\.[0-9]\{6\}\)\{3\}$/;/' >cities.txt
check "names with blanks and quotes" diff cities.txt - <<'EOF'
"New York 0.5";
"Rome, ""Roma""";
Oslo;
EOF
head -n 2 cities.csv >city.csv
sed -e 's/cities.csv/city.csv/; s/classes(3)/classes(1)/; s/dense(3)/dense(1)/' \
    -e 's/= 300/= 1/' cities.net >city.net
build city city.net
check "city trains" ./city --out city_run --quiet
check "one class" diff <(./city predict city.csv --weights city_run) - <<<'"New York 0.5" 1.000000'
printf 'text,kind\nred apple,apple\n' >short.csv
exits "predict without a column" 1 "expected a column length" \
    ./fruit predict --weights fruit_run short.csv
printf 'text,length,kind\nred "apple,1,apple\n"a pear,1,pear\n' >open.csv
exits "a quote that is not closed" 1 "line 3: a quote opens here" \
    ./fruit predict --weights fruit_run open.csv
mkdir -p renamed
sed 's/,pear$/,fig/' fruit.csv >renamed/fruit.csv
exits "a class that training did not have" 1 'a class of the training data, found "fig"' \
    ./fruit eval --weights fruit_run --data renamed --data-changed


# ---- values or classes ---------------------------------------------------------------------------

awk 'BEGIN { print "x,y"; for (i = 0; i < 200; i++) printf "%.3f,%d\n", sin(i), i % 3 == 0 }' \
    >two.csv
awk 'BEGIN { print "x,y"; for (i = 0; i < 60; i++) printf "%.3f,%d\n", sin(i), i % 6 }' >six.csv
cat >two.net <<'END'
data {
    train = csv("two.csv")
    test  = csv("six.csv")
    input  x[1] = column("x")
    target y    = column("y")
}
network line(x) { x -> dense(1) }
train {
    loss      = mse(line(x), y)
    optimizer = sgd(lr=0.1)
    batch     = 20
    epochs    = 1
    metrics   = [r2]
}
END
build two two.net
check "numbers that happen to be 0 and 1" ./two --out two_run --quiet
check "are values where metrics say so" bash -c \
    './two eval --weights two_run >two.txt && grep -q "^MSE" two.txt && ! grep -q precision two.txt'
sed '/metrics/d' two.net >classes.net
build classes classes.net
exits "other numbers than the two classes of training" 1 \
    "six.csv: row 2 .*found 2, but all rows to train on have 0 or 1" ./classes --out none

# what the target is is found as a run begins, and then the run's, whatever its data become
sed -i 's/,[2-5]$/,1/' six.csv
check "two classes" ./classes --out classes_run --quiet
check "it is kept" grep -q '"task": "binary"' classes_run/preparation.json
cp two.csv kept.csv
sed -i '3s/,[01]$/,0.5/' two.csv
check "a training row that is of none: the test split has its classes" bash -c \
    './classes eval --weights classes_run | grep -q precision'
for command in "eval --part train --weights" "--resume"; do
    exits "a training row that is of none: $command" 1 \
        "two.csv: row 1 .*, y: found 0.5, but all rows that the run was .* metrics = .mae, r2." \
        ./classes $command classes_run --data-changed
done
cp kept.csv two.csv
sed -i '4s/,[01]$/,0.5/' six.csv
exits "a row of the test split" 1 "six.csv: row 2 .*, y: found 0.5, but all rows that the run" \
    ./classes eval --weights classes_run
exits "a row of the test split: run's weights begin another" 1 "six.csv: row 2 .*found 0.5" \
    ./classes --weights classes_run --out none
check "a model of values takes them" bash -c './two eval --weights classes_run | grep -q ^MSE'
sed -i '4s/,0.5$/,1/' six.csv
sed -i 's/"binary"/"sign"/' classes_run/preparation.json
exits "classes of another kind" 1 "six.csv: row .*, y: found 0, but .* have -1 or 1" \
    ./classes eval --weights classes_run
sed -i 's/"sign"/"names"/' classes_run/preparation.json
exits "a kind that there is none of" 1 "classes_run/prep.*: expected .task. to be" \
    ./classes eval --weights classes_run
finish
