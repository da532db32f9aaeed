#!/usr/bin/env bash
# The torture of system calls: ten requests, over HTTP and HTTPS, again and again, and
# each time exactly one system call of the client fails.
#
#   tests/chaos/torture.sh [STEP]       # every STEP-th call; 1, the usual, is every call
#
# For each kind of call S, each error E it may have, and each k from 1 to the number of
# calls of that kind in the untouched scenario, the k-th S fails with E. The client must
# end by itself, without a panic or a wrong body, with one outcome per request and all
# descriptors closed. Needs strace. Exit 1 when a run does not hold; its line is the
# command that repeats it.
set -u -o pipefail
cd "$(dirname "$0")" || exit 2
step=${1:-1}
command -v strace >/dev/null || { echo "torture: strace is not installed"; exit 0; }
cargo build --quiet --locked --bins || exit 2
bin=${CARGO_TARGET_DIR:-target}/debug
work=$(mktemp -d)
pids=()
finish() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done; rm -rf "$work"; }
trap finish EXIT

# serve NAME ARGUMENTS...: an origin in the background; its address goes to $work/NAME.
serve() {
    local name=$1
    shift
    mkfifo "$work/$name.in"
    "$bin/origin" "$@" <"$work/$name.in" >"$work/$name" &
    pids+=($!)
    exec {fd}>"$work/$name.in"
    until [ -s "$work/$name" ]; do sleep 0.01; done
}
serve plain 0
serve secure 0 tls "$work/pem"

# The calls, and what each may fail with.
kinds="
epoll_create1:EMFILE,ENOMEM
eventfd2:EMFILE,ENOMEM
epoll_ctl:ENOSPC,ENOMEM
epoll_wait:EINTR
socket:EMFILE,ENFILE,ENOBUFS,ENOMEM
connect:EINTR,ECONNREFUSED,ENETUNREACH,EADDRNOTAVAIL,ETIMEDOUT
getsockopt:ENOBUFS
getpeername:ENOTCONN,ENOBUFS
setsockopt:ENOBUFS
recvfrom:EINTR,EAGAIN,ECONNRESET,ETIMEDOUT,ENOMEM
sendto:EINTR,EAGAIN,ECONNRESET,EPIPE,ENOBUFS,ENOMEM
read:EINTR,EAGAIN
write:EINTR,EAGAIN
close:EINTR,EIO
"

runs=0 bad=0
for scheme in http https; do
    case $scheme in
        http) target=("http://$(cat "$work/plain")") ;;
        https) target=("https://$(cat "$work/secure")" "$(cat "$work/pem")") ;;
    esac
    "$bin/ten-requests" "${target[@]}" >"$work/out" || { echo "it fails untouched:"; cat "$work/out"; exit 1; }
    for kind in $kinds; do
        call=${kind%%:*}
        strace -f -qq -o "$work/calls" -e "trace=$call" "$bin/ten-requests" "${target[@]}" >/dev/null
        count=$(grep -c "$call(" "$work/calls")
        for error in $(tr ',' ' ' <<<"${kind#*:}"); do
            # Before main() the dynamic loader opens files: those are not the client's.
            for ((k = 1; k <= count; k += step)); do
                keeps=()
                [ "$call" = close ] && keeps=(env KEEPS_DESCRIPTORS=1)
                timeout 120 "${keeps[@]}" strace -f -qq -o /dev/null --seccomp-bpf -e "trace=$call" \
                    -e "inject=$call:error=$error:when=$k" \
                    "$bin/ten-requests" "${target[@]}" >"$work/out" 2>"$work/err"
                rc=$?
                runs=$((runs + 1))
                # The loader and the standard library's own start may give up: not ours.
                if [ $rc -ne 0 ] && ! grep -q "error while loading shared libraries" "$work/err"; then
                    bad=$((bad + 1))
                    echo "rc $rc: strace -f -e inject=$call:error=$error:when=$k ten-requests $scheme"
                    head -c 600 "$work/out"; head -c 600 "$work/err"
                fi
            done
        done
        printf '%-5s %-14s %3d calls, %5d runs so far, %d bad\n' "$scheme" "$call" "$count" "$runs" "$bad"
    done
done
echo "torture: $runs runs, $bad do not hold"
[ "$bad" -eq 0 ]
