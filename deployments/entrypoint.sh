#!/bin/sh
# Put the text of each secret file into the variable it is for (PREFECT_API_AUTH_STRING_FILE names the file of
# PREFECT_API_AUTH_STRING), then become the command. A secret so appears neither in compose.yaml nor in the image.
set -eu
for name in PREFECT_API_AUTH_STRING PREFECT_SERVER_API_AUTH_STRING PREFECT_SERVER_DATABASE_PASSWORD VOXMINE_KEY \
    PGPASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        [ -r "$file" ] || { echo "${name}_FILE names a file that can be read: $file cannot. Run make-secrets.sh." >&2; exit 1; }
        value=$(cat "$file")
        export "$name=$value"
    fi
done
case ${1:-} in
dask-scheduler | dask-worker) # as Dask's operator for Kubernetes says it
    word=${1#dask-}
    shift
    set -- dask "$word" "$@"
    ;;
esac
exec "$@"
