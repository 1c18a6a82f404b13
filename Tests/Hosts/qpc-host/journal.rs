//! `journal=PATH`: what the threads of a drive had done when the host was killed.
//!
//! The journal is a shared mapping of the file PATH, which a SIGKILL does not destroy. The file is created or emptied
//! first and has 64 bytes per thread in the order of the indices, eight native 64-bit words each:
//!
//! | word | holds                                                                                      |
//! |------|--------------------------------------------------------------------------------------------|
//! | 0    | messages whose `on_message_enqueue` has returned                                           |
//! | 1    | messages in batches whose `on_batch_enqueue` has returned                                  |
//! | 2    | events whose `on_auth` has returned                                                        |
//! | 3    | events whose `on_channel_created` has returned                                             |
//! | 4    | events whose `on_fetch` has returned                                                       |
//! | 5    | events whose `on_user_registered` has returned                                             |
//! | 6    | calls started, of all hooks: written before the call                                       |
//! | 7    | messages handed over, single and in batches: written before the call                       |
//!
//! Words 0 to 5 are written right after the hook has returned, so they are exact lower bounds: the sequence numbers
//! `index << 40 | 1..=(word 0 + word 1)` have been accepted. Word 7 is the upper bound: no higher one was ever sent.

use crate::sys::{is_unmapped, system_error};
use crate::{sys, Outcome};
use std::ffi::c_void;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's words in the journal; without a journal there are none.
#[derive(Clone, Copy)]
pub struct JournalRow(pub *const AtomicU64);

impl JournalRow {
    const WORDS: usize = 8;
    pub const STARTED: usize = 6;
    pub const HANDED_OVER: usize = 7;

    pub fn write(self, word: usize, number: u64) {
        if !self.0.is_null() {
            unsafe { &*self.0.add(word) }.store(number, Ordering::Release);
        }
    }
}

pub struct Journal {
    pub base: *mut c_void,
    pub size: usize,
}

impl Journal {
    pub fn create(path: &str, threads: usize) -> Outcome<Journal> {
        let failed = |error: std::io::Error| format!("{path}: {error}");
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
        let file = file.map_err(failed)?;
        let size = threads * JournalRow::WORDS * size_of::<u64>();
        file.set_len(size as u64).map_err(failed)?;
        let base = unsafe { sys::mmap(null_mut(), size, sys::PROT_READ_WRITE, sys::MAP_SHARED, file.as_raw_fd(), 0) };
        if is_unmapped(base) {
            return Err(system_error("mmap of the journal"));
        }
        Ok(Journal { base, size })
    }

    pub fn row(&self, position: usize) -> JournalRow {
        JournalRow(unsafe { self.base.cast::<AtomicU64>().add(position * JournalRow::WORDS) })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        unsafe { sys::munmap(self.base, self.size) };
    }
}
