//! What the host knows of a Kubernetes cluster: which nodes have an agent, which pods and services there are, and who may
//! do what.
