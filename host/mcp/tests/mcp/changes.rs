//! A changed catalogue reaches every client, whichever way it listens.

use std::time::Duration;

use gadget_registry::descriptor::Kind;
use rmcp::model::{ServerNotification, SubscriptionFilter};
use rmcp::transport::StreamableHttpClientTransport;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog, gadget};
use crate::world::{COMBINATIONS, Era, PATIENCE, Transport, World, connect, listen, local, once, serving};

#[tokio::test]
async fn a_changed_list_is_told() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let asked = SubscriptionFilter::builder()
            .tools_list_changed()
            .prompts_list_changed()
            .resources_list_changed()
            .build();
        let mut subscription = match era {
            Era::Sessions => None,
            Era::Stateless => Some(world.client.listen(asked.clone()).await.unwrap()),
        };
        if let Some(subscription) = &subscription {
            assert_eq!(subscription.acknowledged(), &asked);
        } else {
            // The server learns of the session by a notification, which nothing answers.
            sleep(Duration::from_millis(200)).await;
        }
        for name in ["first", "second"] {
            world.catalog.replace(vec![gadget(name, Kind::Stream, &[name])]).unwrap();
            match &mut subscription {
                None => {
                    let ear = world.client.service();
                    for list in [&ear.tools, &ear.prompts, &ear.resources] {
                        once(list, "no notification on the session").await;
                    }
                }
                Some(subscription) => {
                    let mut told = vec![];
                    for _ in 0..3 {
                        let next = timeout(PATIENCE, subscription.next()).await.expect("no notification");
                        told.push(next.unwrap().unwrap());
                    }
                    assert!(
                        matches!(
                            told[..],
                            [
                                ServerNotification::ToolListChangedNotification(_),
                                ServerNotification::PromptListChangedNotification(_),
                                ServerNotification::ResourceListChangedNotification(_),
                            ]
                        ),
                        "{told:?}"
                    );
                }
            }
            let list = world.client.list_tools(None).await.unwrap();
            // And the host's own tools behind it.
            assert_eq!((list.tools.len(), &*list.tools[0].name), (5, name));
            let prompts = world.client.list_prompts(None).await.unwrap().prompts;
            assert!(prompts.iter().any(|it| it.name == format!("{name}_ask")), "{prompts:?}");
            let resources = world.client.list_resources(None).await.unwrap().resources;
            assert!(resources.iter().any(|it| it.uri == format!("gadgetry://gadget/{name}")));
        }
    }
}

#[tokio::test]
async fn sessions_that_are_gone_hold_up_nobody() {
    let (catalog, stop) = (catalog(), CancellationToken::new());
    let server = serving(catalog.clone(), Stub::new());
    let (url, _served) = listen(server, local(), stop).await;
    let mut clients = vec![];
    for _ in 0..3 {
        clients.push(connect(Era::Sessions, StreamableHttpClientTransport::from_uri(&*url)).await);
    }
    sleep(Duration::from_millis(200)).await;
    let last = clients.pop().unwrap();
    for client in clients {
        client.cancel().await.unwrap();
    }
    for name in ["first", "second"] {
        catalog.replace(vec![gadget(name, Kind::Stream, &[name])]).unwrap();
        once(&last.service().tools, "no notification").await;
    }
}

#[tokio::test]
async fn a_subscription_ends_gracefully_with_the_server() {
    for transport in [Transport::Pipes, Transport::Http] {
        let world = World::new(transport, Era::Stateless).await;
        let asked = SubscriptionFilter::builder().tools_list_changed().build();
        let mut subscription = world.client.listen(asked).await.unwrap();
        world.stop.cancel();
        let last = timeout(PATIENCE, subscription.next()).await.expect("still open").unwrap();
        assert!(last.is_none());
        let end = subscription.end();
        assert!(matches!(end, Some(rmcp::service::SubscriptionEnd::Graceful(_))), "{transport:?}: {end:?}");
        timeout(PATIENCE, world.served).await.expect("still serving").unwrap();
    }
}
