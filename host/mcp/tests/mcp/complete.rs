//! Completion of prompts' arguments and of the template of READMEs.

use rmcp::ServiceError;
use rmcp::model::{ArgumentInfo, CompleteRequestParams, ErrorCode, Reference};

use crate::world::{COMBINATIONS, World};

#[tokio::test]
async fn values_are_offered_by_what_an_argument_is_called() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let template = Reference::for_resource("gadgetry://gadget/{name}");
        for (reference, argument, typed, found) in [
            (Reference::for_prompt("stream_ask"), "container", "we", vec!["web", "webhook"]),
            (Reference::for_prompt("slow_service"), "service", "data", vec!["database"]),
            (Reference::for_prompt("stream_ask"), "tool", "r", vec!["rows", "write"]),
            (Reference::for_prompt("slow_service"), "seconds", "", vec![]),
            (template.clone(), "name", "s", vec!["slow", "stream", "tools"]),
        ] {
            let asked = CompleteRequestParams::new(reference, ArgumentInfo::new(argument, typed));
            let completion = world.client.complete(asked).await.unwrap().completion;
            assert_eq!(completion.values, found);
            assert_eq!(completion.total, Some(u32::try_from(found.len()).unwrap()));
            assert_eq!(completion.has_more, Some(false));
        }
        for (reference, argument, says) in [
            (Reference::for_prompt("slow_servcie"), "service", "did you mean `slow_service`?"),
            (Reference::for_prompt("slow_service"), "servce", "did you mean `service`?"),
            (template, "nmae", "nothing to complete there"),
            (Reference::for_resource("test://{id}"), "id", "nothing to complete there"),
        ] {
            let asked = CompleteRequestParams::new(reference, ArgumentInfo::new(argument, ""));
            let error = world.client.complete(asked).await.unwrap_err();
            let ServiceError::McpError(error) = error else { panic!("{error}") };
            assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}
