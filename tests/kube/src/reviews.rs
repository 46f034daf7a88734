//! Objects that are questions: whose a token is, and who may do what. Answered, never stored; and tokens of service
//! accounts, made when they are asked for.

use serde_json::{Value, json};

use crate::access::{Access, Action, Token, User};
use crate::kinds::Kind;
use crate::request::Request;
use crate::status::Refused;
use crate::store::{Store, key};

/// The audience of a token that names none, and of a question that asks for none.
const SERVER: &str = "https://kubernetes.default.svc.cluster.local";

/// Answers a question; `None` for an object that is none.
pub(crate) fn answer(
    store: &Store,
    access: &Access,
    caller: &User,
    request: &Request,
    kind: &Kind,
) -> Result<Option<Value>, Refused> {
    let mut object = match kind.kind.as_str() {
        "TokenReview" | "SubjectAccessReview" | "SelfSubjectAccessReview" => request.json()?,
        _ => return Ok(None),
    };
    let spec = &object["spec"];
    object["status"] = match kind.kind.as_str() {
        "TokenReview" => token(access, spec),
        "SubjectAccessReview" => may(store, access, &user(spec), spec),
        _ => may(store, access, caller, spec),
    };
    Ok(Some(object))
}

fn token(access: &Access, spec: &Value) -> Value {
    let no = |why: &str| json!({"authenticated": false, "user": {}, "error": why});
    let Some(token) = spec["token"].as_str().and_then(|token| access.tokens.get(token)) else {
        return no("[invalid bearer token, token lookup failed]");
    };
    let user = json!({"username": token.user.name, "uid": token.user.uid, "groups": token.user.groups});
    if token.audiences.is_empty() {
        return json!({"authenticated": true, "user": user});
    }
    let mut wanted = texts(&spec["audiences"]);
    if wanted.is_empty() {
        wanted.push(SERVER.to_owned());
    }
    let both: Vec<&String> = wanted.iter().filter(|audience| token.audiences.contains(audience)).collect();
    if both.is_empty() {
        return no(&format!(
            "[invalid bearer token, token audiences {:?} is invalid for the target audiences {wanted:?}]",
            token.audiences
        ));
    }
    json!({"authenticated": true, "user": user, "audiences": both})
}

fn may(store: &Store, access: &Access, user: &User, spec: &Value) -> Value {
    let attributes = &spec["resourceAttributes"];
    let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
    let resource = match text("subresource") {
        none if none.is_empty() => text("resource"),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    let action = Action {
        verb: text("verb"),
        group: text("group"),
        resource,
        namespace: text("namespace"),
        name: text("name"),
    };
    match access.allows(store, user, &action) {
        true => json!({"allowed": true}),
        false => json!({"allowed": false, "reason": "no rule allows it"}),
    }
}

fn user(spec: &Value) -> User {
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    User { name: text("user"), groups: texts(&spec["groups"]), uid: text("uid") }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Makes a token of a service account.
pub(crate) fn issue(
    store: &Store,
    access: &mut Access,
    request: &Request,
    kind: &Kind,
) -> Result<Value, Refused> {
    let name = request.name.as_deref().unwrap_or_default();
    let account = store
        .get(&key(kind, &request.namespace, name))
        .ok_or_else(|| Refused::not_found("serviceaccounts", name))?;
    let mut object = request.json()?;
    let mut audiences = texts(&object["spec"]["audiences"]);
    if audiences.is_empty() {
        audiences.push(SERVER.to_owned());
    }
    let token = format!("double.{}.{name}.{}", request.namespace, access.tokens.len());
    let user = User::service_account(&request.namespace, name, &account["metadata"]["uid"]);
    access.tokens.insert(token.clone(), Token { user, audiences });
    object["status"] = json!({"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"});
    Ok(object)
}
