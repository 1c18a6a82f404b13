//! The few functions and constants of the C library that the host calls.

use std::ffi::{c_char, c_int, c_long, c_void, CStr};

pub const RTLD_NOW: c_int = 2;
pub const RTLD_LOCAL: c_int = 0;
pub const PROT_NONE: c_int = 0;
pub const PROT_READ_WRITE: c_int = 3;
pub const MAP_SHARED: c_int = 1;
pub const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
pub const MAP_FIXED: c_int = 0x10;
pub const WNOHANG: c_int = 1;
pub const SIGKILL: c_int = 9;

#[cfg(target_arch = "x86_64")]
pub const SYS_RT_SIGACTION: c_long = 13;
#[cfg(target_arch = "aarch64")]
pub const SYS_RT_SIGACTION: c_long = 134;

/// The kernel's form of a signal's disposition, which is not the C library's.
#[repr(C)]
#[derive(Default)]
pub struct KernelSigaction {
    pub handler: u64,
    pub flags: u64,
    pub restorer: u64,
    pub mask: u64,
}

#[repr(C)]
pub struct SignalStack {
    pub pointer: *mut c_void,
    pub flags: c_int,
    pub size: usize,
}

/// glibc's `struct mallinfo2`: `uordblks` bytes are given out of the heaps, `hblkhd` are mapped one by one.
#[repr(C)]
pub struct HeapAccount {
    pub arena: usize,
    pub ordblks: usize,
    pub smblks: usize,
    pub hblks: usize,
    pub hblkhd: usize,
    pub usmblks: usize,
    pub fsmblks: usize,
    pub uordblks: usize,
    pub fordblks: usize,
    pub keepcost: usize,
}

extern "C" {
    pub fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    pub fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    pub fn dlclose(library: *mut c_void) -> c_int;
    pub fn dlerror() -> *const c_char;
    pub fn getpagesize() -> c_int;
    pub fn mallinfo2() -> HeapAccount;
    pub fn mmap(at: *mut c_void, size: usize, protection: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
    pub fn mprotect(at: *mut c_void, size: usize, protection: c_int) -> c_int;
    pub fn munmap(at: *mut c_void, size: usize) -> c_int;
    pub fn pthread_sigmask(how: c_int, new: *const u64, old: *mut u64) -> c_int;
    pub fn sigaltstack(new: *const SignalStack, old: *mut SignalStack) -> c_int;
    pub fn syscall(number: c_long, ...) -> c_long;
    pub fn fork() -> c_int;
    pub fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    pub fn kill(process: c_int, signal: c_int) -> c_int;
    pub fn _exit(code: c_int) -> !;
}

/// What `mmap` returns when it fails.
pub fn is_unmapped(address: *mut c_void) -> bool {
    address as isize == -1
}

pub fn system_error(what: &str) -> String {
    format!("{what}: {}", std::io::Error::last_os_error())
}

pub fn linker_error() -> String {
    let text = unsafe { dlerror() };
    if text.is_null() {
        return "the dynamic linker gives no reason".to_string();
    }
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
