//! What is installed into a cluster, and how it gets there.
