# Sourced by the other scripts: installs what is missing from the distribution's packages.
# Debian 12, 13 and Ubuntu 24.04; as root or with sudo. Quick when nothing is missing.
#
#   install_packages build        what the compiler needs
#   install_packages build test   what the tests need as well
#   configure_tree <preset>       configure build/<preset>
#   build_tree <preset> [target…] build it, configured first if it never was

set -euo pipefail

project_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
jobs="${PERSONAS_JOBS:-$(nproc)}"

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Debian 12's default Boost is 1.74, so its newer one is named by version.
boost_packages() {
  if [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = bookworm ]; then
    echo libboost1.81-dev libboost-json1.81-dev
  else
    echo libboost-dev libboost-json-dev
  fi
}

wanted_packages() {
  local group package
  while read -r group package; do
    case "$group" in '' | '#'*) continue ;; esac
    case " $* " in *" $group "*) ;; *) continue ;; esac
    if [ "$package" = @boost ]; then boost_packages; else echo "$package"; fi
  done <"$project_root/scripts/lib/packages" | tr ' ' '\n'
}

missing_packages() {
  local package wanted installed
  wanted="$(wanted_packages "$@")"
  # shellcheck disable=SC2086  # a list of words
  installed="$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)"
  for package in $wanted; do
    case "$package" in
      # A Node from elsewhere brings its own npm, and a package of npm would conflict with it.
      nodejs) command -v node >/dev/null && continue ;;
      npm) command -v npm >/dev/null && continue ;;
    esac
    grep -qxF "installed $package" <<<"$installed" || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    die "this script installs Debian packages; elsewhere install what scripts/lib/packages lists"
  local missing
  missing="$(missing_packages "$@" | tr '\n' ' ')"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "missing packages: $missing
Run this script once as root, or install them: apt-get install --no-install-recommends $missing"
  fi
  say "installing: $missing"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
  # shellcheck disable=SC2086  # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $missing >&2
}

configure_tree() {
  say "configuring build/$1"
  (cd "$project_root" && cmake --preset "$1" >&2)
}

build_tree() {
  local preset="$1" tree="$project_root/build/$1"
  shift
  [ -e "$tree/build.ninja" ] || configure_tree "$preset"
  say "building build/$preset"
  ninja -C "$tree" -j"$jobs" "$@" >&2
}

# What the functional tests need from npm, pinned by tests/package-lock.json.
install_npm_packages() {
  local lock="$project_root/tests/package-lock.json"
  local stamp="$project_root/tests/node_modules/.personas-stamp"
  local sum
  sum="$(sha256sum <"$lock") $(node --version)"
  [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return 0
  say "installing the tests' npm packages"
  (cd "$project_root/tests" && npm ci --ignore-scripts --no-audit --no-fund >&2)
  echo "$sum" >"$stamp"
}
