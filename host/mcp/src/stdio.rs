//! MCP over a pair of byte streams: standard input and output of this process, for a client that started it.
//!
//! The end of the input means that the client has gone or wants us to go, so running calls are cancelled at once;
//! what they had until then is still written, should somebody read it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::caller::Caller;
use crate::server::Server;

/// Why a session over byte streams ended in another way than by its client's or our own wish.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client never got to speak the protocol.
    #[error("the MCP session did not begin: {reason}; a client speaks first, in MCP messages, one on a line")]
    Begin {
        /// What the client did instead; never what it said, which may hold arguments.
        reason: String,
    },
    /// The session's own task failed.
    #[error("the MCP session ended by an internal error: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Serves on standard input and output until the input ends or `cancel` is cancelled.
///
/// When standard input is not a pipe, a read of it may still be pending on return, and would hold up the end of a
/// runtime that is dropped: shut that down in the background, or exit.
pub async fn serve<C: Caller>(server: Server<C>, cancel: CancellationToken) -> Result<(), StdioError> {
    let (input, output) = stdio_pipes();
    serve_on(server, input, output, cancel).await
}

/// As [`serve`], on any two streams. The server serves nobody afterwards: its runs are over.
pub async fn serve_on<C, R, W>(
    server: Server<C>,
    input: R,
    output: W,
    cancel: CancellationToken,
) -> Result<(), StdioError>
where
    C: Caller,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let input = Watched { input, ended: server.stopping().clone() };
    let session = CancellationToken::new();
    let mut announce = pin!(server.announce());
    let begin = serve_server_with_ct(server.clone(), (input, output), session.clone());
    let running = tokio::select! {
        begun = begin => match begun {
            Ok(running) => running,
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
                let reason = "its first message is not a request that begins one".into();
                return Err(StdioError::Begin { reason });
            }
            Err(error) => return Err(StdioError::Begin { reason: error.to_string() }),
        },
        () = cancel.cancelled() => return Ok(()),
    };
    let mut done = pin!(running.waiting());
    let reason = tokio::select! {
        reason = &mut done => reason?,
        () = cancel.cancelled() => {
            server.stop().await;
            session.cancel();
            done.await?
        }
        // Ends only with the catalogue, which the server holds.
        () = &mut announce => done.await?,
    };
    server.stop().await;
    match reason {
        QuitReason::JoinError(error) => Err(StdioError::Task(error)),
        _ => Ok(()),
    }
}

/// A stream that tells when it has ended. The SDK, at the end of its input, first waits for running calls.
struct Watched<R> {
    input: R,
    ended: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.remaining();
        let read = ready!(Pin::new(&mut self.input).poll_read(cx, buf));
        if read.is_err() || (before > 0 && buf.remaining() == before) {
            self.ended.cancel();
        }
        Poll::Ready(read)
    }
}
