# A private Postgres for the outside judges, on loopback, without durability: its data lives as long as the run.
# The Rust suite starts one of its own.

POSTGRES_HOME=
POSTGRES_URL=

# Starts it once; later calls find it running.
start_postgres() {
  [[ -z $POSTGRES_URL ]] || return 0
  ensure_postgres >"$CACHE/logs/postgres.log" 2>&1 || { tail -n 20 "$CACHE/logs/postgres.log" && return 1; }
  local port
  port=$(free_port)
  POSTGRES_HOME=$(mktemp -d /tmp/postern-judges-XXXXXX)
  [[ $(id -u) != 0 ]] || chown postgres: "$POSTGRES_HOME"
  as_postgres initdb -N -U postern -A trust -D data >>"$CACHE/logs/postgres.log" 2>&1 || return 1
  # shellcheck disable=SC2086 — a list of options
  as_postgres postgres -D data -p "$port" -h 127.0.0.1 -k "$POSTGRES_HOME" \
    ${POSTGRES_OPTIONS:--c fsync=off -c synchronous_commit=off -c full_page_writes=off} >>"$CACHE/logs/postgres.log" 2>&1 &
  for _ in $(seq 100); do
    if psql -qX -c 'select 1' "postgres://postern@127.0.0.1:$port/postgres" >/dev/null 2>&1; then
      POSTGRES_URL=postgres://postern@127.0.0.1:$port/postgres
      export POSTGRES_URL
      return 0
    fi
    sleep 0.1
  done
  tail -n 20 "$CACHE/logs/postgres.log"
  return 1
}

# The server refuses to run as root.
as_postgres() (
  cd "$POSTGRES_HOME"
  if [[ $(id -u) == 0 ]]; then
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
  fi
  exec "$@"
)

stop_postgres() {
  [[ -n $POSTGRES_HOME ]] || return 0
  local pid
  pid=$(head -n 1 "$POSTGRES_HOME/data/postmaster.pid" 2>/dev/null || true)
  if [[ -n $pid ]]; then
    kill -INT "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null && sleep 0.1 || break; done
  fi
  rm -rf "$POSTGRES_HOME"
}

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return 0; }
  done
  return 1
}
