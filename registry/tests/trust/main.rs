//! Registries and trust, against the real ones: Debian's docker-registry and two generations of cosign; and against
//! registries that misbehave, which are a few lines of TCP each.

mod cosign;
mod image;
mod keyless;
mod local;
mod misbehaving;
mod raw;
mod redirects;
mod registry;
mod sigstore;
