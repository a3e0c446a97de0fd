# What the tests need and a machine may lack. Everything that is not a Debian package goes under .cache.

NODE_VERSION=22.23.3
NODE_MAJOR=22
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2
export PATH="$CACHE/tools/bin:$CACHE/node/node_modules/.bin:$PATH"

# Installs Debian packages, or says which ones a person must install.
install_packages() {
  if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then
    echo "please install: $* (Debian's names; only root can do it from here)" >&2
    return 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

ensure_postgres() {
  find_postgres || { install_packages postgresql && find_postgres; }
}

# Debian keeps the server's programs out of PATH, one folder a version.
find_postgres() {
  local newest
  newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  PATH=$PATH${newest:+:$newest}
  command -v initdb postgres psql >/dev/null
}

ensure_chromium() {
  CHROMIUM=$(command -v chromium || command -v chromium-browser || true)
  if [[ -z $CHROMIUM ]]; then
    install_packages chromium
    CHROMIUM=$(command -v chromium)
  fi
  export CHROMIUM
}

node_is_new_enough() {
  command -v node >/dev/null && (($(node -p 'process.versions.node.split(".")[0]') >= NODE_MAJOR))
}

# Debian's Node is older than the suites need; npm has the binaries, one package a platform.
ensure_node() {
  command -v npm >/dev/null || install_packages nodejs npm
  node_is_new_enough && return
  mkdir -p "$CACHE/node"
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in x86_64) machine=x64 ;; aarch64 | arm64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
  npm install --prefix "$CACHE/node" --no-save --ignore-scripts "node-$system-$machine@$NODE_VERSION"
  hash -r
  node_is_new_enough
}

# A suite's exact packages, installed again only when its lock file has changed.
ensure_suite() {
  local folder=$1 stamp
  stamp=$folder/node_modules/.lock-sum
  if [[ ! -f $stamp || $(cat "$stamp") != $(cksum <"$folder/package-lock.json") ]]; then
    npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund
    cksum <"$folder/package-lock.json" >"$stamp"
  fi
}

# A suite's exact Python packages, in an environment of their own; its path is left in VENV.
ensure_venv() {
  local folder=$1 stamp
  VENV=$CACHE/venv/$(basename "$folder")
  stamp=$VENV/.requirements-sum
  if [[ ! -f $stamp || $(cat "$stamp") != $(cksum <"$folder/requirements.txt") ]]; then
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement "$folder/requirements.txt"
    cksum <"$folder/requirements.txt" >"$stamp"
  fi
}

ensure_cargo_deny() { ensure_cargo_tool cargo-deny "$CARGO_DENY_VERSION"; }
ensure_cargo_fuzz() { ensure_cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION"; }

# A debug build takes a minute on two cores and works as fast; an optimised one takes many.
ensure_cargo_tool() {
  local tool=$1 version=$2
  [[ $("$tool" --version 2>/dev/null) == "$tool $version" ]] ||
    CARGO_TARGET_DIR=$CACHE/tools/target cargo install "$tool" \
      --locked --debug --force --version "$version" --root "$CACHE/tools"
  rm -rf "$CACHE/tools/target"
}
