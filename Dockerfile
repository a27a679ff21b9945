# syntax=docker/dockerfile:1
# Two stages: the first compiles, the second holds what runs. Build for both architectures with
#   docker buildx build --platform linux/amd64,linux/arm64 -t nats-mqtt-gateway:0.1.0 .

# What is compiled is JavaScript, so it is done on the builder's own architecture.
FROM --platform=$BUILDPLATFORM node:24.19.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build --silent \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.19.0-bookworm-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nats-mqtt-gateway" \
      org.opencontainers.image.description="Lets NATS clients work through the MQTT broker you already have" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /opt/nats-mqtt-gateway
COPY package.json LICENSE CHANGELOG.md ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY deploy/docker/config.jsonc /etc/nats-mqtt-gateway/config.json

# The program reads ./config.json: mount a configuration of your own over it, or over the whole folder.
WORKDIR /etc/nats-mqtt-gateway
# By number, so that Kubernetes can see that it is not root. Any other user will do, too: nothing is ever written.
USER 10001:10001
EXPOSE 4222 8222
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/opt/nats-mqtt-gateway/dist/main.js", "healthcheck"]
ENTRYPOINT ["node", "/opt/nats-mqtt-gateway/dist/main.js"]
