//! Reads what an iterator program writes: records of `len: u32, 0: u32` and `len` bytes, padded to eight.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::ControlFlow;

use gadget_abi::batch::padded;
use gadget_abi::names::ITER_HEAD;

/// Largest record: what the kernel lets a program write for one object, with room to spare.
const MAX_RECORD: usize = 1 << 20;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Why an iterator's records can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The kernel does not yield them.
    #[error("reading iterator `{program}` failed: {source}")]
    Io {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program wrote something else.
    #[error("iterator `{program}` wrote what is no record: {reason} (at byte {at} of its output)")]
    Malformed {
        /// The program.
        program: String,
        /// What is wrong.
        reason: String,
        /// Where.
        at: usize,
    },
}

/// An iterator program's output.
pub(crate) struct Iterator {
    program: String,
    file: File,
}

impl Iterator {
    pub(crate) fn new(program: String, file: File) -> Self {
        Self { program, file }
    }

    /// Reads to the end, or until `record` breaks off. Returns the number of records.
    pub(crate) fn read(
        mut self,
        mut record: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), ReadError> {
        let (mut buffer, mut filled, mut offset, mut count) = (vec![0; 2 * CHUNK], 0, 0, 0);
        loop {
            let read = match self.file.read(&mut buffer[filled..]) {
                Ok(read) => read,
                // The kernel looked at a million objects without output, or a signal came: to be called again.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    continue;
                }
                Err(source) => return Err(ReadError::Io { program: self.program, source }),
            };
            filled += read;
            let mut taken = 0;
            loop {
                match split(&buffer[taken..filled]) {
                    Ok(Some((payload, len))) => {
                        taken += len;
                        count += 1;
                        if record(payload).is_break() {
                            return Ok((count, ControlFlow::Break(())));
                        }
                    }
                    Ok(None) => break,
                    Err(reason) => {
                        return Err(ReadError::Malformed {
                            program: self.program,
                            reason,
                            at: offset + taken,
                        });
                    }
                }
            }
            offset += taken;
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
            if read == 0 && filled == 0 {
                return Ok((count, ControlFlow::Continue(())));
            }
            if read == 0 {
                let reason = format!("it ends after {filled} bytes of a record");
                return Err(ReadError::Malformed { program: self.program, reason, at: offset });
            }
            if buffer.len() - filled < CHUNK {
                buffer.resize(buffer.len() * 2, 0);
            }
        }
    }
}

/// The first record's payload and the bytes it takes; `None` when it is not all there.
fn split(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, String> {
    let Some(head) = bytes.first_chunk::<ITER_HEAD>() else { return Ok(None) };
    let [l0, l1, l2, l3, zero @ ..] = *head;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if zero != [0; 4] || len > MAX_RECORD {
        return Err(format!("a head of {len} bytes, then {zero:?}"));
    }
    let end = ITER_HEAD + padded(len);
    Ok(bytes.get(..end).map(|record| (&record[ITER_HEAD..ITER_HEAD + len], end)))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let mut records = Vec::new();
        let iterator = Iterator::new("it".into(), file);
        let read = iterator.read(|record| {
            records.push(record.to_vec());
            if record == b"stop" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        read.map(|_| records).map_err(|error| error.to_string())
    }

    fn record(payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes.resize(ITER_HEAD + padded(payload.len()), 0);
        bytes
    }

    #[test]
    fn records_are_found_wherever_reads_end() {
        let payloads: Vec<Vec<u8>> =
            [0, 1, 8, 13, 3000, 200_000].repeat(20).iter().map(|len| vec![7; *len]).collect();
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| record(payload)).collect();
        assert_eq!(read(&bytes).unwrap(), payloads);
        assert_eq!(read(&[]).unwrap().len(), 0);
    }

    #[test]
    fn reading_ends_where_it_is_broken_off() {
        let bytes = [record(b"a"), record(b"stop"), record(b"b")].concat();
        assert_eq!(read(&bytes).unwrap(), [&b"a"[..], b"stop"]);
    }

    #[test]
    fn what_is_no_record_is_told() {
        let whole = record(b"four");
        assert!(read(&whole[..12]).unwrap_err().contains("ends after 12 bytes"));
        assert!(read(&[whole, vec![1; 16]].concat()).unwrap_err().contains("at byte 16"));
    }
}
