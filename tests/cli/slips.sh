#!/usr/bin/env bash
# slips.sh -- what users of Keras, PyTorch and scikit-learn type: each slip gives one error with a
# remedy, and what the remedy says, typed in its place, compiles.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

cat >"$scratch/right.net" <<'MODEL'
data {
    train      = digits(rows=200)
    validation = holdout(0.2)
    input  image[1, 28, 28] = image -> scale(1/255)
    target label            = label -> classes(10)
}
network net(image) {
    a = image -> conv2d(4, kernel=[3, 3], padding=same) -> relu -> maxpool2d(2)
    a -> flatten -> dense(units=10)
}
train {
    loss      = cross_entropy(net(image), label)
    optimizer = adam(lr=0.01)
    batch     = 50
    metrics   = [accuracy]
    keep      = last
}
MODEL
check "the model of the slips is right" "$netc" --check "$scratch/right.net"

# slip RIGHT WRONG REMEDY [TYPED]: RIGHT, which stands in the model, written WRONG; the message has
# REMEDY; with TYPED (RIGHT where it is not given) in the place of WRONG the model compiles again.
slip() {
    local typed=${4:-$1} text status=0 errors
    text=$(cat "$scratch/right.net")
    printf '%s\n' "${text/"$1"/"$2"}" >"$scratch/wrong.net"
    printf '%s\n' "${text/"$1"/"$typed"}" >"$scratch/mended.net"
    "$netc" --check "$scratch/wrong.net" 2>"$scratch/err" || status=$?
    errors=$(grep -c ': error: ' "$scratch/err")
    if [ $status != 1 ] || [ "$errors" != 1 ] || ! grep -qF -- "$3" "$scratch/err"; then
        fail "$2: wanted one error and $3" "$scratch/err"
    elif ! "$netc" --check "$scratch/mended.net" 2>"$scratch/err"; then
        fail "$2: the remedy $typed does not compile" "$scratch/err"
    else
        pass
    fi
}

# what a value of other libraries is here
slip 'a -> flatten' 'hardtanh(a) -> flatten' 'clamp(x, -1, 1)' 'clamp(a, -1, 1) -> flatten'
slip 'a -> flatten' 'sign(a) -> flatten' '(x > 0) - (x < 0)' '(a > 0) - (a < 0) -> flatten'
slip 'a -> flatten' 'rsqrt(a) -> flatten' '1 / sqrt(x)' '1 / sqrt(a + 1) -> flatten'
slip 'a -> flatten' 'softmin(a) -> flatten' 'softmax(-x)' 'softmax(-a) -> flatten'
slip 'a -> flatten' 'softshrink(a) -> flatten' 'max(x - 0.5, 0) + min(x + 0.5, 0)' \
    'max(a - 0.5, 0) + min(a + 0.5, 0) -> flatten'
slip 'a -> flatten' 'hardshrink(a) -> flatten' 'x * (abs(x) > 0.5)' 'a * (abs(a) > 0.5) -> flatten'
slip 'a -> flatten' 'a -> straight_through -> flatten' 'x + ((y - x) -> detach)' \
    'a + ((relu(a) - a) -> detach) -> flatten'
slip 'keep      = last' 'pretrained = "run"' 'start = weights("run")' 'start = weights("run")'
slip 'keep      = last' 'freeze = [net]' '`frozen`' 'frozen = [net.a]'

# arguments
slip padding=same "padding='same'" 'write `same`'
slip padding=same 'padding="same"' 'write `same`'
slip padding=same padding=valid 'is 0' padding=0
slip padding=same pad=same '`padding`'
slip 'kernel=[3, 3]' 'kernel=(3, 3)' 'write `[3, 3]`'
slip 'kernel=[3, 3]' 'kernel_size=[3, 3]' '`kernel`'
slip 'conv2d(4,' 'conv2d(filters=4,' '`channels`' 'conv2d(channels=4,'
slip 'conv2d(4,' 'conv2d(out_channels=4,' '`channels`' 'conv2d(channels=4,'
slip 'a -> flatten' 'a -> reshape(4, 196) -> SimpleRNN(8) -> flatten' '`rnn`' \
    'a -> reshape(4, 196) -> rnn(8) -> flatten'
slip 'a -> flatten' 'a -> reshape(4, 196) -> gru(8, num_layers=2) -> flatten' '`layers`' \
    'a -> reshape(4, 196) -> gru(8, layers=2) -> flatten'
slip 'a -> flatten' 'a -> amax(axis=height) -> flatten' '`max`' 'a -> max(axis=height) -> flatten'
slip 'a -> flatten' 'a -> softmax(dim=1) -> flatten' '`axis`' \
    'a -> softmax(axis=channels) -> flatten'
slip 'padding=same)' 'padding=same, strides=1)' '`stride`' 'padding=same, stride=1)'
slip 'padding=same)' 'padding=same, activation="relu")' '-> relu' 'padding=same) -> relu'
slip 'padding=same)' 'padding=same, use_bias=false)' '`bias`' 'padding=same, bias=false)'
slip 'padding=same)' 'padding=same, bias=False)' '`false`' 'padding=same, bias=false)'
slip 'padding=same)' 'padding=same, in_channels=1)' 'leave it out'
slip 'padding=same)' 'padding=same, data_format="channels_first")' 'leave it out'
slip 'maxpool2d(2)' 'maxpool2d(pool_size=2)' '`size`' 'maxpool2d(size=2)'
slip 'maxpool2d(2)' 'maxpool2d(kernel_size=2)' '`size`' 'maxpool2d(size=2)'
slip units=10 'units: 10' 'stands behind `=`'
slip units=10 'units="10"' 'write 10'
slip units=10 out_features=10 '`units`'
slip units=10 'units=10, kernel_initializer="he_normal"' '`init`' 'units=10, init=he_normal'
slip units=10 'units=10, init="he_normal"' 'write `he_normal`' 'units=10, init=he_normal'
slip units=10 'units=10, init=xavier_uniform' '`glorot_uniform`' 'units=10, init=glorot_uniform'
slip units=10 'units=10, kernel_regularizer=0.01' 'l2=0.01' 'units=10, l2=0.01'
slip units=10 'units=10, input_shape=[784]' 'leave it out'
slip units=10 'units=10, name="logits"' 'leave it out'
slip lr=0.01 learning_rate=0.01 '`lr`'
slip lr=0.01 'lr=0.01, beta_1=0.9' '`beta1`' 'lr=0.01, beta1=0.9'
slip lr=0.01 'lr=0.01, betas=[0.9, 0.999]' 'beta1=0.9, beta2=0.999' \
    'lr=0.01, beta1=0.9, beta2=0.999'
slip lr=0.01 'lr=0.01, epsilon=1e-7' '`eps`' 'lr=0.01, eps=1e-7'
slip ', label)' ', label, from_logits=true)' 'leave it out'
slip ', label)' ', label, label_smoothing=0.1)' '`smoothing`' ', label, smoothing=0.1)'
slip '-> relu' '-> dropout(rate=0.5)' '`p`' '-> dropout(p=0.5)'
slip '-> relu' '-> LeakyReLU(alpha=0.1)' '`leaky_relu`' '-> leaky_relu(0.1)'
slip '-> relu' '-> leaky_relu(negative_slope=0.1)' '`slope`' '-> leaky_relu(slope=0.1)'

# layers, losses, optimizers, metrics
slip 'conv2d(4,' 'Conv2D(4,' '`conv2d`'
slip 'maxpool2d(2)' 'MaxPooling2D(2)' '`maxpool2d`'
slip '-> relu' '-> BatchNormalization' '`batchnorm`' '-> batchnorm'
slip '-> relu' '-> nn.ReLU()' '`relu`' '-> relu()'
slip '-> relu' '-> activation("relu")' '`x -> relu`'
slip 'dense(units=10)' 'Linear(10)' '`dense`' 'dense(10)'
slip 'dense(units=10)' 'layers.Dense(10)' '`dense`' 'dense(10)'
slip 'cross_entropy(net' 'sparse_categorical_crossentropy(net' '`cross_entropy`'
slip 'cross_entropy(net' 'nn.CrossEntropyLoss(net' '`cross_entropy`'
slip 'cross_entropy(net(image), label)' 'cross_entropy(net(image), label) + 0.1' 'take a factor'
slip 'adam(lr=0.01)' 'optim.Adam(lr=0.01)' '`adam`'
slip 'adam(lr=0.01)' '"adam"' 'write `adam`' adam
slip '[accuracy]' '["accuracy"]' 'write `accuracy`'
slip '[accuracy]' "['acc']" 'write `accuracy`'
slip '[accuracy]' '[acc]' '`accuracy`'

# keys and parts
slip 'batch  ' batch_size '`batch`'
slip 'batch ' 'batch:' 'behind `=`' 'batch = 50 #'
slip 'keep      = last' 'learning_rate = 0.1' 'adam(lr=0.1)'
slip 'keep      = last' 'validation_split = 0.1' 'holdout(0.1)'
slip 'keep      = last' 'num_epochs = 2' '`epochs`' 'epochs = 2'
slip 'keep      = last' 'clip = 0.5' 'clip = norm(0.5)' 'clip = norm(0.5)'
slip 'keep      = last' 'gradient_accumulation_steps = 4' '`accumulate`' 'accumulate = 4'
slip 'keep      = last' 'clipnorm = 0.5' 'clip = norm(0.5)' 'clip = norm(0.5)'
slip 'keep      = last' 'stop = EarlyStopping(patience=3)' '`early_stop`' \
    'stop = early_stop(patience=3)'
slip 'keep      = last' 'stop = 3' 'early_stop(3)' 'stop = early_stop(3)'
slip 'keep      = last' 'stop = early_stop(3, monitor="val_loss")' '`validation_loss`' \
    'stop = early_stop(3, monitor=validation_loss)'
slip 'keep      = last' 'stop = early_stop(3, monitor=val_accuracy)' '`accuracy`' \
    'stop = early_stop(3, monitor=accuracy)'
slip 'keep      = last' 'schedule = OneCycleLR' '`onecycle`' 'schedule = onecycle'
slip 'keep      = last' 'schedule = ReduceLROnPlateau(factor=0.5)' '`plateau`' \
    'schedule = plateau(factor=0.5)'
slip 'holdout(0.2)' 0.2 'holdout(0.2)'
slip 'holdout(0.2)' 'train_test_split(0.2)' '`holdout`'
slip 'holdout(0.2)' 'holdout(test_size=0.2)' '`f`' 'holdout(f=0.2)'
slip 'holdout(0.2)' '"more.csv"' 'csv("more.csv")'
slip 'validation =' 'val =' '`validation`'
slip 'digits(rows=200)' 'digits(rows=200, random_state=1)' '`seed`' 'digits(rows=200, seed=1)'
slip '-> scale(1/255)' '-> Rescaling(1/255)' '`scale`'
slip '-> scale(1/255)' '-> StandardScaler' '`standardize`' '-> standardize'
slip 'label -> classes(10)' 'label -> classes(num_classes=10)' '`n`' 'label -> classes(n=10)'

# files and operators
file='npy(image="a.npy", label="b.npy")'
slip 'digits(rows=200)' 'npy(image=a.npy, label="b.npy")' '`"a.npy"`' "$file"
slip 'digits(rows=200)' "npy(image='a.npy', label=\"b.npy\")" 'write "a.npy"' "$file"
slip 'digits(rows=200)' 'npy(image=data/a.npy, label="b.npy")' '`"data/a.npy"`' "$file"
slip 'dense(units=10)' 'dense(units=2)' 'dense(10)' 'dense(10)'
slip 'image -> conv2d' 'image + relu -> conv2d' 'x -> layer' 'image -> relu -> conv2d'
slip 'image -> conv2d' 'image / (image -> flatten) -> conv2d' 'a conv2d of kernel 1'
slip 'image -> conv2d' 'pow(image, 0) -> conv2d' 'to the power of 0 is 1'

# What netc has not is said of each such name, and is no name of the language.
absent=$(grep -o 'ABSENT("[a-z0-9]*"' "$root/compiler/semantics/elsewhere.def" | cut -d'"' -f2)
check "names that netc has not" test "$(wc -w <<<"$absent")" -gt 50
for name in $absent; do
    sed "s/image -> conv2d/image -> $name -> conv2d/" "$scratch/right.net" >"$scratch/wrong.net"
    "$netc" --check "$scratch/wrong.net" >"$scratch/out" 2>&1
    check "netc has no $name" grep -q "netc has no .$name" "$scratch/out"
done

# a table's file
printf '%s\n' 'data {' '    train = csv(train.csv)' '    input  x[2] = columns(1..2)' \
    '    target y = column("y")' '}' 'network n(x) { x -> dense(1) }' \
    'train {' '    loss = mse(n(x), y)' '    optimizer = sgd(lr=0.1)' '}' >"$scratch/right.net"
sed -i 's/csv(train.csv)/csv("train.csv")/' "$scratch/right.net"
slip 'csv("train.csv")' 'csv(train.csv)' '`"train.csv"`'
slip 'csv("train.csv")' '"train.csv"' 'csv("train.csv")'
slip 'csv("train.csv")' train.csv 'csv("train.csv")'
slip 'csv("train.csv")' 'pd.read_csv("train.csv")' '`csv`'
slip 'column("y")' "column('y')" 'write "y"'
slip 'column("y")' y 'column("y")'

finish
