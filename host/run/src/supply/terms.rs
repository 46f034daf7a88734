//! On what terms a gadget is lent what it asks for: what its rule and the operator's sections and flags grant it, and
//! what is bound to its settings. Everything that is missing is told at once, with what to write to have it.

use std::collections::BTreeMap;

use gadget_registry::descriptor::Descriptor;
use gadget_registry::image::Image;
use gadget_registry::permissions;
use gadget_registry::policy::{Grants, Policy, Source};
use gadget_registry::verify::{Kind, Verdict};
use gadgetry_lend::{Settings, Terms};

/// What the operator says of one gadget.
#[derive(Default)]
struct Said {
    grants: Grants,
    config: BTreeMap<String, Source>,
    everything: bool,
}

impl Said {
    /// All that the policy says of `owner`. `owner_of`: whom a name means.
    fn of(owner: &str, policy: &Policy, owner_of: &dyn Fn(&str) -> String) -> Self {
        let mut said = Self::default();
        for granted in policy.granted().iter().filter(|granted| owner_of(&granted.gadget) == owner) {
            said.grants.extend(&granted.grants);
            said.config.extend(granted.config.clone());
            said.everything |= granted.everything;
        }
        said
    }

    /// Everything that the gadget asks for.
    fn everything_of(&mut self, descriptor: &Descriptor) {
        let permissions = &descriptor.permissions;
        let hosts = permissions.http.iter().flat_map(|http| http.hosts.iter().cloned());
        self.grants.http.extend(hosts);
        self.grants.store = permissions.store.or(self.grants.store);
    }
}

/// The terms for the gadget of `owner`, or all that keeps it from running.
pub(super) fn terms(
    owner: String,
    image: &Image,
    verdict: &Verdict,
    policy: &Policy,
    owner_of: &dyn Fn(&str) -> String,
) -> Result<Terms, String> {
    let descriptor = &image.descriptor;
    let mut said = Said::of(&owner, policy, owner_of);
    let mut problems = Vec::new();
    if said.everything && verdict.kind == Kind::BuiltIn {
        said.everything_of(descriptor);
    } else if said.everything {
        said.everything = false;
        problems.push(
            "it is to be lent everything, which is for built-in gadgets only: what an image asks for may change with its tag, so name each with --grant and --bind"
                .to_owned(),
        );
    }
    let mut grants = verdict.grants.clone();
    grants.extend(&said.grants);
    let settings = Settings::read(&descriptor.permissions, &said.config, said.everything);
    // What is bound and can't be read is told as that, and not as missing too.
    let bound = |name: &str| match &settings {
        Ok(settings) => settings.value(name).map(str::to_owned),
        Err(_) => said.config.contains_key(name).then(String::new),
    };
    let object = image.ebpf.as_ref().map(|layer| &layer.object);
    let refused = permissions::check(descriptor, object, &image.interfaces, &grants, &bound);
    problems.extend(refused.iter().map(|refused| format!("it {refused}")));
    let flags: Vec<_> = refused.iter().filter_map(|refused| refused.flag(&owner)).collect();
    match settings {
        Ok(settings) if problems.is_empty() => {
            Ok(Terms { owner, permissions: descriptor.permissions.clone(), grants, settings })
        }
        Ok(_) => Err(told(&problems, &flags)),
        Err(error) => {
            problems.extend(error.problems);
            Err(told(&problems, &flags))
        }
    }
}

fn told(problems: &[String], flags: &[String]) -> String {
    let mut text = format!("may not run: {}", problems.join("; "));
    if !flags.is_empty() {
        text.push_str(&format!(
            "\nif that is meant, say so: {}; or in a [[grant]] section of the policy file",
            flags.join(" ")
        ));
    }
    text
}
