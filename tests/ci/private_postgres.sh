# shellcheck shell=bash
# The private PostgreSQL of a clone, for ./dev: made by initdb, started on demand, stopped by its last user.
# Expects ROOT, STATE, say and die.
#
# It lives in .dev/postgres. PostgreSQL refuses to run as root, so for root it runs as another user; where
# that user cannot enter the clone, it lives in /var/lib. Locally it is reached through a socket in a folder
# that nobody else can enter, over TCP with a password.

postgres_home=    # data/, socket/, password, log
server_user=      # empty: who runs this script
locked=           # yes: descriptor 9 is a lock on the server, shared by all who use it

server_programs() {
    local folder
    folder=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    if [[ -x $folder ]]; then
        dirname "$folder"
    elif command -v initdb >/dev/null; then
        dirname "$(readlink -f "$(command -v initdb)")"
    fi
}

client_program() {
    local programs
    programs=$(server_programs)
    if [[ -n $programs ]]; then say "$programs/$1"; else say "$1"; fi
}

as_server() {
    if [[ -z $server_user ]]; then
        (cd / && exec "$@")
    else
        (cd / && exec setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --clear-groups "$@")
    fi
}

clone_hash() { printf '%s' "$ROOT" | sha256sum | cut -c1-12; }

choose_server_user() {
    [[ $EUID -eq 0 ]] || return 0
    local name
    for name in postgres nobody; do
        id "$name" >/dev/null 2>&1 && server_user=$name && break
    done
    [[ -n $server_user ]] || die 'PostgreSQL does not run as root, and there is neither a user postgres nor nobody'
    # An ordinary user's database is run as that user.
    if [[ -d $STATE/postgres/data && $(stat -c %u "$STATE/postgres/data") -ne 0 ]]; then
        server_user=$(stat -c %U "$STATE/postgres/data")
    fi
}

choose_postgres_home() {
    mkdir -p "$STATE"
    choose_server_user
    postgres_home=$STATE/postgres
    [[ -n $server_user ]] || return 0
    if ! as_server test -x "$STATE"; then
        postgres_home=/var/lib/splits-dev-$(clone_hash)
    fi
}

socket_folder() {
    local folder=$postgres_home/socket
    # A socket's path has at most 107 bytes.
    if [[ $(printf '%s/.s.PGSQL.65535' "$folder" | wc -c) -gt 107 ]]; then
        folder=/tmp/splits-$(clone_hash)
    fi
    say "$folder"
}

# Line $1 of the running server's own note: 1 process id, 4 port. Fails when it does not run.
server_note() {
    local note=$postgres_home/data/postmaster.pid pid
    pid=$(as_server head -n 1 "$note" 2>/dev/null) || return 1
    # After a crash the number may be another program's by now.
    [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$postgres_home/data" ]] || return 1
    as_server sed -n "${1}p" "$note"
}

percent_encoded() {
    local LC_ALL=C text=$1 byte i
    for ((i = 0; i < ${#text}; i++)); do
        byte=${text:i:1}
        if [[ $byte == [a-zA-Z0-9/._~-] ]]; then printf '%s' "$byte"; else printf '%%%02X' "'$byte"; fi
    done
}

private_url() {
    say "postgresql://splits@/splits?host=$(percent_encoded "$(socket_folder)")&port=$(server_note 4)"
}

private_url_shown() {
    say "postgresql://splits@127.0.0.1:$(server_note 4)/splits (password in $postgres_home/password)"
}

create_cluster() {
    local programs=$1 locale=C.UTF-8
    locale -a 2>/dev/null | grep -qix 'c\.utf-\?8' || locale=C
    say "Creating a private PostgreSQL in $postgres_home"
    [[ -z $server_user ]] || say "It runs as the user $server_user, for it refuses to run as root"
    [[ $postgres_home == "$STATE"/* ]] || say "It is not in the clone, for $server_user cannot enter that"
    as_server rm -rf -- "$postgres_home/data"
    head -c 18 /dev/urandom | base64 | tr '+/' '-_' | as_server tee "$postgres_home/password" >/dev/null
    as_server "$programs/initdb" -D "$postgres_home/data" -U splits --encoding=UTF8 --locale="$locale" \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile="$postgres_home/password" \
        >"$STATE/initdb.log" 2>&1 || { cat "$STATE/initdb.log" >&2; die 'initdb failed'; }
    echo "include_if_exists = 'splits.conf'" | as_server tee -a "$postgres_home/data/postgresql.conf" >/dev/null
    as_server touch "$postgres_home/data/created"
}

create_folders() {
    local folder
    mkdir -p "$postgres_home"
    if [[ -n $server_user ]]; then
        chown "$server_user" "$postgres_home"
    fi
    [[ -O $postgres_home || -n $server_user ]] ||
        die "$postgres_home belongs to $(stat -c %U "$postgres_home"): run as that user or root, or ./dev clean as root"
    folder=$(socket_folder)
    as_server mkdir -p -m 700 "$folder"
    [[ $(stat -c %U "$folder") == "${server_user:-$(id -un)}" ]] || die "$folder belongs to somebody else"
    as_server chmod 700 "$postgres_home" "$folder"
}

configure_server() {
    as_server tee "$postgres_home/data/splits.conf" >/dev/null <<SETTINGS
listen_addresses = '127.0.0.1'
port = $(free_port)
unix_socket_directories = '$(socket_folder | sed "s/'/''/g")'
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = '256MB'
SETTINGS
}

start_server() {
    local programs=$1
    as_server test -e "$postgres_home/data/created" || create_cluster "$programs" 9>&-
    as_server rm -f -- "$postgres_home/data/postmaster.pid"
    configure_server
    as_server "$programs/pg_ctl" start -w -t 60 -s -D "$postgres_home/data" -l "$postgres_home/log" \
        </dev/null >/dev/null 2>&1 9>&- ||
        { as_server tail -n 20 "$postgres_home/log" >&2; die "PostgreSQL did not start: $postgres_home/log"; }
}

# Starts the server, unless it runs already: for another ./dev, or since one that was killed. Who starts or stops
# it holds the lock alone, who uses it shares it.
start_postgres() {
    local programs
    programs=$(server_programs)
    [[ -n $programs ]] || die 'no PostgreSQL server is installed (initdb was not found)'
    choose_postgres_home
    create_folders
    exec 9>"$STATE/lock"
    locked=yes
    until flock -s 9 && server_note 1 >/dev/null; do
        flock -u 9
        if flock -n 9 && ! server_note 1 >/dev/null; then
            start_server "$programs"
        fi
        sleep 0.1
    done
    create_database 9>&-
}

create_database() {
    local client url tries
    client=$(client_program psql)
    url=$(private_url)
    for ((tries = 0; tries < 300; tries++)); do # a server that was found may still be starting
        "$client" -XAtq "${url/\/splits\?//postgres?}" -c 'SELECT' >/dev/null 2>&1 && break
        sleep 0.1
    done
    "$client" -XAtq "${url/\/splits\?//postgres?}" -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SELECT 'CREATE DATABASE splits' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'splits') \gexec
SQL
    "$client" -Xq "$url" -c 'SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS pg_stat_statements'
}

# Stops the server, unless another ./dev uses it.
stop_postgres() {
    [[ -n $locked ]] || return 0
    if flock -n 9; then
        end_server
    fi
    exec 9>&-
    locked=
}

end_server() {
    server_note 1 >/dev/null || return 0
    as_server "$(server_programs)/pg_ctl" stop -w -t 60 -m fast -s -D "$postgres_home/data" </dev/null 9>&- ||
        die "PostgreSQL did not stop: $postgres_home/log"
}

# For ./dev clean: the server, its data, its socket folder.
remove_postgres() {
    [[ -d $STATE ]] || return 0
    choose_postgres_home
    [[ -e $postgres_home ]] || return 0
    exec 9>"$STATE/lock"
    flock -n 9 || die 'another ./dev uses the private database'
    end_server
    as_server rm -rf -- "$(socket_folder)"
    rm -rf -- "$postgres_home" || die "$postgres_home belongs to $(stat -c %U "$postgres_home"): clean as that user or root"
}
