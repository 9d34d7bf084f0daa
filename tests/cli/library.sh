#!/usr/bin/env bash
# library.sh -- models as C libraries: the programs of docs/library.md say what `predict` says,
# other processors give the same bits, two libraries and four threads are in one process, and files
# that are no weights are refused.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
cp "$root"/tests/pytorch/{images,labels}.npy .
. "$root/tests/support/hosts.sh"
python3 - <<'END'
import struct
data = open("images.npy", "rb").read()
data = data[10 + int.from_bytes(data[8:10], "little"):]
open("rows", "wb").write(struct.pack("<%df" % len(data), *(x / 255 for x in data)))
END

# ---- A network with a convolution, a statistic and a softmax of the loss -----------------------
sed 's/part  = relu/part  = batchnorm/; s/classes(5)/classes(10)/; s/dense(5)/dense(10)/' \
    "$root/tests/pytorch/image.net" >digits.net
build digits digits.net
check "a run" ./digits --max-steps 3 --out run --force --quiet
check "predicts" ./digits predict --weights run --part train --format npy -o said.npy
check "a library" "$netc" digits.net --library -o digits-lib
check "its batchnorm is in the weights" sh -c '! grep -q normalize digits-lib/digits.c'
check "with rows at once, the weights inside" \
    "$netc" digits.net --library --batch 7 --weights run -o batch-lib
block c >host.c
block cpp >host.cpp
block python >host.py
# shellcheck disable=SC2086
check "a host in C" "$cc" -std=c11 -Wall -Wextra -Werror $sanitize host.c -Idigits-lib \
    digits-lib/libdigits.a -o host
check "it runs" sh -c './host run/model.safetensors <rows >said.c'
check "it says what predict says" close said.npy said.c
if [ -z "$sanitize" ]; then
    check "a host in C++" "$cc" -std=c++17 -Wall -Wextra -Werror host.cpp -Idigits-lib \
        -Ldigits-lib -ldigits -lstdc++ -o host++
    check "it runs" sh -c 'LD_LIBRARY_PATH=digits-lib \
        ./host++ run/model.safetensors <rows >said.cpp'
    check "it says the same" close said.npy said.cpp
    if python3 -c 'import numpy' 2>"$scratch/err"; then
        check "a host in Python" sh -c 'python3 host.py run/model.safetensors images.npy >said.py'
        check "it says the same" close said.npy said.py
    else
        skip "a host in Python: NumPy is missing"
    fi
    check "names outside are the library's, and libc's two" sh -c '! nm -g digits-lib/libdigits.a |
        grep -vE "^$|:$| T digits_[a-z_]+$| U mem(cpy|set)$"'
    check "nothing that changes" sh -c '! nm digits-lib/libdigits.a | grep -E " [bBdDcC] " |
        grep -vE " d (tensors|folds|others|library|.*texts)$" | grep . &&
        size digits-lib/libdigits.so | awk "NR == 2 { exit \$3 != 0 }"'
fi
cat >net_vec.net <<'END'
data {
    train = npy(a="a.npy", b="b.npy", t="t.npy")
    input pack[2] = a
    input new[2]  = b
    target t      = t
}
network pair(pack, new) { sin(dense(pack, 1)) + dense(new, 1) }
train {
    loss = mse(pair(pack, new), t)
    optimizer = sgd(lr=0.1)
}
END
mkdir 'a*' && mv net_vec.net 'a*'
check "names of netc's own, of C++, and what ends a comment" sh -c '"$1" "a*/net_vec.net" \
    --library -o vec-lib &&
    grep -q "const float \*pack_, const float \*new_," vec-lib/_net_vec.h' - "$netc"
check "pkg-config's file" \
    grep -q '^Libs: -L${pcfiledir} -Wl,-rpath,${pcfiledir} -ldigits' digits-lib/digits.pc

# ---- Two libraries, four threads, arenas full of NaN, files that are damaged --------------------
sed 's/= x$/= x -> clip(least=0.25) -> robust -> minmax/; s/= y$/= y -> scale(2) -> minmax/' \
    "$root/models/xor_concat.net" >xor_concat.net
check "xor as a library" "$netc" xor_concat.net --library -o xor-lib
build xor xor_concat.net
check "xor" ./xor --epochs 1 --out xor-run --force --quiet
check "xor predicts" ./xor predict --weights xor-run --part train --format npy -o xor.npy
check "with its run inside" "$netc" xor_concat.net --library --weights xor-run -o xor-raw
cat >raw.py <<'END'
import ctypes
library = ctypes.CDLL("xor-raw/libxor_concat.so")
library.xor_concat_size.restype = ctypes.c_size_t
memory = ctypes.create_string_buffer(library.xor_concat_size() + 64)
arena = ctypes.c_void_p((ctypes.addressof(memory) + 63) // 64 * 64)
value = ctypes.c_float()
for point in (0, 0), (0, 1), (1, 0), (1, 1):
    assert library.xor_concat_run_raw(None, (ctypes.c_double * 2)(*point), ctypes.byref(value),
                                      arena) == 0
    print("%.9g" % value.value)
assert library.xor_concat_run_raw(None, (ctypes.c_double * 2)(0, float("nan")),
                                  ctypes.byref(value), arena) != 0
END
if [ -z "$sanitize" ]; then
    check "rows as they are" sh -c 'python3 raw.py >said.raw'
    check "give what predict says, in the data's units" close xor.npy said.raw
fi
cat >both.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"
#include "xor_concat.h"

enum { THREADS = 4, ROWS = 120, TIMES = 5 };

static float images[ROWS][digits_image_size], wanted[ROWS][digits_probabilities_size];
static void *digits, *xors;

static void *memory(size_t size)
{
    void *at = aligned_alloc(64, (size + 63) / 64 * 64);

    memset(at, 0xff, size); /* NaN */
    return at;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);

    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void *work(void *faults)
{
    void *arena = memory(digits_size()), *other = memory(xor_concat_size());
    float got[digits_ROWS][digits_probabilities_size];

    for (int k = 0; k < TIMES; k++)
        for (int i = 0, n; i < ROWS; i += n) {
            const float point[2] = {i & 1, i >> 1 & 1};
            float value;

            n = 1 + (i + k) % digits_ROWS;
            n = n < ROWS - i ? n : ROWS - i;
            *(int *)faults |= digits_run_batch(digits, n, images[i], got[0], arena) ||
                              memcmp(got, wanted[i], sizeof *got * (size_t)n) ||
                              xor_concat_run(xors, point, &value, other) || !(value * value <= 1);
        }
    free(arena), free(other);
    return NULL;
}

/* Each file with a bit turned, or cut off, is refused, and nothing else is touched. */
static int damage(const char *file, size_t size)
{
    int taken = 0;

    for (size_t i = 0; i < size; i += 1 + size / 997) {
        char *copy = malloc(size);

        memcpy(copy, file, size);
        copy[i] ^= 4;
        taken += xor_concat_open(copy, size, xors, NULL) == 0;
        free(copy);
        copy = malloc(i + 1);
        memcpy(copy, file, i);
        taken += xor_concat_open(copy, i, xors, NULL) == 0;
        free(copy);
    }
    return taken;
}

int main(int argc, char **argv)
{
    size_t size, xor_size, npy_size;
    char *file = read_file(argv[1], &size), *xor_file = read_file(argv[2], &xor_size);
    char *bytes = read_file("images.npy", &npy_size);
    void *arena = memory(digits_size());
    pthread_t threads[THREADS];
    int faults[THREADS] = {0}, sum = 0, taken;
    const char *tensor;

    digits = memory(digits_weights_size()), xors = memory(xor_concat_weights_size());
    taken = damage(xor_file, xor_size);
    printf("%d damaged\n", taken);
    if (xor_concat_open(file, size, xors, &tensor) != xor_concat_MISSING_TENSOR)
        return 2;
    printf("%s\n", tensor);
    if (digits_open(file, size, digits, NULL) || xor_concat_open(xor_file, xor_size, xors, &tensor))
        return 3;
    if (fread(images, sizeof images, 1, stdin) != 1)
        return 4;
    if (digits_run(digits, images[0], wanted[0], arena) ||
        digits_run(NULL, images[0], wanted[1], arena) ||
        memcmp(wanted[0], wanted[1], sizeof wanted[0]) || digits_probabilities_class(10) ||
        strcmp(digits_probabilities_class(4), "4") != 0 ||
        xor_concat_run(NULL, images[0], wanted[0], arena) != xor_concat_NO_WEIGHTS)
        return 7;
    for (int i = 0; i < ROWS; i++)
        if (digits_run(digits, images[i], wanted[0], arena) ||
            digits_run_raw(NULL, (uint8_t *)bytes + 128 + i * digits_image_size, wanted[1],
                           arena) ||
            memcmp(wanted[0], wanted[1], sizeof wanted[0]))
            return 8;
    if (digits_run(digits, images[0], wanted[0], (char *)arena + 4) != digits_UNALIGNED ||
        digits_run_batch(digits, digits_ROWS + 1, images[0], wanted[0], arena) != digits_WRONG_ROWS)
        return 5;
    for (int i = 0; i < ROWS; i++)
        digits_run(digits, images[i], wanted[i], arena);
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, work, &faults[t]);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL), sum += faults[t];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < digits_probabilities_size; j++)
            printf("%.9g\n", (double)wanted[i][j]);
    free(file), free(xor_file), free(bytes), free(arena), free(digits), free(xors);
    return sum ? 6 : argc != 3;
}
END
# shellcheck disable=SC2086
check "a host of two" "$cc" -std=c11 -D_GNU_SOURCE $sanitize both.c -Ibatch-lib -Ixor-lib \
    batch-lib/libdigits.a xor-lib/libxor_concat.a -pthread -o both
check "two libraries, four threads" \
    sh -c './both run/model.safetensors xor-run/model.safetensors <rows >said.both'
check "damaged files are refused" grep -qx '0 damaged' said.both
check "a missing tensor is named" grep -qx 'xor_concat.hidden.weight' said.both
sed -i 1,2d said.both
check "several rows at once say what predict says" close said.npy said.both

# ---- A server -----------------------------------------------------------------------------------
block "python server.py" | sed 's/784/243/; s/digits-lib/batch-lib/
    s/^\(Threading.*\) 8000\(.*\).serve_forever()/server = \1 0\2\n\
print(server.server_port, flush=True)\nserver.serve_forever()/' >server.py
cat >ask.py <<'END'
import json, time, urllib.error, urllib.request
def ask(picture, tries=100):
    try:
        with urllib.request.urlopen("http://localhost:" + port, picture) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        if not tries:
            raise
        time.sleep(0.1)
        return ask(picture, tries - 1)
while not (port := open("port").read().strip()):
    time.sleep(0.1)
data = open("images.npy", "rb").read()[-120 * 243:]
for i in range(0, len(data), 243):
    print(*ask(data[i:i + 243]))
assert ask(b"short") == 400
END
if [ -z "$sanitize" ]; then
    python3 server.py >port 2>server.log &
    server=$!
    check "a server is asked" sh -c 'timeout 60 python3 ask.py >said.server'
    check "it says what predict says" close said.npy said.server
    kill "$server"
fi

# ---- Other processors, under QEMU and Node.js ----------------------------------------------------
cat >port.c <<'END'
#include "digits.h"

#include <unistd.h>

static _Alignas(64) char arena[1 << 22];

/* The whole program: lld 14 does not take the crt1.o of Debian's glibc for RISC-V. */
int start(void)
{
    float image[digits_image_size], probabilities[digits_probabilities_size];
    int error = digits_size() > sizeof arena;

    while (!error && read(0, image, sizeof image) == (ssize_t)sizeof image)
        error = digits_run(NULL, image, probabilities, arena) ||
                write(1, probabilities, sizeof probabilities) < 0;
    _exit(error);
}
END
{ block js && cat <<'END'; } >port.mjs
import fs from "fs";

const rows = new Float32Array(new Uint8Array(fs.readFileSync("rows")).buffer);
const run = await network(fs.readFileSync("lib-wasm32/digits.wasm"), 243, 10);
for (let i = 0; i < rows.length; i += 243)
    console.log([...run(rows.subarray(i, i + 243))].join(" "));
END

# there NAME FILE-OR-COMMAND...: are all there? else what NAME is of is skipped
there() {
    local name=$1 need
    shift
    for need in "$@"; do
        [ -e "$need" ] || command -v "$need" >"$scratch/err" || {
            skip "$name: $need is missing"
            return 1
        }
    done
}

# on TARGET TRIPLE QEMU FLAGS...: a library for it gives this machine's bits
on() {
    local target=$1 triple=$2 qemu=$3
    shift 3
    there "$target" "$qemu" ld.lld "/usr/$triple/include/string.h" || return 0
    check "--target $target" "$netc" digits.net --library --weights run --target "$target" \
        -o "lib-$target"
    check "$target: a host" "$cc" --target="$triple" "$@" -isystem "/usr/$triple/include" \
        -fuse-ld=lld -nostdlib -Wl,-e,start port.c "-Ilib-$target" "lib-$target/libdigits.a" \
        "-L/usr/$triple/lib" -lc -o "port-$target"
    check "$target: it runs" sh -c '"$1" -L "$2" "$3" <rows >said.there' - "$qemu" "/usr/$triple" \
        "./port-$target"
    check "$target: the same bits" cmp said.here said.there
    bits "$target" "$qemu -L /usr/$triple" --target="$triple" "$@" -isystem "/usr/$triple/include" \
        -fuse-ld=lld -nostdlib -Wl,-e,start "-L/usr/$triple/lib" -lc -lm
    check "$target: no names but libc's two" sh -c '! nm -D "$1" |
        grep -vE " T digits_[a-z_]+$| U mem(cpy|set)"' - "lib-$target/libdigits.so"
}

# gelu looks numbers up, with other instructions on each target: the same bits on all pieces
cat >bits.c <<'END'
#include "kernels/gelu.h"

#include <unistd.h>

int start(void)
{
    _Alignas(64) float x[16], y[32];

    for (int i = 0; i < 4096; i++) {
        for (int k = 0; k < 16; k++)
            x[k] = (float)(16 * i + k - 32768) / 4096;
        vec_store(y, net_gelu(vec_load(x)));
        vec_store(y + 16, net_gelu_grad(vec_load(x), vec_set(1.0f)));
        if (write(1, y, sizeof y) < 0)
            _exit(1);
    }
    _exit(0);
}
END
# bits NAME QEMU FLAGS...: what bits.c writes there is what plain x86-64 has written
bits() {
    local name=$1 qemu=$2
    shift 2
    check "bits of $name" "$cc" -std=gnu11 -O1 -ffp-contract=off "-I$root/runtime" bits.c "$@" \
        -o "bits-$name"
    check "$name: they are written" sh -c '$1 ./bits-$2 >bits.$2' - "$qemu" "$name"
    check "$name: the same" cmp bits.x86-64 "bits.$name"
}
if [ -z "$sanitize" ]; then
    check "this machine's, of one row" "$netc" digits.net --library --weights run -o lib-here
    check "a host of it" "$cc" -Dstart=main port.c -Ilib-here lib-here/libdigits.a -o port
    check "it runs" sh -c './port <rows >said.here'
    bits x86-64 "" -Dstart=main -lm
    bits x86-64-v3 "" -Dstart=main -march=x86-64-v3 -lm
    ! grep -q avx512dq /proc/cpuinfo || bits x86-64-v4 "" -Dstart=main -march=x86-64-v4 -lm
    on riscv64 riscv64-linux-gnu qemu-riscv64 -mno-relax
    on neon aarch64-linux-gnu qemu-aarch64
    # fmla of four floats, by a vector or an element
    [ ! -e lib-neon ] || check "neon: vectors are multiplied and added at once" python3 -c '
import struct
code = open("lib-neon/libdigits.so", "rb").read()
words = struct.unpack("<%dI" % (len(code) // 4), code[:len(code) // 4 * 4])
assert sum(w & 0xffe0fc00 == 0x4e20cc00 or w & 0xffc0f400 == 0x4f801000 for w in words) > 20'
    if there wasm32 wasm-ld /usr/include/wasm32-wasi/string.h; then
        check "--target wasm32" "$netc" digits.net --library --weights run --target wasm32 \
            -o lib-wasm32
        check "its object wants no names" python3 -c '
assert b"env" not in open("lib-wasm32/digits.wasm", "rb").read()'
        if there "wasm32 runs" node; then
            check "the page's lines run" sh -c 'node port.mjs >said.page'
            check "they say what predict says" close said.npy said.page
        fi
    fi
    exits "a trainer of another processor" 2 "target wasm32 is of libraries" \
        "$netc" digits.net --target wasm32 -o other
    exits "a trainer of two processors" 2 "mpi is of this machine's processor" \
        "$netc" xor_concat.net --target neon --mpi -o other

    # trainers of other processors, where their runtime was built; what is missing is told
    # trains TARGET TRIPLE QEMU: to the bits of this machine
    trains() {
        there "trainers of $1" "$3" "${netc%/*}/libnetrt-$1.a" "/usr/lib/$2/libz.a" || return 0
        check "a trainer of $1" "$netc" digits.net --target "$1" -o "digits-$1"
        check "it trains" "$3" "./digits-$1" --max-steps 3 --out "run-$1" --quiet
        check "to x86-64's bits" cmp run/model.safetensors "run-$1/model.safetensors"
    }
    trains neon aarch64-linux-gnu qemu-aarch64
    trains riscv64 riscv64-linux-gnu qemu-riscv64
    mkdir own && cp "$netc" own/netc && ln -s "${netc%/*}/libnetrt.a" "${netc%/*}/include" own
    # no FLAG SOURCE [TARGET]: a clang that cannot link FLAG, and a trainer of SOURCE
    no() {
        printf '#!/bin/sh\ncase $* in *%s*) exit 1 ;; *%s*) exit 0 ;; esac\n' "$1" \
            "--target=" >poor_cc
        chmod +x poor_cc
        own/netc "$2" --target "${3:-neon}" --cc ./poor_cc -o other
    }
    sed 's/npy(image=.*/images("*.png", size=9)/' digits.net >files.net
    exits "no runtime of it" 3 "libnetrt-neon.a, .* is missing; .make TARGETS=neon. builds it" \
        no nothing digits.net
    touch own/libnetrt-neon.a
    exits "no libgcc" 3 "linked with libgcc-12-dev-arm64-cross; " no defsym=main digits.net
    touch own/libnetrt-riscv64.a
    exits "no linker of RISC-V" 3 "libgcc-12-dev-riscv64-cross binutils-riscv64-linux-gnu; " \
        no ld-path digits.net riscv64
    exits "no zlib" 3 "linked with zlib1g-dev:arm64; after .dpkg --add-arch" no -lz digits.net
    exits "no libpng" 3 "neon that reads pictures is linked with libpng-dev:arm64 libjpeg" \
        no -lpng16 files.net

    printf '#!/bin/sh\ncase $* in *--target=*) exit 1 ;; esac\n' >poor_cc
    exits "no C library of it" 3 "C library of that processor; .*install libc6-dev-riscv64-cross" \
        "$netc" digits.net --library --target riscv64 --cc ./poor_cc -o poor-lib
    printf '#!/bin/sh\ncase $* in *-fuse-ld*) exit 1 ;; esac\n' >poor_cc
    exits "no linker" 3 "no lld to link with; .*apt-get install lld" \
        "$netc" digits.net --library --target neon --cc ./poor_cc -o poor-lib
fi

# ---- What is not taken --------------------------------------------------------------------------
sed 's/clip(least=0.25)/clip(least=0.5)/' xor_concat.net >other.net
exits "a run of another preparation" 1 "has another clip of point" \
    "$netc" other.net --library --weights xor-run -o other-lib
check "leaves no folder" [ ! -e other-lib ]
sed 's/clip(least=0.25)/log1p/' xor_concat.net >log.net
exits "a run of other preparations" 1 "has another log1p of point" \
    "$netc" log.net --library --weights xor-run -o other-lib
exits "weights of another network" 1 "model.safetensors: ops.first.weight: a tensor is missing" \
    "$netc" digits.net --library --weights xor-run -o other-lib
mkdir renamed && LC_ALL=C sed 's/running_var/running_vax/' run/model.safetensors \
    >renamed/model.safetensors
exits "a batchnorm without its variance" 1 "ops.middle.running_var: a tensor is missing" \
    "$netc" digits.net --library --weights renamed -o other-lib
mkdir moved && cp run/model.safetensors moved && sed 's/"3"/"4"/' run/preparation.json \
    >moved/preparation.json
exits "another run's preparation" 1 "is not what the run of the weights has learnt" \
    "$netc" digits.net --library --weights moved -o other-lib
head -c -3 run/preparation.json >moved/preparation.json
exits "a preparation that is cut off" 1 "preparation.json is damaged" \
    "$netc" digits.net --library --weights moved -o other-lib
sed 's/"version": 2/"version": 3/' run/preparation.json >moved/preparation.json
exits "a preparation of another version" 1 'expected "version" 2' \
    "$netc" digits.net --library --weights moved -o other-lib
mkdir folds && echo '{}' >folds/kfold.json
exits "several folds" 1 "is a k-fold, with weights for each of its folds: --weights folds/fold_1" \
    "$netc" digits.net --library --weights folds -o other-lib
exits "a checkpoint" 1 "checkpoint.safetensors: a checkpoint is of a run in the making" \
    "$netc" digits.net --library --weights run/checkpoint.safetensors -o other-lib
exits "no weights" 1 "cannot read" "$netc" digits.net --library --weights none -o other-lib
exits "weights of a trainer" 2 "goes with --library" "$netc" digits.net --weights run
exits "no folder" 2 "wants a folder" "$netc" digits.net --library
exits "a file in its place" 2 "is not a folder" "$netc" digits.net --library -o rows
mkdir mine && echo "int mine;" >mine/digits.c
exits "a file of others" 2 "would be lost" "$netc" digits.net --library -o mine
finish
