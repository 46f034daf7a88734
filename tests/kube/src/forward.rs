//! The kubelet's part of a port-forward: the WebSocket that clients open, joined to whatever a test says listens at a
//! pod's port.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};
use tokio_util::sync::CancellationToken;

use crate::request::text;
use crate::status::Refused;

/// The version of the protocol that is spoken: one byte of channel before each message.
const PROTOCOL: &str = "v4.channel.k8s.io";

/// Answers the request to upgrade and joins the sides until one ends or `stop` does.
pub(crate) fn upgrade(
    mut parts: Parts,
    port: u16,
    to: Option<SocketAddr>,
    stop: CancellationToken,
) -> Result<Response, Refused> {
    let offered = text(&parts.headers, header::SEC_WEBSOCKET_PROTOCOL);
    if !offered.split(',').any(|protocol| protocol.trim() == PROTOCOL) {
        return Err(Refused::new(
            400,
            format!("the double forwards ports by {PROTOCOL} alone, not by {offered:?}"),
        ));
    }
    let accept = derive_accept_key(text(&parts.headers, header::SEC_WEBSOCKET_KEY).as_bytes());
    let upgrade = parts
        .extensions
        .remove::<hyper::upgrade::OnUpgrade>()
        .ok_or_else(|| Refused::new(400, "the request is no upgrade"))?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        tokio::select! {
            () = stop.cancelled() => {}
            _ = join(socket, port, to) => {}
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers.insert(
        header::SEC_WEBSOCKET_ACCEPT,
        HeaderValue::from_str(&accept).unwrap_or(HeaderValue::from_static("")),
    );
    Ok(response)
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
type Failed = tokio_tungstenite::tungstenite::Error;

async fn join(mut socket: Socket, port: u16, to: Option<SocketAddr>) -> Result<(), Failed> {
    // Both channels begin with the port's number.
    for channel in [0, 1] {
        socket.send(message(channel, &port.to_le_bytes())).await?;
    }
    let connected = match to {
        Some(to) => TcpStream::connect(to).await,
        None => Err(std::io::Error::other("nothing listens there")),
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            let why = format!(
                "error forwarding port {port} to pod: failed to connect to localhost:{port}: {error}"
            );
            socket.send(message(1, why.as_bytes())).await?;
            return socket.close(None).await;
        }
    };
    let (mut from_pod, mut to_pod) = stream.into_split();
    let (mut out, mut incoming) = socket.split();
    let down = async {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            match from_pod.read(&mut buffer).await {
                Ok(0) | Err(_) => return out.close().await,
                Ok(read) => out.send(message(0, &buffer[..read])).await?,
            }
        }
    };
    let up = async {
        while let Some(Ok(received)) = incoming.next().await {
            match received {
                Message::Binary(bytes) if bytes.first() == Some(&0) => to_pod.write_all(&bytes[1..]).await?,
                Message::Close(_) => break,
                _ => {}
            }
        }
        Ok::<(), std::io::Error>(())
    };
    tokio::select! {
        ended = down => ended,
        _ = up => Ok(()),
    }
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut all = Vec::with_capacity(bytes.len() + 1);
    all.push(channel);
    all.extend_from_slice(bytes);
    Message::Binary(Bytes::from(all))
}
