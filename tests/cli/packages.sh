#!/usr/bin/env bash
# packages.sh -- which packages tests/support/packages.sh asks for, on a machine that has some.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# machine COMMAND...: a PATH of these commands, which all do nothing; apt-get says what it is asked
mkdir base machine
for command in bash env cut rm cat; do ln -s "$(command -v $command)" base; done
printf '#!/bin/sh\necho asked: "$@"\n' >base/apt-get
printf '#!/bin/sh\necho 0\n' >base/id
machine() {
    rm -f machine/*
    for command in "$@"; do printf '#!/bin/sh\n' >"machine/$command"; done
    chmod +x base/* machine/* 2>/dev/null
}

# asks NAME CC PACKAGE: does the build want the package? or `what` else
what=build
asks() {
    local asked
    asked=$(PATH=$PWD/base:$PWD/machine CC=$2 "$root/tests/support/packages.sh" $what | tail -n 1)
    check "$1: $3" bash -c '[[ " $0 " == *" $1 "* ]]' "$asked" "$3"
}
asks_not() {
    local asked
    asked=$(PATH=$PWD/base:$PWD/machine CC=$2 "$root/tests/support/packages.sh" $what | tail -n 1)
    check "$1: no $3" bash -c '[[ " $0 " != *" $1 "* ]]' "$asked" "$3"
}

machine
asks "an empty machine" "" flex
asks "an empty machine" "" clang
machine cc gcc flex bison
asks "another C compiler" "" clang
asks "another C compiler that is given" gcc clang
asks_not "another C compiler" "" flex
machine clang-15
asks_not "an older clang" "" clang
asks "an older clang" "" bison
what=test
asks "an empty machine" "" openmpi-bin
machine mpicc mpirun
asks_not "another MPI" "" libopenmpi-dev
asks_not "another MPI" "" openmpi-bin
finish
