//! Renders an overlay as `kubectl kustomize` does. Of kustomize it knows what this folder uses, and refuses the rest:
//! `bases`, `resources` and `patchesStrategicMerge`, which every kubectl since 1.14 has.

use serde::Deserialize;
use serde_json::Value;

use crate::files;
use crate::kind::Kind;
use crate::merge::merge;
use crate::object::Object;

/// An overlay that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No such overlay.
    #[error("there is no overlay `{name}`; there are: {}", all.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        all: Vec<&'static str>,
    },
    /// One of the files in this binary is wrong: a mistake of ours, which the tests are there to find.
    #[error("deploy/{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Overlays that do not go together.
    #[error("the overlays {first} and {second} do not go together: both have {object}")]
    Twice {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// What both have.
        object: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    bases: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    patches_strategic_merge: Vec<String>,
}

/// The objects of these overlays, in the order in which they are applied. Several are laid over their common base one
/// after the other.
pub fn overlays(names: &[String]) -> Result<Vec<Object>, RenderError> {
    let mut objects = Vec::new();
    let mut bases = Vec::new();
    let mut own: Vec<(String, Object)> = Vec::new();
    let mut patches = Vec::new();
    for name in names {
        let folder = format!("overlays/{name}");
        if files::read(&format!("{folder}/kustomization.yaml")).is_none() {
            return Err(RenderError::Unknown { name: name.clone(), all: files::overlays() });
        }
        let kustomization = kustomization(&folder)?;
        for base in &kustomization.bases {
            let base = beside(&folder, base);
            if !bases.contains(&base) {
                objects.extend(folder_objects(&base)?);
                bases.push(base);
            }
        }
        for file in &kustomization.resources {
            own.push((name.clone(), object(&format!("{folder}/{file}"))?));
        }
        patches.extend(kustomization.patches_strategic_merge.iter().map(|file| format!("{folder}/{file}")));
    }
    for (name, object) in own {
        if let Some(first) = objects.iter().position(|it: &Object| it.id() == object.id()) {
            let object = objects[first].id().to_string();
            return Err(RenderError::Twice { first: names[0].clone(), second: name, object });
        }
        objects.push(object);
    }
    for patch in patches {
        apply(&mut objects, &patch)?;
    }
    objects.sort_by_key(|object| Kind::order(object.kind()));
    Ok(objects)
}

fn folder_objects(folder: &str) -> Result<Vec<Object>, RenderError> {
    let Kustomization { bases, resources, patches_strategic_merge, .. } = kustomization(folder)?;
    let mut objects = Vec::new();
    for base in bases {
        objects.extend(folder_objects(&beside(folder, &base))?);
    }
    for file in resources {
        objects.push(object(&format!("{folder}/{file}"))?);
    }
    for patch in patches_strategic_merge {
        apply(&mut objects, &format!("{folder}/{patch}"))?;
    }
    Ok(objects)
}

fn apply(objects: &mut [Object], path: &str) -> Result<(), RenderError> {
    let patch = object(path)?;
    let wrong = |reason: String| RenderError::File { path: path.to_owned(), reason };
    let target = objects.iter_mut().find(|it| it.id() == patch.id());
    let target = target.ok_or_else(|| wrong(format!("patches {}, which is not there", patch.id())))?;
    merge(&mut target.0, &patch.0).map_err(wrong)
}

fn kustomization(folder: &str) -> Result<Kustomization, RenderError> {
    parse(&format!("{folder}/kustomization.yaml"))
}

fn object(path: &str) -> Result<Object, RenderError> {
    parse::<Value>(path).map(Object)
}

fn parse<T: serde::de::DeserializeOwned>(path: &str) -> Result<T, RenderError> {
    let wrong = |reason: String| RenderError::File { path: path.to_owned(), reason };
    let text = files::read(path).ok_or_else(|| wrong("is not in this binary".to_owned()))?;
    serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))
}

/// `path`, which may climb, seen from `folder`.
fn beside(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_beside_each_other() {
        assert_eq!(beside("overlays/default", "../../base"), "base");
        assert_eq!(beside("overlays/a", "./b"), "overlays/a/b");
    }

    #[test]
    fn an_unknown_overlay_is_told_with_those_there_are() {
        let error = overlays(&["nope".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "there is no overlay `nope`; there are: default, ingress, old-kernel, scan-only");
    }

    #[test]
    fn overlays_with_the_same_objects_do_not_go_together() {
        let error = overlays(&["default".to_owned(), "scan-only".to_owned()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "the overlays default and scan-only do not go together: both have Namespace gadgetry"
        );
    }

    #[test]
    fn overlays_are_laid_over_each_other() {
        let names = ["old-kernel".to_owned(), "ingress".to_owned()];
        let objects = overlays(&names).unwrap();
        let text = serde_json::to_string(&objects.iter().map(|it| &it.0).collect::<Vec<_>>()).unwrap();
        assert!(text.contains("SYS_ADMIN") && text.contains("\"Ingress\""));
        let ids: Vec<_> = objects.iter().map(Object::id).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }
}
