#!/usr/bin/env bash
# Makes the fixtures again from the real express-session:
#     record-all.sh            writes ../fixtures
#     record-all.sh --check    writes nothing there; fails if a fixture differs
set -euo pipefail

fail() {
    echo "record-all.sh: $*" >&2
    exit 1
}

case "${1-}" in
    "") check=no ;;
    --check) check=yes ;;
    *) fail "usage: record-all.sh [--check]" ;;
esac

for tool in node npm gzip; do
    command -v "$tool" >/dev/null || fail "$tool is not installed (Node 20 or later is needed)"
done
major=$(node --print 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || fail "Node 20 or later is needed, this is $(node --version)"

cd "$(dirname "${BASH_SOURCE[0]}")"
fixtures=../fixtures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm ci --silent || fail "npm ci failed"

generate() {
    case $1 in
        random) node generate.mjs random --seed 7 --count 2000 ;;
        *) node generate.mjs "$1" ;;
    esac
}

differing=0

# What is small stays readable.
name() {
    case $1 in
        quirks* | recommended) echo "$1.$2.jsonl" ;;
        *) echo "$1.$2.jsonl.gz" ;;
    esac
}

# What counts is the text, not how well it was compressed.
text() {
    case $1 in
        *.gz) gzip -dc "$1" ;;
        *) cat "$1" ;;
    esac
}

keep() {
    new=$work/$1.$2.jsonl
    fixture=$fixtures/$(name "$1" "$2")
    if [ "$check" = yes ]; then
        if ! text "$fixture" | cmp -s - "$new"; then
            echo "differs: conformance/fixtures/$(name "$1" "$2")" >&2
            differing=$((differing + 1))
        fi
        return
    fi
    mkdir -p "$fixtures"
    case $fixture in
        *.gz) gzip -9nc "$new" >"$fixture" ;; # -n: no time stamp, so that the bytes are the same each time
        *) cp "$new" "$fixture" ;;
    esac
}

for kind in exhaustive random rules quirks quirks-recommended recommended; do
    generate "$kind" >"$work/$kind.scenarios.jsonl" || fail "generating $kind failed"
    keep "$kind" scenarios
    echo "$kind: $(wc -l <"$work/$kind.scenarios.jsonl") scenarios"
    # express-session has nothing of that: these traces are checked by hand, and left alone.
    case $kind in *recommended) continue ;; esac
    node record.mjs <"$work/$kind.scenarios.jsonl" >"$work/$kind.traces.jsonl" || fail "recording $kind failed"
    keep "$kind" traces
done

[ "$differing" -eq 0 ] || fail "$differing fixtures are not what express-session does now"
