# hosts.sh -- what the tests of libraries share: the compiler of hosts, programs of the
# documentation, numbers compared. Sourced behind shell.sh, in the scratch folder.

cc=$(command -v clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 cc | head -n 1)
sanitize=
[ "$(nm "$netc" | grep -c __asan_init)" = 0 ] || sanitize="-fsanitize=address,undefined"

# block LANGUAGE: the program of the documentation
block() { sed -n '/^```'"$1"'$/,/^```$/p' "$root/docs/library.md" | sed '1d; $d'; }

# close A B: files of as many numbers, within 1e-6
close() { python3 "$scratch/close.py" "$1" "$2"; }
cat >close.py <<'END'
import struct, sys
def numbers(path):
    data = open(path, "rb").read()
    if data[:6] == b"\x93NUMPY":
        data = data[10 + int.from_bytes(data[8:10], "little"):]
        return struct.unpack("<%df" % (len(data) // 4), data)
    return [float(x) for x in data.split()]
a, b = numbers(sys.argv[1]), numbers(sys.argv[2])
sys.exit(len(a) != len(b) or not a or not all(abs(x - y) <= 1e-6 for x, y in zip(a, b)))
END
