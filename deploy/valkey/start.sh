#!/bin/sh
# Starts Valkey with the users of users.acl; the password of `onsale` comes from the environment and is kept as its hash.
set -eu
: "${REDIS_PASSWORD:?the password of the user onsale}"
hash=$(printf %s "$REDIS_PASSWORD" | sha256sum | cut -d ' ' -f 1)
mkdir -p /run/valkey
sed "s/PASSWORD_SHA256/$hash/" /etc/onsale/users.acl > /run/valkey/users.acl
exec valkey-server /etc/onsale/valkey.conf
