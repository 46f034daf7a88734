//! What is installed into a cluster, and how it gets there.
//!
//! The folder `deploy/` is the one source: a Kustomize base, one object a file, with overlays. This crate carries it
//! ([`FILES`]), renders it as `kubectl kustomize` does ([`rendered`]), settles the operator's [`Values`], and puts in what
//! no manifest can have: certificates, the token, and a record of what was given. Then it compares with the cluster
//! ([`plan`]), and applies ([`install`]) by server-side apply under the name `gadgetry`.
//!
//! Deciding and doing are two steps, so that a person at a shell and a model through MCP are shown the same list before
//! anything changes. All that is ours carries `app.kubernetes.io/managed-by: gadgetry`, and only what carries it is ever
//! removed.

mod api;
pub mod certificates;
mod connect;
mod contents;
mod files;
mod install;
mod kind;
mod merge;
mod object;
mod plan;
mod render;
mod settle;
mod status;
mod undeploy;
mod values;
mod wait;
mod yaml;

pub use api::{Cluster, ClusterError};
pub use connect::connect;
pub use contents::ContentsError;
pub use files::{FILES, overlays};
pub use install::{Done, InstallError, OnProgress, Progress, install};
pub use kind::{KINDS, Kind};
pub use object::{Id, Object};
pub use plan::{Action, Line, Plan, PlanError, Request, plan, rendered};
pub use render::{RenderError, overlays as render};
pub use settle::NAMESPACE;
pub use status::{Count, Status, status};
pub use undeploy::{Removal, removal, undeploy};
pub use values::{Given, KNOWN, Known, Values, ValuesError};
pub use wait::NotReady;
pub use yaml::{to_yaml, yaml};
