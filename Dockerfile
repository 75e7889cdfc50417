# One image for the three programs, and one for the example. "make images" builds both.
# Nothing is in them but Node, what it is linked with, and our bundles: no shell, no package manager, no node_modules.

FROM docker.io/library/node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# npm ci wants to see every workspace of the lock file; nothing of them is bundled.
COPY packages/localcluster/package.json packages/localcluster/
COPY scripts/require-node.mjs scripts/
# Both secrets are optional: a user's .npmrc, and a further certificate authority.
RUN --mount=type=secret,id=npmrc --mount=type=secret,id=ca \
    if [ -e /run/secrets/npmrc ]; then export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc; fi; \
    if [ -e /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    node scripts/require-node.mjs && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
COPY scripts/bundle.ts scripts/
COPY shared shared
COPY sidecar sidecar
COPY autoscaler autoscaler
COPY loadbalancer loadbalancer
COPY examples examples
RUN node scripts/bundle.ts && rm dist/bundle/*.map
# The root of the images: the shared libraries of node, and one user. For our programs node can be run and not be read: the kernel
# then shows the memory, environment and files of such a process to nobody of the same user (fs/exec.c, would_dump), so an
# application that shares processes with its sidecar does not get at the sidecar's token.
RUN mkdir -p /image/etc/ssl/certs /image/tmp /unreadable/usr/local/bin && chmod 1777 /image/tmp \
 && for library in $(ldd /usr/local/bin/node | grep -o '/[^ ]*'); do \
      mkdir -p "/image$(dirname "$library")" && cp -L "$library" "/image$library"; \
    done \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && printf 'hosts: files dns\n' > /image/etc/nsswitch.conf \
 && printf 'root:x:0:0::/:/none\nnonroot:x:65532:65532::/tmp:/none\n' > /image/etc/passwd \
 && printf 'root:x:0:\nnonroot:x:65532:\n' > /image/etc/group \
 && cp /usr/local/bin/node /unreadable/usr/local/bin/ && chmod 0111 /unreadable/usr/local/bin/node \
 # The image has no env: the command names its interpreter.
 && sed -i '1s|.*|#!/usr/local/bin/node|' dist/bundle/nemesis.mjs \
 && ln -s /app/nemesis.mjs /unreadable/usr/local/bin/nemesis

FROM scratch AS base
COPY --from=build /image/ /
# /usr/bin: where GPU runtimes put nvidia-smi.
# One arena of malloc: JavaScript runs in one thread, and each further arena keeps megabytes that nobody uses.
ENV PATH=/usr/local/bin:/usr/bin NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["node"]

FROM base AS example
COPY --from=build /usr/local/bin/node /usr/local/bin/
COPY --from=build /src/dist/bundle/THIRD-PARTY-LICENSES.txt /src/dist/bundle/example-sentiment.mjs /app/
CMD ["example-sentiment.mjs"]

FROM base AS nemesis
COPY --from=build /unreadable/ /
LABEL org.opencontainers.image.title="k8s-nemesis" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /app/
COPY --from=build /src/dist/bundle/THIRD-PARTY-LICENSES.txt \
     /src/dist/bundle/autoscaler.mjs /src/dist/bundle/store-worker.mjs /src/dist/bundle/nemesis.mjs \
     /src/dist/bundle/loadbalancer.mjs /src/dist/bundle/sidecar.mjs /app/
