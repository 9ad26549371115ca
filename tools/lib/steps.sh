# Child processes that a signal can end at any moment, with everything they started.
# Source it after `set -euo pipefail`.
#
# Every child leads a process group of its own. A shell runs a trap only after its foreground
# command has ended; `wait` on a background child is the exception, so all long work waits.

# Starts "$@" in a process group of its own; its id is in `started`.
start_group() {
  set -m
  "$@" &
  started=$!
  set +m
}

# Runs "$@" to its end and returns its status.
run_group() {
  local status=0
  start_group "$@" </dev/null
  local child=$started
  wait "$child" || status=$?
  return "$status"
}

# Asks every group to stop, then insists after 6 s. Only groups whose leader this shell knows to be
# running are signalled, so that an id that has come to belong to somebody else is left alone. The
# shell's own list is what counts: a trap may run before start_group has noted anything.
stop_groups() {
  local child deadline=$((SECONDS + 6))
  local -a stopping=()
  for child in $(jobs -rp); do
    kill -TERM -- "-$child" 2>/dev/null || continue
    stopping+=("$child")
  done
  for child in ${stopping[@]+"${stopping[@]}"}; do
    while kill -0 -- "-$child" 2>/dev/null; do
      if ((SECONDS >= deadline)); then
        kill -KILL -- "-$child" 2>/dev/null || true
        break
      fi
      sleep 0.05
    done
    wait "$child" 2>/dev/null || true
  done
}
