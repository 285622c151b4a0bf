#!/usr/bin/env bash
# Each patch here puts one bug into the library, and names the test that must fail then:
#
#   what: the bug, in one sentence
#   known: the attacks of AUDIT.md's table that it re-creates, if any
#   test: -p PACKAGE (--lib | --test TARGET) [OPTIONS] FUNCTION, or -p PACKAGE: its whole suite
#
# First the named tests are run without any bug, and must pass. Then each patch is applied to a copy of HEAD, and
# exactly its test must run and fail. Without arguments all patches are checked, otherwise those that are named.
# A test that needs a server fails without one: REDIS_URL and POSTGRES_URL, or the standard ports.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bugs=$root/conformance/bugs
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/bugs CARGO_TERM_COLOR=never CI=1 RUST_BACKTRACE=0
mkdir -p "$CARGO_TARGET_DIR"
# Always the same folder: cargo builds anew what has moved.
tree=$CARGO_TARGET_DIR/tree output=$CARGO_TARGET_DIR/output.txt
remove_tree() { git -C "$root" worktree remove --force "$tree" 2>/dev/null || rm -rf "$tree"; git -C "$root" worktree prune; }
remove_tree
git -C "$root" worktree add --quiet --detach "$tree" HEAD
trap remove_tree EXIT
cd "$tree"

if [ $# -gt 0 ]; then patches=("${@/%/.patch}"); else patches=("$bugs"/*.patch); fi
patches=("${patches[@]##*/}")
header() { sed -n "/^diff /q; s/^$1: //p" "$bugs/$2"; }

# Sets `target`, what cargo is told, and `test`, the function in it: none is the whole suite.
take_apart() {
    target=$(header test "$1") test=""
    [ -n "$target" ] || { echo "$1 names no test" >&2; exit 1; }
    case "$target" in *--lib*|*--test*) test=${target##* } target=${target% *} ;; esac
}

# Runs `test`, or all. Cargo builds all before it runs any, and of a whole suite the first part is often enough.
run() {
    if [ -n "$test" ]; then
        timeout 300 cargo test "$@" -- --exact "$test"
    else
        timeout 300 cargo test "$@" --lib && timeout 600 cargo test "$@"
    fi
}

declare -A tests=()
for patch in "${patches[@]}"; do
    take_apart "$patch"
    [[ " ${tests[$target]-} " == *" $test "* ]] || tests[$target]+=" $test"
done
for target in "${!tests[@]}"; do
    read -ra names <<< "${tests[$target]}"
    read -ra arguments <<< "$target"
    if ! cargo test -q "${arguments[@]}" -- --exact "${names[@]}" > "$output" 2>&1; then
        cat "$output"
        echo "without any bug: cargo test $target fails" >&2
        exit 1
    fi
    if [ ${#names[@]} -gt 0 ] && ! grep -q "^test result: ok. ${#names[@]} passed" "$output"; then
        echo "without any bug: cargo test $target has not all of: ${names[*]}" >&2
        exit 1
    fi
    echo "without any bug: cargo test $target: ${#names[@]} named, passed (${SECONDS}s)"
done

caught=0
for patch in "${patches[@]}"; do
    take_apart "$patch"
    read -ra arguments <<< "$target"
    begun=$SECONDS
    if ! git apply "$bugs/$patch"; then
        verdict="DOES NOT APPLY"
    elif ! cargo test -q "${arguments[@]}" $([ -n "$test" ] || echo --lib) --no-run > "$output" 2>&1; then
        verdict="DOES NOT COMPILE: $(grep -m 1 '^error' "$output" || true)"
    # One that hangs is not caught.
    elif run "${arguments[@]}" > "$output" 2>&1; then
        verdict="NOT CAUGHT by ${test:-the suite of} $target"
    elif [ -n "$test" ] && ! grep -q "^running 1 test$" "$output"; then
        verdict="NOT RUN: $test"
    elif failed=$(grep -m 1 -oP "^test \K\S+(?= .*FAILED$)" "$output"); then
        verdict="caught by $failed"
        caught=$((caught + 1))
    else
        verdict="NO TEST FAILED: $(tail -n 1 "$output")"
    fi
    printf '%-32s %s (%ss)\n' "${patch%.patch}" "$verdict" $((SECONDS - begun))
    git checkout --quiet -- .
    git clean --quiet --force -d
done
echo "$caught of ${#patches[@]} bugs are caught (${SECONDS}s)"
[ "$caught" -eq "${#patches[@]}" ]
