#!/bin/sh
# Install the servers and the browser that the tests use, where they are missing (Debian's own packages).
# Run by `make test`, so it is quick and silent when there is nothing to do.
set -eu

missing=""
have() { for file in "$@"; do [ -x "$file" ] && return 0; done; return 1; }
have /usr/lib/rabbitmq/bin/rabbitmq-server || missing="$missing rabbitmq-server"
have /usr/lib/postgresql/*/bin/initdb || missing="$missing postgresql"
# A font, or every page in a screenshot is made of boxes.
have /usr/bin/chromium || missing="$missing chromium fonts-liberation"
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "The tests need these Debian packages, or the same files from elsewhere:$missing" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need these Debian packages:$missing" >&2
    echo "Install them with:  sudo sh $0" >&2
    exit 1
fi

# A freshly installed server would start at once, on the well-known ports and for the whole machine. The only door
# to that which both systemd and init scripts pass through is policy-rc.d. Ours says no to these servers only, and
# goes when we do. One that is there already is the administrator's word and stays untouched.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    cat >"$policy" <<'POLICY'
#!/bin/sh
# Temporary: written by Samklang's tests/servers/install.sh, which removes it when the installation ends.
for word in "$@"; do
    case "$word" in rabbitmq-server* | postgresql* | epmd*) exit 101 ;; esac
done
exit 0
POLICY
    chmod 0755 "$policy"
fi
had_epmd=$(command -v epmd || true)

export DEBIAN_FRONTEND=noninteractive
echo "Installing$missing ..." >&2
apt-get update -qq || echo "apt-get update failed; trying with the package lists there are." >&2
# The word splitting is meant: one argument a package.
# shellcheck disable=SC2086
if ! said=$(apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $missing 2>&1); then
    printf '%s\n' "$said" >&2
    exit 1
fi

# Nor should a test run leave servers that start at the next boot and listen to the network.
services=""
case "$missing" in *rabbitmq-server*) services="$services rabbitmq-server.service" ;; esac
case "$missing" in *postgresql*) services="$services postgresql.service" ;; esac
case "$missing" in *rabbitmq-server*) [ -n "$had_epmd" ] || services="$services epmd.service epmd.socket" ;; esac
if [ -n "$services" ] && command -v systemctl >/dev/null; then
    # shellcheck disable=SC2086
    if systemctl --quiet disable $services >/dev/null 2>&1; then
        echo "Not started by the system (systemctl enable --now would):$services" >&2
    fi
fi
