#!/bin/sh
# Installs the product on the cluster that kubectl points to, or upgrades it there.
#   install.sh OVERLAY [IMAGE]
# A history that is on a claim stays there, whatever the overlay says: an upgrade never moves it.
set -eu
overlay=$1 image=${2:-localhost/nemesis:0.1.0}
cd "$(dirname "$0")/../manifests/overlays"

folder=$overlay
case $overlay in
persistent | high-availability) ;;
*)
  claim=$(kubectl -n nemesis-system get persistentvolumeclaim nemesis-history --ignore-not-found -o name)
  if [ -n "$claim" ]; then
    echo "The history stays on $claim." >&2
    folder=$(mktemp -d ./.install.XXXXXX)
    trap 'rm -rf "$folder"' EXIT
    cat >"$folder/kustomization.yaml" <<EOF
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../$overlay]
components: [../../components/persistent-history]
EOF
  fi
  ;;
esac
# Rendered before anything is applied, so that half of it never is.
objects=$(kubectl kustomize "$folder")
printf '%s\n' "$objects" | sed "s|localhost/nemesis:0.1.0|$image|" | kubectl apply -f -
