# One meldmesh node. The store (identity, database, status socket) is the volume.
#   docker build -t meldmesh .
#   docker run -v meldmesh:/var/lib/meldmesh -v ./digits.csv:/data.csv -p 4001:4001 meldmesh <invitation> --data /data.csv

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:22-slim
LABEL org.opencontainers.image.title="meldmesh" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/node_modules ./node_modules
RUN ln -s /app/bin/meldmesh.js /usr/local/bin/meldmesh && install -d -o 1000 -g 1000 /var/lib/meldmesh /mesh
USER 1000:1000
VOLUME /var/lib/meldmesh
EXPOSE 4001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["meldmesh", "status", "--store", "/var/lib/meldmesh"]
ENTRYPOINT ["meldmesh", "join", "--store", "/var/lib/meldmesh", "--listen", "/ip4/0.0.0.0/tcp/4001"]
