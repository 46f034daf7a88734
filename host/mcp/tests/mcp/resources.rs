//! The catalogue and the READMEs as resources.

use rmcp::ServiceError;
use rmcp::model::{CacheScope, ErrorCode, ReadResourceRequestParams};
use serde_json::Value;

use crate::world::{COMBINATIONS, Era, World};

#[tokio::test]
async fn the_catalogue_and_each_readme_are_listed() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let list = world.client.list_resources(None).await.unwrap();
        let uris: Vec<_> = list.resources.iter().map(|it| &*it.uri).collect();
        assert_eq!(
            uris,
            [
                "gadgetry://catalog",
                "gadgetry://gadget/tools",
                "gadgetry://gadget/broken",
                "gadgetry://gadget/stream",
                "gadgetry://gadget/slow",
            ]
        );
        let templates = world.client.list_resource_templates(None).await.unwrap().resource_templates;
        assert_eq!(templates.len(), 1);
        assert_eq!(templates[0].uri_template, "gadgetry://gadget/{name}");
        let hints = (list.ttl_ms, list.cache_scope);
        match era {
            Era::Sessions => assert_eq!(hints, (None, None)),
            Era::Stateless => assert_eq!(hints, (Some(30_000), Some(CacheScope::Private))),
        }
    }
}

#[tokio::test]
async fn they_are_read() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let read = async |uri: &str| {
            let read = world.client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap();
            serde_json::to_value(&read.contents).unwrap()
        };
        let contents = read("gadgetry://catalog").await;
        assert_eq!(contents[0]["mimeType"], "application/json");
        let catalog: Value = serde_json::from_str(contents[0]["text"].as_str().unwrap()).unwrap();
        let gadgets = catalog["gadgets"].as_array().unwrap();
        assert_eq!(gadgets.len(), 4);
        assert_eq!(gadgets[0]["name"], "tools");
        assert_eq!(gadgets[0]["tools"][4]["name"], "write");
        assert_eq!(gadgets[0]["tools"][4]["readOnly"], false);
        assert_eq!(gadgets[0]["digest"], "sha256:00");
        assert_eq!(contents[1]["mimeType"], "text/plain");
        let table = contents[1]["text"].as_str().unwrap();
        assert!(table.lines().any(|line| line == "write  tool      Title of write (1.0.0)"), "{table}");

        let contents = read("gadgetry://gadget/stream").await;
        assert_eq!(contents[0]["mimeType"], "text/markdown");
        assert_eq!(contents[0]["text"], "# stream\n");
    }
}

#[tokio::test]
async fn an_unknown_one_is_told_with_the_nearest() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        for (uri, says) in [
            ("gadgetry://gadget/straem", "did you mean `gadgetry://gadget/stream`?"),
            ("file:///etc/passwd", "resources/list"),
        ] {
            let error = world.client.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap_err();
            let ServiceError::McpError(error) = error else { panic!("{error}") };
            let code = match era {
                Era::Sessions => ErrorCode::RESOURCE_NOT_FOUND,
                Era::Stateless => ErrorCode::INVALID_PARAMS,
            };
            assert_eq!(error.code, code);
            assert!(error.message.contains(says), "{}", error.message);
            assert_eq!(error.data.unwrap()["uri"], uri);
        }
    }
}
