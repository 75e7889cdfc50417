#!/bin/sh
# Removes the product from the cluster that kubectl points to: wakes what sleeps, then deletes what was installed.
#   uninstall.sh OVERLAY [CRDS]
# With CRDS=1 the custom resource definitions go too, and with them every Autoscaler.
set -eu
overlay=$1 crds=${2:-}
cd "$(dirname "$0")/../manifests"

image=$(kubectl -n nemesis-system get deployment nemesis-loadbalancer -o 'jsonpath={.spec.template.spec.containers[0].image}' --ignore-not-found)
if [ -n "$image" ]; then
  kubectl -n nemesis-system delete job nemesis-uninstall --ignore-not-found
  kubectl kustomize uninstall | sed "s|localhost/nemesis:0.1.0|$image|" | kubectl apply -f -
  done=
  for _ in $(seq 150); do
    done=$(kubectl -n nemesis-system get job nemesis-uninstall -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    case $done in *Complete* | *Failed*) break ;; esac
    sleep 2
  done
  kubectl -n nemesis-system logs job/nemesis-uninstall
  case $done in *Complete*) ;; *)
    echo 'Not everything could be woken, so nothing is deleted. The lines above say why; repair it and run this again.' >&2
    exit 1 ;;
  esac
  kubectl delete -k uninstall
fi
kubectl kustomize "overlays/$overlay" |
  awk -v crds="$crds" 'BEGIN { RS = "---\n" } crds == 1 || !/kind: CustomResourceDefinition\n/ { print "---"; print }' |
  kubectl delete --ignore-not-found -f -
