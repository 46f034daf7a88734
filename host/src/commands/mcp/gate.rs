//! What a gadget must pass before it is offered on a server with a guard: nothing in its definition that instructs the
//! model, and the definition that its reference had before.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::guard::Guard;

use crate::approved::{self, Approved, Verdict};

/// The operator's guard at the door.
pub(super) struct Gate {
    guard: Arc<Guard>,
    approved: Approved,
    built_ins: BTreeSet<String>,
}

impl Gate {
    pub(super) fn new(guard: Arc<Guard>, approved: Approved, built_ins: BTreeSet<String>) -> Self {
        Self { guard, approved, built_ins }
    }

    /// Refuses what may not be offered, and notes what is seen for the first time.
    pub(super) fn admit(&self, gadget: &Gadget) -> Result<()> {
        let reference = &gadget.identity.reference;
        if let Err(reason) = self.guard.definition(gadget) {
            bail!("{reference}: {reason}");
        }
        if self.built_ins.contains(reference) || reference.contains("@sha256:") {
            return Ok(());
        }
        let definition = approved::digest(&gadget.descriptor)?;
        match self.approved.look(reference, &definition)? {
            Verdict::Same => Ok(()),
            Verdict::New => self.approved.note(reference, &definition),
            Verdict::Changed(before) => bail!(
                "{reference}: its definition is not the one approved before ({before}, now {definition}); look at it \
                 with `gadgetry gadget inspect {reference}`, and if it is as it should be, approve it with `gadgetry \
                 gadget approve {reference}`"
            ),
        }
    }
}
