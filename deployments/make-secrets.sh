#!/bin/sh
# Make the passwords and certificates of compose.yaml, in the folder `secrets` beside this file or in the one named:
#   deployments/make-secrets.sh [--host NAME] [FOLDER]
# What is there already is kept. Needs openssl.
set -eu
umask 022
host=localhost
if [ "${1:-}" = --host ]; then
    host=$2
    shift 2
fi
folder=${1:-$(dirname "$0")/secrets}
days=825
mkdir -p "$folder"
chmod 700 "$folder" # its files are bound into containers whose users differ: the folder alone keeps others out
cd "$folder"

quietly() { # COMMAND: run it, and show what it says only if it fails
    said=$("$@" 2>&1) || { echo "$said" >&2; exit 1; }
}

password() { # FILE PREFIX: a file that holds the prefix and 32 random bytes
    [ -e "$1" ] || printf '%s%s\n' "$2" "$(openssl rand -hex 32)" >"$1"
}

authority() { # FILE: an authority that signs what the parts of this installation show each other
    [ -e "$1.pem" ] || quietly openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 3650 -subj "/CN=voxmine $1" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout "$1.key" -out "$1.pem"
}

certificate() { # FILE AUTHORITY NAME: a certificate for a name, signed by the authority
    [ -e "$1.pem" ] && return
    quietly openssl req -newkey rsa:3072 -nodes -sha256 -subj "/CN=$3" -keyout "$1.key" -out "$1.csr"
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' "$3" >"$1.ext"
    quietly openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days $days -sha256 \
        -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}

password api-auth "voxmine:"
password database ""
password study-key ""
authority dask-ca
certificate dask dask-ca dask-scheduler
authority web-ca
certificate web web-ca "$host"
chmod 444 ./*
chmod 400 ./*-ca.key
echo "Secrets are in $folder. Keep study-key, and keep it secret: it is what pseudonyms are made with."
echo "Log in as the user \`voxmine\` with the password in api-auth; browsers trust the server once web-ca.pem is theirs,"
echo "or replace web.pem and web.key by a certificate of your own authority."
