#!/bin/sh
# The files of a release: release-files.sh IMAGE DIRECTORY. Manifests with that image, charts, an SBOM of what the programs
# depend on, and the change log's section as NOTES.md. Needs kubectl, helm and npm.
set -eu
cd "$(dirname "$0")/.."

image=$1 directory=$2
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
mkdir -p "$directory"

kubectl kustomize manifests/overlays/default |
  sed "s|localhost/nemesis:$version|$image|" >"$directory/nemesis.yaml"
if grep -q 'localhost/' "$directory/nemesis.yaml"; then
  echo 'The manifests still name an image of localhost; compare the image names in manifests/ with package.json.' >&2
  exit 1
fi

charts=$(mktemp -d)
trap 'rm -rf "$charts"' EXIT
for chart in nemesis nemesis-crds; do
  # The charts share files by symbolic links, and a release's image is not on localhost.
  cp -RL "manifests/helm/$chart" "$charts/$chart"
  values=manifests/helm/$chart/values.yaml
  if [ -f "$values" ]; then sed "s|localhost/nemesis$|${image%:*}|" "$values" >"$charts/$chart/values.yaml"; fi
  helm package "$charts/$chart" --destination "$directory" >/dev/null
done

npm sbom --omit=dev --sbom-format=cyclonedx >"$directory/sbom.cdx.json"

awk -v version="$version" '
  /^## / { inside = index($0, "[" version "]") > 0; next }
  inside { print }
' CHANGELOG.md >"$directory/NOTES.md"
if ! grep -q '[^[:space:]]' "$directory/NOTES.md"; then
  echo "CHANGELOG.md has no section for version $version; write one before the tag." >&2
  exit 1
fi
