//! The names by which what is installed is found again: labels, audience, and what may be done.

/// Who writes, in the API server's records of who manages which field, and the beginning of the user agent.
pub const FIELD_MANAGER: &str = "gadgetry";

/// The namespace of an installation that says no other.
pub const NAMESPACE: &str = "gadgetry";

/// Selects the node agents' pods.
pub const AGENTS: &str = "app.kubernetes.io/name=gadgetry,app.kubernetes.io/component=agent";

/// Selects the servers' pods.
pub const SERVERS: &str = "app.kubernetes.io/name=gadgetry,app.kubernetes.io/component=server";

/// The label that has the version.
pub const VERSION_LABEL: &str = "app.kubernetes.io/version";

/// The nodes that get an agent.
pub const NODES: &str = "kubernetes.io/os=linux";

/// For whom a caller's token must be made.
pub const AUDIENCE: &str = "gadgetry";

/// The API group of what callers are allowed.
pub const GROUP: &str = "gadgets.gadgetry.dev";

/// The resource of what callers are allowed.
pub const RESOURCE: &str = "gadgets";

/// The version of that group.
pub const VERSION: &str = "v1alpha1";

/// The kind of the objects of that resource.
pub const KIND: &str = "Gadget";

/// The Lease by which servers agree on which of them sees to those objects.
pub const OBJECTS_LEASE: &str = "gadgetry-objects";

/// The verb of what callers are allowed.
pub const VERB: &str = "run";
