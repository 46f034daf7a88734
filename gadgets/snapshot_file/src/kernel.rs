//! The kernel calls this once per open file and writes what it says to a file that the host reads. Threads that share
//! their files with the process's main thread are passed over by the kernel.
#![no_std]
#![no_main]

use gadget::{context::OpenFile, fields, prelude::*};

mod event;
use event::File;

gadget::params! {
    /// Only files that were deleted.
    deleted: bool,
}

gadget::kernel_field! {
    static FILE_FLAGS: file.f_flags => u32;
    static FILE_POSITION: file.f_pos => u64;
    static INODE_LINKS: inode.i_nlink => u32;
    static INODE_SIZE: inode.i_size => u64;
}

#[gadget::program("iter/task_file")]
fn files(ctx: Iter<OpenFile>) -> Option<()> {
    let OpenFile { task, fd, file } = ctx.object()?;
    let inode = fields::FILE_INODE.read_or_zero(file);
    let links = INODE_LINKS.read_or_zero(inode);
    if params::deleted() && links != 0 {
        return None;
    }
    let mut record = gadget::begin_for::<File>(task)?;
    let path = record.path(Path::of_file(file));
    let filesystem = fields::INODE_SB.read_or_zero(inode);
    record.set(File {
        inode: fields::INODE_NUMBER.read_or_zero(inode),
        size: INODE_SIZE.read_or_zero(inode),
        position: FILE_POSITION.read_or_zero(file),
        magic: fields::SB_MAGIC.read_or_zero(filesystem),
        fd,
        flags: FILE_FLAGS.read_or_zero(file),
        device: fields::SB_DEV.read_or_zero(filesystem),
        links,
        path_len: path.len,
        mode: fields::INODE_MODE.read_or_zero(inode),
        notes: if path.cut { event::PATH_CUT } else { 0 },
        reserved: 0,
    });
    record.emit_to(ctx.sequence())
}
