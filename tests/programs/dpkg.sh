# dpkg builds, installs, verifies, upgrades and removes a package; apt-get tells its version.
set -e
mkdir -p /tmp/p/DEBIAN /tmp/p/usr/bin /tmp/p/etc && cd /tmp
package() { # version
    printf 'Package: guest-demo\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: demo\n' "$1" >p/DEBIAN/control
    echo /etc/guest-demo.conf >p/DEBIAN/conffiles
    printf '#!/bin/sh\necho "postinst $1"\n' >p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst
    printf '#!/bin/sh\necho "prerm $1"\n' >p/DEBIAN/prerm; chmod 755 p/DEBIAN/prerm
    printf '#!/bin/sh\necho demo %s\n' "$1" >p/usr/bin/guest-demo; chmod 755 p/usr/bin/guest-demo
    echo "setting=1" >p/etc/guest-demo.conf
    dpkg-deb --root-owner-group -b p "demo_$1.deb"
}
export DEBIAN_FRONTEND=noninteractive
package 1.0; dpkg -i demo_1.0.deb; guest-demo; dpkg -s guest-demo | grep -E '^(Status|Version)'; dpkg -L guest-demo
dpkg -V guest-demo; dpkg -S /usr/bin/guest-demo
package 1.1; dpkg -i demo_1.1.deb; guest-demo; dpkg-deb -I demo_1.1.deb | grep Version; dpkg-deb -c demo_1.1.deb | awk '{ print $1, $6 }'
dpkg -r guest-demo; ls /etc/guest-demo.conf; dpkg -P guest-demo; ls /etc/guest-demo.conf 2>&1 || true
dpkg --compare-versions 1.0 lt 1.1 && echo older; dpkg -l | grep -c ^ii
apt-get --version | head -n 1; apt-cache --no-generate show bash 2>/dev/null | head -n 1; apt-mark showmanual | wc -l
