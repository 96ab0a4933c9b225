#!/usr/bin/env bash
# Show that the C core is right on every compiler, build switch, processor and checking tool at hand:
# one line for each run, `ok` or `FAILED` in front. See "Portability" in benchmarks/README.md.
# Exit code 1 where a run failed or a tool is missing; --allow-missing forgives the latter.
set -uo pipefail
cd "$(dirname "$0")/.."

case "$*" in
    "" | --allow-missing) allow_missing=$* ;;
    *) echo "usage: $0 [--allow-missing]" >&2 && exit 2 ;;
esac
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 missing=0

warnings="-std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror"
sources="csrc/*.c tests/ledger/check_core.c -Icsrc"
vectors=$work/vectors.txt
switches=$(grep -oh 'defined(MEDCHAIN_NO_[A-Z0-9_]*)' csrc/*.[ch] | grep -o 'MEDCHAIN_[A-Z0-9_]*' | sort -u)

# Where the mix of SHA extensions and AVX-512 runs but does not pay, dispatch.c leaves it out: not here.
everything=
if grep -q ' sha_ni.* avx512\|avx512.* sha_ni' /proc/cpuinfo 2>/dev/null; then
    everything=-DMEDCHAIN_CPU=15
fi

# run WHAT COMMAND...: one line with the verdict and the last line printed; all of it after a failure.
run() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $what: $(tail -n 1 <<<"$output")"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$what" "$output"
    fi
}

# has TOOL: whether it is there; one line where it is not.
has() {
    command -v "$1" >/dev/null && return
    missing=$((missing + 1))
    echo "MISSING $1"
    return 1
}

# check WHAT COMPILER RUNNER [KERNEL...]: compile core and checks together and run them.
check() { run "$1" build_and_run "${@:2}"; }

build_and_run() {
    local compiler=$1 runner=$2
    shift 2
    # shellcheck disable=SC2086
    $compiler $warnings $sources -o "$work/check" && $runner "$work/check" "$vectors" "$@"
}

"$python" tests/ledger/vectors_as_text.py >"$vectors" || exit 2

echo "# compilers and build switches"
for compiler in gcc clang; do
    has $compiler || continue
    for level in -O0 -O2 -O3; do
        check "$compiler $level" "$compiler $level $everything" ""
    done
    for switch in $switches; do
        check "$compiler -D$switch" "$compiler -O3 $everything -D$switch" ""
    done
    check "$compiler, all switches" "$compiler -O3 ${switches//MEDCHAIN/-DMEDCHAIN}" "" portable
done

echo "# sanitizers and valgrind"
sanitize="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all"
for compiler in gcc clang; do
    has $compiler || continue
    check "$compiler, address and undefined behaviour" "$compiler $sanitize $everything -fsanitize=address,undefined" ""
done
has clang && check "clang, uninitialised memory" "clang $sanitize $everything -fsanitize=memory" ""
# Valgrind 3.19 knows neither the SHA extensions nor AVX-512 and hides them: the kernels that it names.
has valgrind && check "valgrind memcheck" "gcc -O1 -g" "valgrind -q --leak-check=full --error-exitcode=9"

echo "# other processors, under qemu-user"
if has qemu-aarch64 && has aarch64-linux-gnu-gcc; then
    for level in -O2 -O3; do
        check "arm64, gcc $level" "aarch64-linux-gnu-gcc -static $level" qemu-aarch64 armv8 portable
    done
    check "arm64, gcc -DMEDCHAIN_NO_ARMV8" "aarch64-linux-gnu-gcc -static -O3 -DMEDCHAIN_NO_ARMV8" qemu-aarch64
    check "arm64, undefined behaviour" "aarch64-linux-gnu-gcc -static $sanitize -fsanitize=undefined" qemu-aarch64 armv8
    has clang && check "arm64, clang" "clang --target=aarch64-linux-gnu -static -O3" qemu-aarch64 armv8 portable
fi
if has qemu-s390x && has s390x-linux-gnu-gcc; then
    check "s390x, big-endian" "s390x-linux-gnu-gcc -static -O3" qemu-s390x
fi
if has qemu-x86_64; then
    check "x86-64 without AVX" "gcc -static -O3" "qemu-x86_64 -cpu Nehalem"
    check "x86-64 without the SHA extensions" "gcc -static -O3" "qemu-x86_64 -cpu Haswell"
fi
if echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$work/check" - 2>/dev/null; then
    check "i386" "gcc -m32 -O3" ""
else
    has "gcc -m32"
fi

echo "# the Python tests, once for each kernel"
run "extension" "$python" setup.py -q build_ext --inplace
usable='from medchain.ledger import core; print(*core.usable())'
for kernel in $(PYTHONPATH=. "$python" -c "$usable"); do
    run "tests/ledger with $kernel" env MEDCHAIN_KERNEL="$kernel" PYTHONPATH=. \
        "$python" -m pytest tests/ledger -p no:cacheprovider
done

echo "$failed failed, $missing tools missing"
[ "$failed" = 0 ] && { [ "$missing" = 0 ] || [ "$allow_missing" = --allow-missing ]; }
