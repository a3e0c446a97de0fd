# Runs parts and counts. The script's real output is descriptor 3; what a part prints goes to its log.

mkdir -p "$CACHE/logs"
exec 3>&1
PASSED=0
FAILED=0
TAIL_LINES=80

# A line for the reader, from inside a part.
note() {
  echo "$*" >&3
}

fail() {
  echo "scripts/test: $*" >&2
  exit 1
}

# Runs one part in a shell of its own, so that its `set -e` ends it and not the others.
run_part() {
  local part=$1 log=$CACHE/logs/$1.log began=$SECONDS status=0 passed failed
  (set -euo pipefail && "part_$part") >"$log" 2>&1 &
  wait $! || status=$?
  read -r passed failed < <(counts "$part" "$log" "$status")
  # A part that failed outside any test (a build error), or that ran no test at all, has failed.
  if ((status != 0 && failed == 0)) || ((passed + failed == 0)); then failed=1; fi
  if ((failed > 0)); then
    echo "--- $part failed (status $status); the end of $log:"
    tail -n "$TAIL_LINES" "$log"
    grep -E '^test .* FAILED$|^ *✖ ' "$log" | sort -u || true
    echo "---"
  fi
  # The test runner's own closing lines are what continuous integration reads.
  grep -hE '^test result: ' "$log" || true
  printf '%s: %d passed, %d failed (%02d:%02d)\n' \
    "$part" "$passed" "$failed" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60))
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
}

# "PASSED FAILED" of a part, read from what its runner printed.
counts() {
  local part=$1 log=$2 status=$3
  case $part in
    cargo | quick)
      sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed;.*/\1 \2/p' "$log" | awk '{p += $1; f += $2} END {print p + 0, f + 0}'
      ;;
    deny)
      grep -E '^(advisories|bans|licenses|sources) (ok|FAILED)' "$log" | tr ',' '\n' |
        awk '/ ok/ {p++} /FAILED/ {f++} END {print p + 0, f + 0}'
      ;;
    fuzz) awk '/^fuzz .*: ok$/ {p++} /^fuzz .*: FAILED$/ {f++} END {print p + 0, f + 0}' "$log" ;;
    fmt | clippy) ((status == 0)) && echo 1 0 || echo 0 1 ;;
    *) awk '$2 == "pass" {p += $3} $2 == "fail" || $2 == "cancelled" {f += $3} END {print p + 0, f + 0}' <(grep '^ℹ ' "$log" || true) ;;
  esac
}

finish() {
  echo "total: $PASSED passed, $FAILED failed"
  ((FAILED == 0))
}
