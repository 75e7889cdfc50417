#!/bin/sh
# Builds the two images with docker or buildah, whichever is there.
#   build-images.sh IMAGE EXAMPLE_IMAGE [ARCHIVE_DIR]
# BUILD_FLAGS are handed on. A certificate authority or npm configuration that this shell names counts in the build too.
set -eu
image=$1 example=$2 archives=${3:-}

if docker info >/dev/null 2>&1; then tool=docker
elif command -v buildah >/dev/null; then tool=buildah
else
  echo 'Building images needs a running docker, or buildah ("apt-get install buildah").' >&2
  exit 1
fi

set -- ${BUILD_FLAGS:-}
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then set -- "$@" --secret "id=ca,src=$NODE_EXTRA_CA_CERTS"; fi
if [ -n "${NPM_CONFIG_USERCONFIG:-}" ]; then set -- "$@" --secret "id=npmrc,src=$NPM_CONFIG_USERCONFIG"; fi
if [ "$tool" = buildah ]; then
  # The second target takes its steps from the first.
  set -- --layers "$@"
  # Without a container runtime, as inside a container, a chroot does.
  if ! command -v runc >/dev/null && ! command -v crun >/dev/null; then set -- --isolation chroot --network host "$@"; fi
fi

build() {
  target=$1 name=$2
  shift 2
  "$tool" build --quiet --target "$target" --tag "$name" "$@" . >/dev/null
  if [ -z "$archives" ]; then echo "Built $name."; return; fi
  mkdir -p "$archives"
  archive=$archives/$target.tar
  rm -f "$archive"
  if [ "$tool" = docker ]; then docker save --output "$archive" "$name"
  else buildah push --quiet "$name" "docker-archive:$archive:$name"; fi
  echo "Built $name, saved as $archive."
}
build nemesis "$image" "$@"
build example "$example" "$@"
