//! A batch, cut into requests that the service takes: so many items and so many bytes at most.

use gadget::Row;

use super::{Problem, ScanRequest};
use crate::content::BATCH;
use crate::params::{About, Content};
use crate::settings::Profile;

/// One request.
pub struct Chunk {
    /// The items in it.
    pub req_ids: Vec<u32>,
    /// What is sent; or why it can't be.
    pub body: Result<Vec<u8>, Problem>,
}

#[derive(Row)]
struct AsyncScan<'a> {
    req_id: u32,
    scan_req: ScanRequest<'a>,
}

/// Cuts `items`, at most `most` to a request, in order.
pub(super) fn split(items: &[(u32, &Content)], about: &About, profile: &Profile, most: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (req_id, content) in items {
        let scan = AsyncScan { req_id: *req_id, scan_req: ScanRequest::new(content, about, profile) };
        let mut item = Vec::with_capacity(content.bytes() + 1024);
        gadget::row::write(&scan, &mut item);
        if item.len() + 2 > BATCH {
            let body = Err(Problem::too_large(item.len(), BATCH));
            chunks.push(Chunk { req_ids: vec![*req_id], body });
            continue;
        }
        let open = chunks.last_mut().filter(|chunk| chunk.req_ids.len() < most);
        let open = open.and_then(|Chunk { req_ids, body }| Some((req_ids, body.as_mut().ok()?)));
        match open.filter(|(_, body)| body.len() + item.len() + 2 <= BATCH) {
            Some((req_ids, body)) => {
                body.push(b',');
                body.extend_from_slice(&item);
                req_ids.push(*req_id);
            }
            None => {
                item.insert(0, b'[');
                chunks.push(Chunk { req_ids: vec![*req_id], body: Ok(item) });
            }
        }
    }
    for chunk in &mut chunks {
        if let Ok(body) = &mut chunk.body {
            body.push(b']');
        }
    }
    chunks
}
