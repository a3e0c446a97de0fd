# Builds the one binary and leaves everything else behind.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake clang && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY migrations migrations
COPY templates templates
COPY static static
COPY examples examples
RUN cargo build --profile dist --locked --bin postern

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/postern --create-home postern
COPY --from=build /src/target/dist/postern /usr/local/bin/postern
USER postern
WORKDIR /var/lib/postern
ENV POSTERN_DATA_DIR=/var/lib/postern POSTERN_LISTEN=0.0.0.0:8787
EXPOSE 8787
VOLUME /var/lib/postern
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["postern", "healthcheck"]
ENTRYPOINT ["postern"]
CMD ["serve"]
