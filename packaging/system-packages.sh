#!/bin/sh
# Install the Debian packages that tillcard needs and that are missing, saying what each is for.
# Usage: packaging/system-packages.sh run|test|deb
set -eu

run_packages="
python3-venv:the virtual environment
python3-dev:headers to build the reader libraries
gcc:builds pyscard, which ships no Linux binary
swig:builds pyscard
libpcsclite-dev:talks to contactless readers (PC/SC)
pcscd:the PC/SC service that owns the readers
"
test_packages="
vsmartcard-vpcd:virtual contactless readers
iproute2:brings up loopback in the tests' own network namespace
chromium:a real browser for the pages
softhsm2:a token for keys, without the hardware
strace:proves that the disk comes before the answer
openssl:a foreign check of signatures and certificates
systemd:hands the daemon its socket and checks its unit, without running as init
socat:the socket played by hand, as in the README
faketime:the tests on a later day
"
deb_packages="
debootstrap:an empty Debian to install the package in
"
case "${1:-}" in
  run) wanted=$run_packages ;;
  test) wanted="$run_packages$test_packages" ;;
  deb) wanted="$run_packages$deb_packages" ;;
  *) echo "usage: $0 run|test|deb" >&2; exit 2 ;;
esac

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system. Install the equivalents of these yourself, then go on:" >&2
  echo "$wanted" >&2
  exit 0
fi
missing=""
IFS='
'
for row in $wanted; do
  package=${row%%:*}
  # A python3 that is not Debian's brings its own venv module and headers.
  case "$package" in
    python3-venv) python3 -c 'import venv, ensurepip' 2>/dev/null && continue ;;
    python3-dev) python3 -c 'import os, sysconfig; raise SystemExit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' && continue ;;
  esac
  installed "$package" && continue
  echo "needs $package: ${row#*:}"
  missing="$missing $package"
done
unset IFS
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "These system packages are missing and this user may not install them." >&2
    echo "Ask an administrator to run:  apt-get install$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086  # the list is words on purpose
$as_root apt-get install -y -qq --no-install-recommends $missing
