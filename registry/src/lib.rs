//! The image of a gadget, from its sources to a verified copy in the local store.

pub mod build;
pub mod bundle;
pub mod component;
pub mod descriptor;
pub mod digest;
pub mod elf;
pub mod hosts;
pub mod image;
pub mod inspect;
pub mod key;
pub mod media;
pub mod pack;
pub mod permissions;
pub mod policy;
pub mod reference;
pub mod remote;
pub mod scaffold;
pub mod sdk;
pub mod sign;
pub mod signature;
pub mod store;
pub mod verify;
