use std::sync::Arc;
use std::time::Duration;

use gadgetry_cluster::access::{Access, AccessOptions, Principal, Refused};
use gadgetry_kube_double::Fault;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::world::World;

const GADGETS: &str = "gadgets.gadgets.gadgetry.dev";

fn short() -> AccessOptions {
    AccessOptions {
        yes: Duration::from_secs(2),
        no: Duration::from_secs(1),
        answer: Duration::from_secs(2),
        ..AccessOptions::default()
    }
}

async fn token_of(world: &World, account: &str, audience: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(world.client(), &world.namespace);
    let spec = TokenRequestSpec { audiences: Some(vec![audience.to_owned()]), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .unwrap()
        .status
        .and_then(|status| status.token)
        .unwrap()
}

#[tokio::test]
async fn an_account_may_what_its_role_says() {
    let mut world = World::any().await;
    let named =
        |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    world.apply(named("ServiceAccount", "bot")).await;
    world
        .apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "runner"},
            "rules": [{"apiGroups": ["gadgets.gadgetry.dev"], "resources": ["gadgets"], "verbs": ["run"]}],
        }))
        .await;
    let subject = json!({"kind": "ServiceAccount", "name": "bot", "namespace": world.namespace});
    world
        .apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "runner"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runner"},
            "subjects": [subject],
        }))
        .await;
    let access = Access::new(world.client(), AccessOptions::default());
    let bot = access.authenticate(&token_of(&world, "bot", "gadgetry").await).await.unwrap();
    assert_eq!(bot.name, format!("system:serviceaccount:{}:bot", world.namespace));
    assert!(bot.groups.contains(&"system:serviceaccounts".to_owned()), "{:?}", bot.groups);
    access.may_run(&bot, Some(&world.namespace)).await.unwrap();
    let error = access.may_run(&bot, Some("kube-system")).await.unwrap_err().to_string();
    assert!(
        error.contains("may not run gadgets.gadgets.gadgetry.dev in the namespace \"kube-system\""),
        "{error}"
    );
    let error = access.may_run(&bot, None).await.unwrap_err().to_string();
    assert!(error.contains("in all namespaces"), "{error}");

    let other = token_of(&world, "bot", "somebody-else").await;
    let error = access.authenticate(&other).await.unwrap_err();
    assert!(matches!(error, Refused::Token { .. }), "{error}");
    assert!(!error.to_string().contains(&other) && !format!("{error:?}").contains(&other));
    world.end().await;
}

#[tokio::test]
async fn what_is_no_token_is_not_asked_about() {
    let world = World::double().await;
    let access = Access::new(world.client(), AccessOptions::default());
    let before = world.as_double().seen().len();
    for text in ["", "  ", "two words", "naïve", "new\nline", &"x".repeat(20_000)] {
        assert!(matches!(access.authenticate(text).await, Err(Refused::NoToken { .. })), "{text:.20}");
    }
    assert_eq!(world.as_double().seen().len(), before);
}

#[tokio::test]
async fn a_token_must_be_for_us() {
    let world = World::double().await;
    world.as_double().token("ours", "alice", &["dev"], &["gadgetry", "other"]);
    world.as_double().token("theirs", "alice", &["dev"], &["other"]);
    world.as_double().token("anybodys", "alice", &["dev"], &[]);
    world.as_double().token("nobodys", "", &[], &["gadgetry"]);
    let access = Access::new(world.client(), AccessOptions::default());
    let alice = access.authenticate("ours").await.unwrap();
    assert_eq!((alice.name.as_str(), &alice.groups[..]), ("alice", &["dev".to_owned()][..]));
    for (token, why) in [
        ("theirs", "audiences"),
        ("anybodys", "it is for the API server itself"),
        ("nobodys", "it is nobody's"),
        ("unknown", "token lookup failed"),
    ] {
        let error = access.authenticate(token).await.unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("--audience=gadgetry"), "{token}: {error}");
    }
    let wider =
        AccessOptions { audiences: vec!["gadgetry".into(), "other".into()], ..AccessOptions::default() };
    let access = Access::new(world.client(), wider);
    assert_eq!(access.authenticate("theirs").await.unwrap().name, "alice");
}

#[tokio::test]
async fn answers_are_kept_for_a_while() {
    let world = World::double().await;
    let double = world.as_double();
    double.token("t", "alice", &[], &["gadgetry"]);
    double.allow("alice", "run", GADGETS, Some("shop"));
    let access = Arc::new(Access::new(world.client(), short()));
    let reviews = |kind: &str| double.seen().iter().filter(|seen| seen.path.ends_with(kind)).count();
    let many: Vec<_> = (0..50)
        .map(|_| {
            let access = access.clone();
            tokio::spawn(async move {
                let alice = access.authenticate("t").await?;
                access.may_run(&alice, Some("shop")).await
            })
        })
        .collect();
    for one in many {
        one.await.unwrap().unwrap();
    }
    // Those that came at once asked at once, as many as may; nobody asked after the first answer.
    assert!((1..=16).contains(&reviews("/tokenreviews")), "{}", reviews("/tokenreviews"));
    let before = (reviews("/tokenreviews"), reviews("/subjectaccessreviews"));
    let alice = access.authenticate("t").await.unwrap();
    access.may_run(&alice, Some("shop")).await.unwrap();
    assert_eq!((reviews("/tokenreviews"), reviews("/subjectaccessreviews")), before, "from memory");

    double.revoke("t");
    double.deny("alice", "run", GADGETS, Some("shop"));
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert!(access.authenticate("t").await.is_err(), "revoked");
    assert!(access.may_run(&alice, Some("shop")).await.is_err(), "taken back");
    let before = reviews("/tokenreviews");
    assert!(access.authenticate("t").await.is_err());
    assert_eq!(reviews("/tokenreviews"), before, "a no is kept as well");
    double.token("t", "alice", &[], &["gadgetry"]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(access.authenticate("t").await.is_ok(), "but not as long");
}

#[tokio::test]
async fn without_an_answer_nobody_is_let_in() {
    let world = World::double().await;
    let double = world.as_double();
    double.token("t", "alice", &[], &["gadgetry"]);
    double.allow("alice", "*", GADGETS, None);
    let access = Access::new(world.client(), short());
    let alice = Principal { name: "alice".into(), uid: None, groups: Vec::new(), extra: Default::default() };
    let alice = Arc::new(alice);
    let faults = [Fault::Unavailable, Fault::Busy(1), Fault::Forbidden, Fault::Slow(Duration::from_secs(20))];
    for fault in faults {
        double.fault("", fault.clone());
        let error = access.authenticate("t").await.unwrap_err();
        assert!(matches!(error, Refused::Unavailable { .. }), "{fault:?}: {error}");
        let error = access.may_run(&alice, Some("shop")).await.unwrap_err();
        assert!(matches!(error, Refused::Unavailable { .. }), "{fault:?}: {error}");
        double.heal();
    }
    double.close().await;
    let error = access.authenticate("t").await.unwrap_err().to_string();
    assert!(error.contains("nobody is let in while the API server can't be asked"), "{error}");
    double.open().await;
    access.authenticate("t").await.unwrap();
    access.may_run(&alice, Some("shop")).await.unwrap();
}

#[tokio::test]
async fn groups_count() {
    let world = World::double().await;
    world.as_double().token("t", "alice", &["dev"], &["gadgetry"]);
    world.as_double().allow("dev", "run", GADGETS, None);
    let access = Access::new(world.client(), AccessOptions::default());
    let alice = access.authenticate("t").await.unwrap();
    access.may_run(&alice, None).await.unwrap();
    let stranger = Arc::new(Principal { groups: Vec::new(), ..(*alice).clone() });
    assert!(
        access.may_run(&stranger, None).await.is_err(),
        "the same name without the group is another question"
    );
}
