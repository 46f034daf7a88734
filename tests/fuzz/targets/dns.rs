//! DNS messages: whatever a packet holds, reading it ends, and a name is no longer than the protocol's.
#![no_main]

use trace_dns::message::Message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Message::read(bytes);
});
