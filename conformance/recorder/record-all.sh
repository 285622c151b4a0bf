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
for kind in exhaustive random rules; do
    generate "$kind" >"$work/$kind.scenarios.jsonl" || fail "generating $kind failed"
    node record.mjs <"$work/$kind.scenarios.jsonl" >"$work/$kind.traces.jsonl" || fail "recording $kind failed"
    for part in scenarios traces; do
        new=$work/$kind.$part.jsonl
        fixture=$fixtures/$kind.$part.jsonl.gz
        if [ "$check" = yes ]; then
            # What counts is the text, not how well it was compressed.
            if ! gzip -dc "$fixture" | cmp -s - "$new"; then
                echo "differs: conformance/fixtures/$kind.$part.jsonl.gz" >&2
                differing=$((differing + 1))
            fi
        else
            mkdir -p "$fixtures"
            gzip -9nc "$new" >"$fixture" # -n: no time stamp, so that the bytes are the same each time
        fi
    done
    echo "$kind: $(wc -l <"$work/$kind.scenarios.jsonl") scenarios"
done

[ "$differing" -eq 0 ] || fail "$differing fixtures are not what express-session does now"
