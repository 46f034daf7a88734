//! Reading files that others write: runtimes, and with rootless ones any user. A read is capped, never blocks on a
//! FIFO, never follows a link in the last place, and may insist on the file's owner.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

/// The file's bytes; `None` if it is absent, no regular file, larger than `cap`, or not `owner`'s (when one is given).
pub(crate) fn read(path: &Path, cap: u64, owner: Option<u32>) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let fd = open(path, flags, Mode::empty()).ok()?;
    let stat = fstat(&fd).ok()?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !regular || owner.is_some_and(|uid| uid != stat.st_uid) {
        return None;
    }
    let mut bytes = Vec::with_capacity(u64::try_from(stat.st_size).unwrap_or(0).min(cap) as usize);
    File::from(fd).take(cap + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= cap).then_some(bytes)
}

/// As [`read`], for text whose odd bytes don't matter.
pub(crate) fn read_text(path: &Path, cap: u64) -> Option<String> {
    read(path, cap, None).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The folders in `dir`, by name; empty if it can't be read. At most `cap`, so that a user's folder can't hold
/// the scan up.
pub(crate) fn folders(dir: &Path, cap: usize) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries
        .take(cap)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry.file_type().ok()?.is_dir().then_some(())?;
            Some((entry.file_name().into_string().ok()?, entry.path()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_of_the_owner_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "four").unwrap();
        assert_eq!(read(&file, 4, None).as_deref(), Some(&b"four"[..]));
        assert_eq!(read(&file, 3, None), None, "larger than the cap");
        assert_eq!(read(&file, 4, Some(12345)), None, "another's");

        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, 4, None), None, "a link");

        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read(&fifo, 4, None), None, "a FIFO, without waiting for a writer");
    }
}
