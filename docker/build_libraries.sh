#!/bin/sh
# In the build stage of the Dockerfile: static libmicrohttpd and libpq for splits, from Debian's own source packages.
#
#     build_libraries.sh PREFIX
#
# Debian's binaries of the two bring GnuTLS, Kerberos and LDAP along, which the service has no use for. Leaves a line in
# PREFIX/sources for each archive: its name, the source package, its version, and the newest version there is.
set -eu
prefix=$1
mkdir -p "$prefix"

# Unpacks the source of the binary package $1 into $1/source; sets source_package, version and newest. It is the newest
# that can be had: an index may be ahead of its mirror for a while.
unpack() {
    package=$1
    source_package=$(apt-cache show "$package" | sed -nE 's/^Source: ([^ ]+).*/\1/p' | head -n 1)
    source_package=${source_package:-$package}
    newest=
    for version in $(apt-cache showsrc --only-source "$source_package" | sed -n 's/^Version: //p' | sort -rV | uniq); do
        newest=${newest:-$version}
        rm -rf -- "$package"
        mkdir "$package"
        if (cd "$package" && apt-get -qq source --download-only "$source_package=$version"); then
            (cd "$package" && dpkg-source --no-check -x ./*.dsc source)
            return
        fi
        echo "warning: the source of $source_package $version cannot be fetched, trying the version before it" >&2
    done
    echo "there is no source of $package to be had" >&2
    exit 1
}

# Says where the named archives are from, and removes the source: it is 600 MB.
finish() {
    cp "$package/source/debian/copyright" "$prefix/copyright.$source_package"
    for archive; do
        echo "$archive $source_package $version $newest" >>"$prefix/sources"
    done
    rm -rf -- "$package"
}

# Debian's own flags, hardened, and what lets the linker leave out functions that nobody calls.
use_flags() {
    DEB_BUILD_MAINT_OPTIONS=hardening=+all DEB_CFLAGS_MAINT_APPEND='-ffunction-sections -fdata-sections'
    export DEB_BUILD_MAINT_OPTIONS DEB_CFLAGS_MAINT_APPEND
    eval "$(dpkg-buildflags --export=sh)"
}

# Without what the service does not use: TLS to clients, authentication, forms, upgrades.
build_libmicrohttpd() (
    unpack libmicrohttpd-dev
    cd libmicrohttpd-dev/source
    use_flags
    ./configure -q --prefix="$prefix" --disable-shared --enable-static --disable-https --disable-curl --disable-doc \
        --disable-examples --disable-bauth --disable-dauth --disable-postprocessor --disable-httpupgrade
    make -s -j"$(nproc)" -C src/microhttpd install
    make -s -C src/include install
    make -s install-pkgconfigDATA
    cd ../..
    finish libmicrohttpd.a
)

# With OpenSSL, without Kerberos, LDAP and all that belongs to the server.
build_libpq() (
    unpack libpq-dev
    cd libpq-dev/source
    use_flags
    ./configure -q --prefix="$prefix" --sysconfdir=/etc/postgresql-common --with-ssl=openssl --without-gssapi \
        --without-ldap --without-icu --without-readline --without-zlib
    make -s -j"$(nproc)" -C src/backend generated-headers
    make -s -j"$(nproc)" -C src/interfaces/libpq all-static-lib libpq.pc
    make -s -C src/include install
    make -s -C src/interfaces/libpq install-lib-static install-lib-pc
    install -m 644 src/interfaces/libpq/libpq-fe.h src/interfaces/libpq/libpq-events.h "$prefix/include"
    make -s -C src/common libpgcommon.a
    make -s -C src/port libpgport.a
    install -m 644 src/common/libpgcommon.a src/port/libpgport.a "$prefix/lib"
    cd ../..
    finish libpq.a libpgcommon.a libpgport.a
)

build_libmicrohttpd
build_libpq
