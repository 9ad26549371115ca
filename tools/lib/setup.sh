# Set-up shared by tools/demo and tools/test: installs the Debian packages that are missing.
# Source it, then call `ensure_packages LIST INSTALL`. It never asks anything.

# shellcheck source=tools/lib/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$(basename "$0"): $*"
  exit 1
}

# Writes the lines of LIST whose package is not installed.
missing_packages() {
  local list=$1 name reason status
  while read -r name reason; do
    [[ -n $name ]] || continue
    status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null || true)
    [[ $status == ii* ]] || printf '%s %s\n' "$name" "$reason"
  done <<<"$list"
}

# `apt-get` with the rights it needs; fails when there is no way to get them.
apt() {
  local -a as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [[ $(id -u) -ne 0 ]]; then
    as_root=(sudo -- env DEBIAN_FRONTEND=noninteractive)
  fi
  "${as_root[@]}" apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

# Installs what is missing of LIST, or refuses with the command to type when INSTALL is `no`.
ensure_packages() {
  local list=$1 install=$2 missing name reason
  local -a names=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is not Debian: install by hand what tools/lib/packages.sh lists"
  fi
  missing=$(missing_packages "$list")
  [[ -n $missing ]] || return 0

  say "Missing from this machine:"
  while read -r name reason; do
    names+=("$name")
    say "$(printf '  %-26s %s' "$name" "$reason")"
  done <<<"$missing"

  local command="apt-get install --no-install-recommends ${names[*]}"
  if [[ $install == no ]]; then
    fail "nothing was installed, as --no-install asks. To install, type as root:
  $command"
  fi
  if [[ $(id -u) -ne 0 ]] && ! command -v sudo >/dev/null; then
    fail "neither root nor sudo. To install, type as root:
  $command"
  fi

  say "Installing ${#names[@]} packages: $command"
  # The lists of a fresh machine are empty, those of an old one name files that are gone; so one
  # update is the remedy for both, and needless where the first try works.
  if ! apt install --no-install-recommends "${names[@]}"; then
    say "Fetching the package lists first: apt-get update"
    apt update
    apt install --no-install-recommends "${names[@]}" ||
      fail "apt-get could not install: ${names[*]}"
  fi
}
