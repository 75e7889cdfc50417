#!/bin/sh
# Removes the product from the cluster that kubectl points to: wakes what sleeps, then deletes what was installed.
#   uninstall.sh OVERLAY [CRDS] [IMAGE]
# With CRDS=1 the custom resource definitions go too, and with them every Autoscaler. IMAGE is for the case that no
# Deployment of ours is left to take it from.
set -eu
overlay=$1 crds=${2:-} image=${3:-localhost/nemesis:0.1.0}
cd "$(dirname "$0")/../manifests"

# Of all our Deployments that are there.
ours() { kubectl -n nemesis-system get deployments -l app.kubernetes.io/name=nemesis -o "jsonpath={.items[*].spec.template.spec.containers[0]$1}"; }

# The image of what is there; where our Deployments were deleted by hand, and their applications were not, the one given.
images=$(ours .image)
image_there=${images%% *}
if [ -z "$image_there" ] && [ -n "$(kubectl get namespace nemesis-system --ignore-not-found -o name)" ] &&
  [ -n "$(kubectl get autoscalers.nemesis.io -A -o name 2>/dev/null)" ]; then
  image_there=$image
fi
if [ -n "$image_there" ]; then
  namespaces=$(ours '.env[?(@.name=="NEMESIS_WATCH_NAMESPACE")].value')
  namespace=${namespaces%% *}
  job() {
    kubectl kustomize "uninstall${namespace:+-namespaced}" |
      sed -e "s|localhost/nemesis:0.1.0|$image_there|" -e "s|: models\$|: $namespace|"
  }
  kubectl -n nemesis-system delete job nemesis-uninstall --ignore-not-found
  job | kubectl apply -f -
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
  job | kubectl delete -f -
fi
kubectl kustomize "overlays/$overlay" |
  awk -v crds="$crds" 'BEGIN { RS = "---\n" } crds == 1 || !/kind: CustomResourceDefinition\n/ { print "---"; print }' |
  kubectl delete --ignore-not-found -f -
