#!/usr/bin/env bash
# packages.sh -- installs the packages that netc is built with, where they are missing, through apt
# (with sudo when not root), and says which.
#
#     packages.sh build           what netc and its trainers need
#     packages.sh test            and what the tests need
#     packages.sh sanitizers      clang's sanitizers, in a package named by its version
#     packages.sh lint            clang-format and clang-tidy
#     packages.sh demo            what WebAssembly is compiled with
#
# CC: a compiler that netc is built with instead of the first clang; models want clang all the same.
set -euo pipefail

# the clang that netc finds, or else nothing
first_clang() {
    local name
    for name in clang clang-{14..19}; do
        type -P "$name" && return
    done
    return 0
}

# a package, and a file or command that says it is there; Debian 12's `clang` is clang 14
found=$(first_clang)
build="flex:flex bison:bison clang:${found:-clang} \
       libsimde-dev:/usr/include/simde/x86/avx512.h zlib1g-dev:/usr/include/zlib.h \
       libpng-dev:/usr/include/png.h libjpeg62-turbo-dev:/usr/include/jpeglib.h"
tests="pkg-config:pkg-config check:/usr/include/check.h valgrind:valgrind qemu-user:qemu-aarch64 \
       libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/include/string.h \
       libc6-dev-riscv64-cross:/usr/riscv64-linux-gnu/include/string.h \
       libopenmpi-dev:mpicc openmpi-bin:mpirun"
wasm="lld:ld.lld wasi-libc:/usr/include/wasm32-wasi/string.h"

install() {
    local as=
    [ $# -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || as=sudo
    echo "netc is built with packages that are missing here: $*"
    echo "installing them: ${as:+$as }apt-get install $*"
    $as apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive $as apt-get install -y -q --no-install-recommends "$@" ||
        { echo "could not install $*: install them by hand, then run make again" >&2; exit 1; }
}

missing_of() {
    local need file
    for need in "$@"; do
        file=${need#*:}
        [ -e "$file" ] || command -v "$file" >/dev/null || echo "${need%%:*}"
    done
}

sanitizers() {
    local cc=${CC:-$(first_clang)}
    echo 'int main(void) { return 0; }' |
        "$cc" -fsanitize=address,undefined -x c -o /dev/null - 2>/dev/null ||
        install "libclang-rt-$("$cc" -dumpversion | cut -d. -f1)-dev"
}

for what in "$@"; do
    case $what in
        # shellcheck disable=SC2046,SC2086
        build) install $(missing_of $build) ;;
        # shellcheck disable=SC2046,SC2086
        test) install $(missing_of $build $tests $wasm) ;;
        # shellcheck disable=SC2046
        lint) install $(missing_of clang-format:clang-format clang-tidy:clang-tidy) ;;
        # shellcheck disable=SC2046,SC2086
        demo) install $(missing_of $wasm) ;;
        sanitizers) sanitizers ;;
        *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
