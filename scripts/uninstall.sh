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

images=$(ours .image)
namespaces=$(ours '.env[?(@.name=="NEMESIS_WATCH_NAMESPACE")].value')
definition=$(kubectl get crd autoscalers.nemesis.io --ignore-not-found -o name)
applications=
[ -z "$definition" ] || applications=$(kubectl get autoscalers.nemesis.io -A -o name)
if [ -n "$images" ]; then
  image=${images%% *}
else
  # Deleted by hand. Their applications may sleep all the same, so the job is made with what the command names.
  namespaces=$(kubectl kustomize "overlays/$overlay" | sed -n '/name: NEMESIS_WATCH_NAMESPACE$/ { n; s/.*value: //p; }' | tr '\n' ' ')
fi
namespace=${namespaces%% *}
if [ -n "$namespace" ]; then
  # In a namespace that is gone nothing sleeps.
  [ "$(kubectl get namespace "$namespace" --ignore-not-found -o 'jsonpath={.status.phase}')" = Active ] || applications=
fi

if [ -n "$applications" ]; then
  job() {
    kubectl kustomize "uninstall${namespace:+-namespaced}" |
      sed -e "s|localhost/nemesis:0.1.0|$image|" -e "s|: models\$|: $namespace|"
  }
  kubectl apply -f base/namespace.yaml
  kubectl -n nemesis-system delete job nemesis-uninstall --ignore-not-found
  job | kubectl apply -f -
  done=
  for _ in $(seq 150); do
    done=$(kubectl -n nemesis-system get job nemesis-uninstall -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    waits=$(kubectl -n nemesis-system get pods -l job-name=nemesis-uninstall -o 'jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}')
    case $done in *Complete* | *Failed*) break ;; esac
    case $waits in *ImagePullBackOff* | *InvalidImageName*)
      echo "The image $image cannot be pulled. Name one that can, with IMAGE=." >&2
      break ;;
    esac
    sleep 2
  done
  kubectl -n nemesis-system logs job/nemesis-uninstall || :
  case $done in *Complete*) ;; *)
    echo 'Not everything could be woken, so nothing is deleted. The lines above say why; repair it and run this again.' >&2
    exit 1 ;;
  esac
  job | kubectl delete -f -
fi
kubectl kustomize "overlays/$overlay" |
  awk -v crds="$crds" 'BEGIN { RS = "---\n" } crds == 1 || !/kind: CustomResourceDefinition\n/ { print "---"; print }' |
  kubectl delete --ignore-not-found -f -
