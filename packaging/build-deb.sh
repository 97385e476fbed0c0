#!/bin/sh
# Build dist/tillcard_VERSION_ARCHITECTURE.deb: the daemon in an environment of its own at
# /opt/tillcard, for Debian's own python3. Needs the packages of `system-packages.sh run`.
set -eu
cd "$(dirname "$0")/.."

python=/usr/bin/python3  # Debian's: the one that the package will run with
home=/opt/tillcard
version=$($python -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work" build' EXIT
stage=$work/stage
mkdir -p "$stage$home" "$stage/DEBIAN" dist

rm -rf build  # what setuptools left there of older sources would be packed too
echo "building the environment"
$python -m venv "$stage$home"
"$stage$home/bin/python" -m pip --disable-pip-version-check -qq install -c constraints.txt .
"$stage$home/bin/python" -m pip --disable-pip-version-check --quiet uninstall --yes pip setuptools
# What was written with the staging path shall say where it will stand.
grep -rlI "$stage" "$stage$home" | xargs -r sed -i "s|$stage||g"
rm -f "$stage$home"/bin/[Aa]ctivate*
find "$stage" -type d -name __pycache__ -prune -exec rm -rf {} +

put() { install -D -m "$1" "$2" "$stage$3"; }
put 644 packaging/systemd/tillcard.service /lib/systemd/system/tillcard.service
put 644 packaging/systemd/tillcard.socket /lib/systemd/system/tillcard.socket
put 644 packaging/udev/60-tillcard.rules /lib/udev/rules.d/60-tillcard.rules
put 644 packaging/polkit/50-tillcard.rules /usr/share/polkit-1/rules.d/50-tillcard.rules
put 644 packaging/sysusers/tillcard.conf /usr/lib/sysusers.d/tillcard.conf
put 644 packaging/etc/tillcard.toml /etc/tillcard/tillcard.toml
put 644 docs/programmes/first.toml /etc/tillcard/programme.toml
put 644 LICENSE /usr/share/doc/tillcard/copyright
for file in docs/*.md docs/pictures/*.png docs/programmes/*.toml; do
  put 644 "$file" "/usr/share/doc/tillcard/${file#docs/}"
done
mkdir -p "$stage/usr/bin"
ln -s $home/bin/tillcard "$stage/usr/bin/tillcard"

put 644 packaging/debian/conffiles /DEBIAN/conffiles
for script in postinst prerm postrm; do put 755 "packaging/debian/$script" "/DEBIAN/$script"; done
installed_kb=$(du -sk --exclude=DEBIAN "$stage" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" \
  -e "s/@INSTALLED_KB@/$installed_kb/" packaging/debian/control.in > "$stage/DEBIAN/control"
chmod -R go=rX "$stage"
dpkg-deb --root-owner-group -Zxz --build "$stage" "dist/tillcard_${version}_${architecture}.deb"
