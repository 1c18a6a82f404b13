//! A stand-in for the chat server: it loads the plugin as the server does and calls its hooks as a test tells it to.
//!
//! Build: `rustc -O --edition 2021 qpc_host.rs -o qpc-host` (Linux, 64 bit, no crates).
//!
//! The host reads commands from its standard input, one per line, and answers each with exactly one line on its
//! standard output: `ok ...` or `error ...`. The end of the input is `exit`. A host that dies without answering was
//! brought down by the plugin.
//!
//! # Words
//!
//! A line is words separated by blanks: the command, then plain words and `key=value` words. A key that the command
//! does not know is an error, so that a misspelt test cannot pass by sending less than it meant to. Paths and the
//! words of `setenv` are percent-decoded (`%20` is a blank, `%25` is a percent sign).
//!
//! Byte values (keys, channels, names, reasons) are written as:
//!
//! - `00ff...`     these bytes with their true length
//! - `HEX@LEN`     these bytes with a stated length of `LEN`, which is at most the true one
//! - `text:...`    these bytes, percent-encoded; `text:` alone is a real pointer with length 0
//! - `-`           null with length 0, which is also what a value that is not given means
//! - `dangling`    the address 1 with length 0, as of an empty Rust `Vec`
//! - `null:LEN`    null with length `LEN`
//! - `huge:HEX`    a real pointer to these bytes with length 2^63; 64 KiB are readable there
//!
//! Numbers are decimal or `0x...`; `max` is 2^64-1. `ok=` and `new=` are C integers, which may be negative.
//!
//! The bytes of every value, and every event, end where a page without access begins, and lose theirs when the hook
//! has returned (`drive` and `spawn-threads` alone use plain memory, for speed). A plugin that looks for a terminator,
//! reads one byte too many or keeps a pointer therefore dies at once instead of passing by luck. `huge:` alone has
//! room behind its bytes, because a plugin that cuts off an impossible length at a sensible one is not wrong.
//!
//! # Commands
//!
//! Loading (libraries have names, "0" unless told otherwise, so that two copies can be loaded):
//!
//! - `layout`                       `ok {"CMessageEvent":{"size":64,"align":8,"fields":{"seq":{"offset":56,"size":8},...}},...}`
//! - `setenv NAME VALUE`, `unsetenv NAME`    `ok`; a missing VALUE is an empty one
//! - `load PATH [as=LIBRARY]`       `ok`
//! - `init [as=NAME] [from=LIBRARY]`  `ok code=0 slots=on_message_enqueue,... user_data=set|null`, or, when the plugin
//!                                  refuses, `ok code=-3 untouched=true|false` (whether the table is still all zero).
//!                                  `slot=` is another word for `as=`. The library is the one loaded last.
//! - `initnull [from=LIBRARY]`      `ok code=-1`: hands over null instead of a table
//! - `close [LIBRARY]`              `ok mapped=true|false`: calls `dlclose`, and says whether the code is still mapped.
//!                                  Instances stay callable, as a server's would that closes too early.
//!
//! Hooks (all take `on=NAME`, the instance, "0" unless told otherwise; a hook whose slot is null is never called, and
//! the answer is then `ok skipped`):
//!
//! - `message sender= recipient= channel= bytes= seq=`   `ok result=0`, or `ok result=1 reason=text:...`
//! - `stage sender= recipient= channel= bytes= seq=`     `ok staged=3`: puts a message on the list for the next batch
//! - `batch [null|dangling] [count=N]`                   `ok count=3`: sends the list and clears it. Without messages the
//!                                  pointer dangles unless `null` is said. `count=` states another count than the true one.
//! - `auth user= ok= reason=`                            `ok`; `ok=` is 1 unless told otherwise
//! - `channel channel= initiator= peer= new=`            `ok`; `new=` is 1 unless told otherwise
//! - `fetch recipient= channel= count=`                  `ok`
//! - `register user= identity=`                          `ok`
//! - `nullevent HOOK [count=N]`     as the hook's answer: passes a null event. HOOK is message, batch, auth, channel,
//!                                  fetch or register; `count=` is the batch's, 1 unless told otherwise.
//! - `shutdown`                     `ok`
//! - `destroy [keep=1]`             `ok`; the instance is then gone, unless kept for calls after the end.
//!
//! Traffic (all take `on=NAME`; the answers are `ok` and a JSON object, see `Tally::json`):
//!
//! - `drive threads=N calls=M seed=S [mix=all|KIND,...] [pause_us=P] [wait=0|1] [endless=1] [journal=PATH] [first=T]`
//!                                  N threads make M calls each. With `wait=0` or `endless=1` the answer comes at once,
//!                                  `ok started threads=N first_thread=T`, and the object is the answer to:
//! - `stop`                         ends the background drive after the calls in hand
//! - `join`                         waits for the end of a background drive that has one
//! - `send-known seed=S count=N out=PATH`    N events from one thread, written to PATH as NDJSON, one object per event
//! - `hostile seed=S rounds=N [huge_counts=1]`   every hostile value in every field, then N rounds of random mixtures;
//!                                  `huge_counts` adds batches at a real pointer with counts that no memory can hold
//! - `spawn-threads count=N alive=0|1 calls=M`   N threads that make M fetch calls each and end: one after another, or
//!                                  all alive until the last has made its calls
//! - `fork [timeout_ms=T]`          `ok status=0 calls=6`, or `ok signal=11`: the child calls every hook once and leaves
//!
//! Looking at the process:
//!
//! - `signals`   `ok {"fingerprint":"...","mask":"...","altstack":{...},"dispositions":[...64]}`, of the main thread
//! - `threads`   `ok [{"tid":1,"name":"...","sigblk":"0000000000000000"},...]`
//! - `pid`       `ok pid=1`
//! - `rss`       `ok rss=1`, in kB
//! - `heap`      `ok heap=1`, in bytes: what the C library has given out and not got back
//! - `exit`      `ok`, and the process ends with code 0 without `destroy`
//!
//! # Sequence numbers
//!
//! Every thread of every `drive` has an index of its own, counted on through the life of the host (the first drive
//! has 0..N; `first=T` sets the start, so that a host's successor can go on where it ended). Its messages, single and
//! in batches alike, have the sequence numbers `index << 40 | 1`, `index << 40 | 2` and so on without gaps.
//! `send-known` and `fork` take theirs from the index 2^22, which no drive reaches, apart from the edge values.
//!
//! # Journal
//!
//! `journal=PATH` keeps account of a drive where a SIGKILL cannot destroy it: in a shared mapping of the file PATH,
//! made anew, with 64 bytes per thread in the order of the indices, eight native 64-bit words each:
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

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{c_char, c_int, c_long, c_void, CStr, CString};
use std::fmt::Write as _;
use std::io::{BufRead, BufWriter, Write as _};
use std::mem::{offset_of, size_of};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const _: () = assert!(usize::BITS == 64, "lengths such as 2^63 need a 64-bit host");

type Outcome<T> = Result<T, String>;

// ---------------------------------------------------------------------------------------------------------------------
// The plugin's interface
// ---------------------------------------------------------------------------------------------------------------------

#[repr(C)]
#[derive(Clone, Copy)]
struct CMessageEvent {
    sender_identity: *const u8,
    sender_identity_len: usize,
    recipient_key: *const u8,
    recipient_key_len: usize,
    channel_id: *const u8,
    channel_id_len: usize,
    payload_len: usize,
    seq: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CAuthEvent {
    username: *const u8,
    username_len: usize,
    success: i32,
    failure_reason: *const u8,
    failure_reason_len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CChannelEvent {
    channel_id: *const u8,
    channel_id_len: usize,
    initiator_key: *const u8,
    initiator_key_len: usize,
    peer_key: *const u8,
    peer_key_len: usize,
    was_new: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct CFetchEvent {
    recipient_key: *const u8,
    recipient_key_len: usize,
    channel_id: *const u8,
    channel_id_len: usize,
    message_count: usize,
}

#[repr(C)]
struct HookVTable {
    user_data: *mut c_void,
    on_message_enqueue: Option<unsafe extern "C" fn(*mut c_void, *const CMessageEvent) -> i32>,
    on_batch_enqueue: Option<unsafe extern "C" fn(*mut c_void, *const CMessageEvent, usize)>,
    on_auth: Option<unsafe extern "C" fn(*mut c_void, *const CAuthEvent)>,
    on_channel_created: Option<unsafe extern "C" fn(*mut c_void, *const CChannelEvent)>,
    on_fetch: Option<unsafe extern "C" fn(*mut c_void, *const CFetchEvent)>,
    on_user_registered: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize, *const u8, usize)>,
    error_message: Option<unsafe extern "C" fn(*mut c_void) -> *const u8>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    on_shutdown: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: The contract asks of plugins that their hooks can be called from any thread.
unsafe impl Send for HookVTable {}
unsafe impl Sync for HookVTable {}

type InitFunction = unsafe extern "C" fn(*mut HookVTable) -> i32;

const HOOK_CONTINUE: i32 = 0;

/// Calls of the slots; `None` means that the slot is null and nothing was called.
///
/// Passing on whatever pointers a test asks for is what the host is for. No signature could make that sound, so these
/// do not pretend to ask for care by being `unsafe`: whether the process survives is the plugin's business.
impl HookVTable {
    fn call_message(&self, event: *const CMessageEvent) -> Option<i32> {
        self.on_message_enqueue.map(|hook| unsafe { hook(self.user_data, event) })
    }

    fn call_batch(&self, events: *const CMessageEvent, count: usize) -> Option<()> {
        self.on_batch_enqueue.map(|hook| unsafe { hook(self.user_data, events, count) })
    }

    fn call_auth(&self, event: *const CAuthEvent) -> Option<()> {
        self.on_auth.map(|hook| unsafe { hook(self.user_data, event) })
    }

    fn call_channel(&self, event: *const CChannelEvent) -> Option<()> {
        self.on_channel_created.map(|hook| unsafe { hook(self.user_data, event) })
    }

    fn call_fetch(&self, event: *const CFetchEvent) -> Option<()> {
        self.on_fetch.map(|hook| unsafe { hook(self.user_data, event) })
    }

    fn call_register(&self, user: (*const u8, usize), identity: (*const u8, usize)) -> Option<()> {
        self.on_user_registered
            .map(|hook| unsafe { hook(self.user_data, user.0, user.1, identity.0, identity.1) })
    }

    fn call_shutdown(&self) -> Option<()> {
        self.on_shutdown.map(|hook| unsafe { hook(self.user_data) })
    }

    fn call_destroy(&self) -> Option<()> {
        self.destroy.map(|hook| unsafe { hook(self.user_data) })
    }

    /// The plugin's reason for a rejection, when it has one.
    fn rejection_reason(&self) -> Option<Vec<u8>> {
        let text = self.error_message.map(|hook| unsafe { hook(self.user_data) })?;
        if text.is_null() {
            return None;
        }
        Some(unsafe { CStr::from_ptr(text.cast()) }.to_bytes().to_vec())
    }

    fn has_hook(&self, kind: Kind) -> bool {
        match kind {
            Kind::Message => self.on_message_enqueue.is_some(),
            Kind::Batch => self.on_batch_enqueue.is_some(),
            Kind::Auth => self.on_auth.is_some(),
            Kind::Channel => self.on_channel_created.is_some(),
            Kind::Fetch => self.on_fetch.is_some(),
            Kind::Register => self.on_user_registered.is_some(),
        }
    }

    fn filled_slots(&self) -> Vec<&'static str> {
        let slots = [
            ("on_message_enqueue", self.on_message_enqueue.is_some()),
            ("on_batch_enqueue", self.on_batch_enqueue.is_some()),
            ("on_auth", self.on_auth.is_some()),
            ("on_channel_created", self.on_channel_created.is_some()),
            ("on_fetch", self.on_fetch.is_some()),
            ("on_user_registered", self.on_user_registered.is_some()),
            ("error_message", self.error_message.is_some()),
            ("destroy", self.destroy.is_some()),
            ("on_shutdown", self.on_shutdown.is_some()),
        ];
        slots.iter().filter(|slot| slot.1).map(|slot| slot.0).collect()
    }
}

/// The hooks that carry events, in the order of the journal's words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Batch,
    Auth,
    Channel,
    Fetch,
    Register,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Message, Kind::Batch, Kind::Auth, Kind::Channel, Kind::Fetch, Kind::Register];

    fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Batch => "batch",
            Kind::Auth => "auth",
            Kind::Channel => "channel",
            Kind::Fetch => "fetch",
            Kind::Register => "register",
        }
    }

    fn named(name: &str) -> Outcome<Kind> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("no hook is called {name}"))
    }

    /// Its share of the calls in believable traffic, in percent.
    fn share(self) -> u64 {
        match self {
            Kind::Message => 40,
            Kind::Batch => 6,
            Kind::Auth => 12,
            Kind::Channel => 10,
            Kind::Fetch => 30,
            Kind::Register => 2,
        }
    }
}

/// One structure's layout as a JSON member. `upstream_layout.rs` has the same macro over the server's own types.
macro_rules! layout_of {
    ($structure:ident: $($field:ident),+) => {{
        fn size_of_field<Field>(_: impl Fn(&$structure) -> &Field) -> usize {
            size_of::<Field>()
        }
        let fields = [$(format!(
            "\"{}\":{{\"offset\":{},\"size\":{}}}",
            stringify!($field),
            offset_of!($structure, $field),
            size_of_field(|structure| &structure.$field),
        )),+];
        format!(
            "\"{}\":{{\"size\":{},\"align\":{},\"fields\":{{{}}}}}",
            stringify!($structure),
            size_of::<$structure>(),
            std::mem::align_of::<$structure>(),
            fields.join(","),
        )
    }};
}

fn layout() -> String {
    let structures = [
        layout_of!(CMessageEvent: sender_identity, sender_identity_len, recipient_key, recipient_key_len, channel_id,
                   channel_id_len, payload_len, seq),
        layout_of!(CAuthEvent: username, username_len, success, failure_reason, failure_reason_len),
        layout_of!(CChannelEvent: channel_id, channel_id_len, initiator_key, initiator_key_len, peer_key, peer_key_len,
                   was_new),
        layout_of!(CFetchEvent: recipient_key, recipient_key_len, channel_id, channel_id_len, message_count),
        layout_of!(HookVTable: user_data, on_message_enqueue, on_batch_enqueue, on_auth, on_channel_created, on_fetch,
                   on_user_registered, error_message, destroy, on_shutdown),
    ];
    format!("{{{}}}", structures.join(","))
}

// ---------------------------------------------------------------------------------------------------------------------
// The C library
// ---------------------------------------------------------------------------------------------------------------------

mod sys {
    use super::{c_char, c_int, c_long, c_void};

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
        pub fn mmap(at: *mut c_void, size: usize, protection: c_int, flags: c_int, file: c_int, offset: i64)
            -> *mut c_void;
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
}

/// What `mmap` returns when it fails.
fn is_unmapped(address: *mut c_void) -> bool {
    address as isize == -1
}

fn system_error(what: &str) -> String {
    format!("{what}: {}", std::io::Error::last_os_error())
}

fn linker_error() -> String {
    let text = unsafe { sys::dlerror() };
    if text.is_null() {
        return "the dynamic linker gives no reason".to_string();
    }
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

// ---------------------------------------------------------------------------------------------------------------------
// Values that are handed to the plugin
// ---------------------------------------------------------------------------------------------------------------------

/// Memory of its own, with a page behind it that cannot be touched, and gone when it is dropped.
struct GuardedMemory {
    base: *mut c_void,
    size: usize,
    data: *mut u8,
}

impl GuardedMemory {
    /// How much can be read at a value whose stated length is impossible.
    const ROOM: usize = 64 * 1024;

    fn map(readable: usize, data_at: usize) -> Outcome<GuardedMemory> {
        let page = unsafe { sys::getpagesize() } as usize;
        let size = readable + page;
        let base = unsafe { sys::mmap(null_mut(), size, sys::PROT_NONE, sys::MAP_PRIVATE_ANONYMOUS, -1, 0) };
        if is_unmapped(base) {
            return Err(system_error("mmap"));
        }
        let memory = GuardedMemory { base, size, data: unsafe { base.cast::<u8>().add(data_at) } };
        if unsafe { sys::mprotect(base, readable, sys::PROT_READ_WRITE) } != 0 {
            return Err(system_error("mprotect"));
        }
        Ok(memory)
    }

    /// A copy that ends exactly where the untouchable page begins.
    fn tight<Item: Copy>(items: &[Item]) -> Outcome<GuardedMemory> {
        let page = unsafe { sys::getpagesize() } as usize;
        let length = size_of_val(items);
        let readable = length.div_ceil(page).max(1) * page;
        let memory = GuardedMemory::map(readable, readable - length)?;
        unsafe { std::ptr::copy_nonoverlapping(items.as_ptr(), memory.data.cast::<Item>(), items.len()) };
        Ok(memory)
    }

    /// A copy with zeros behind it.
    fn roomy(bytes: &[u8]) -> Outcome<GuardedMemory> {
        if bytes.len() > GuardedMemory::ROOM {
            return Err(format!("a huge value has at most {} bytes of data", GuardedMemory::ROOM));
        }
        let memory = GuardedMemory::map(GuardedMemory::ROOM, 0)?;
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.data, bytes.len()) };
        Ok(memory)
    }

    fn items<Item>(&self) -> *const Item {
        self.data.cast()
    }
}

/// Address ranges that were values not long ago. They stay reserved without access, because the next value would
/// otherwise be mapped at the same address, and a plugin that kept a pointer would read that one unpunished.
static QUARANTINE: Mutex<VecDeque<(usize, usize)>> = Mutex::new(VecDeque::new());
const QUARANTINED: usize = 1024;

impl Drop for GuardedMemory {
    fn drop(&mut self) {
        // Mapping anew gives the pages back, which taking away the access alone would not.
        let flags = sys::MAP_PRIVATE_ANONYMOUS | sys::MAP_FIXED;
        unsafe { sys::mmap(self.base, self.size, sys::PROT_NONE, flags, -1, 0) };
        let mut quarantine = QUARANTINE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        quarantine.push_back((self.base as usize, self.size));
        if quarantine.len() > QUARANTINED {
            if let Some((base, size)) = quarantine.pop_front() {
                unsafe { sys::munmap(base as *mut c_void, size) };
            }
        }
    }
}

/// A pointer and a length as an event states them, and the memory behind them where there is any.
struct Value {
    pointer: *const u8,
    length: usize,
    _memory: Option<GuardedMemory>,
}

impl Value {
    fn bare(address: usize, length: usize) -> Value {
        Value { pointer: address as *const u8, length, _memory: None }
    }

    fn real(bytes: &[u8]) -> Outcome<Value> {
        Value::stated(bytes, bytes.len())
    }

    fn stated(bytes: &[u8], length: usize) -> Outcome<Value> {
        let memory = GuardedMemory::tight(bytes)?;
        Ok(Value { pointer: memory.data, length, _memory: Some(memory) })
    }

    fn huge(bytes: &[u8], length: usize) -> Outcome<Value> {
        let memory = GuardedMemory::roomy(bytes)?;
        Ok(Value { pointer: memory.data, length, _memory: Some(memory) })
    }

    fn parse(word: &str) -> Outcome<Value> {
        if word == "-" {
            Ok(Value::bare(0, 0))
        } else if word == "dangling" {
            Ok(Value::bare(1, 0))
        } else if let Some(length) = word.strip_prefix("null:") {
            Ok(Value::bare(0, parse_number(length)? as usize))
        } else if let Some(digits) = word.strip_prefix("huge:") {
            Value::huge(&parse_hex(digits)?, 1 << 63)
        } else if let Some(text) = word.strip_prefix("text:") {
            Value::real(&percent_decoded(text)?)
        } else if let Some((digits, length)) = word.split_once('@') {
            let bytes = parse_hex(digits)?;
            let length = parse_number(length)? as usize;
            if length > bytes.len() {
                return Err(format!("the stated length {length} is beyond the {} bytes", bytes.len()));
            }
            Value::stated(&bytes, length)
        } else if word.is_empty() {
            Err("an empty value: write - or dangling or text:".to_string())
        } else {
            Value::real(&parse_hex(word)?)
        }
    }

    fn pair(&self) -> (*const u8, usize) {
        (self.pointer, self.length)
    }
}

fn parse_number(word: &str) -> Outcome<u64> {
    let number = match word.strip_prefix("0x") {
        _ if word == "max" => Ok(u64::MAX),
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    number.map_err(|_| format!("not a number: {word}"))
}

fn parse_hex(digits: &str) -> Outcome<Vec<u8>> {
    let wrong = || format!("not an even number of hex digits: {digits}");
    if digits.len() % 2 != 0 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn percent_decoded(text: &str) -> Outcome<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            decoded.push(first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| parse_hex(digits).ok());
        let byte = byte.ok_or_else(|| format!("a percent sign without two hex digits: {text}"))?;
        decoded.extend(byte);
        rest = &after[2..];
    }
    Ok(decoded)
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(byte as char);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn json_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if (control as u32) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

// ---------------------------------------------------------------------------------------------------------------------
// Calls with guarded memory, and their tally
// ---------------------------------------------------------------------------------------------------------------------

/// What was sent. The hooks for single messages and for batches have sums of their own, because a plugin that adds
/// the two up would count a message twice if the server calls both hooks for it.
#[derive(Default)]
struct Tally {
    calls: [u64; 6],
    /// Events at pointers that can be read: a batch has as many as it has messages, a null event is none.
    events: [u64; 6],
    message_bytes: u64,
    batch_bytes: u64,
    message_sealed: u64,
    batch_sealed: u64,
    failed: u64,
    new: u64,
    fetched: u64,
    empty_fetches: u64,
    rejected: u64,
    skipped: u64,
}

impl Tally {
    /// Sums wrap instead of failing, since hostile sizes add up to more than any integer holds.
    fn add(&mut self, other: &Tally) {
        let pairs = [
            (&mut self.message_bytes, other.message_bytes),
            (&mut self.batch_bytes, other.batch_bytes),
            (&mut self.message_sealed, other.message_sealed),
            (&mut self.batch_sealed, other.batch_sealed),
            (&mut self.failed, other.failed),
            (&mut self.new, other.new),
            (&mut self.fetched, other.fetched),
            (&mut self.empty_fetches, other.empty_fetches),
            (&mut self.rejected, other.rejected),
            (&mut self.skipped, other.skipped),
        ];
        for (sum, summand) in pairs {
            *sum = sum.wrapping_add(summand);
        }
        for kind in 0..Kind::ALL.len() {
            self.calls[kind] += other.calls[kind];
            self.events[kind] += other.events[kind];
        }
    }

    /// Counts a call that was made, or one that was left out because its slot is null.
    fn count<Answer>(&mut self, kind: Kind, events: u64, answer: &Option<Answer>) {
        if answer.is_none() {
            self.skipped += 1;
            return;
        }
        self.calls[kind as usize] += 1;
        self.events[kind as usize] += events;
    }

    fn count_messages(&mut self, kind: Kind, events: &[CMessageEvent]) {
        let (bytes, sealed) = match kind {
            Kind::Batch => (&mut self.batch_bytes, &mut self.batch_sealed),
            _ => (&mut self.message_bytes, &mut self.message_sealed),
        };
        for event in events {
            *bytes = bytes.wrapping_add(event.payload_len as u64);
            *sealed += u64::from(event.sender_identity_len == 0);
        }
    }

    fn count_fetch(&mut self, messages: usize) {
        self.fetched = self.fetched.wrapping_add(messages as u64);
        self.empty_fetches += u64::from(messages == 0);
    }

    fn calls_and_events(&self) -> String {
        let by_kind = |counts: &[u64; 6]| {
            let members = Kind::ALL.map(|kind| format!("\"{}\":{}", kind.name(), counts[kind as usize]));
            members.join(",")
        };
        format!(
            "\"calls\":{{{}}},\"events\":{{{}}},\"rejected\":{},\"skipped\":{}",
            by_kind(&self.calls),
            by_kind(&self.events),
            self.rejected,
            self.skipped
        )
    }

    /// `head` is the members that come first. `sealed` and `bytes` are of both message hooks together, `created` is
    /// all events of `on_channel_created`, `new` those with `was_new`, `fetched` the messages of all fetches.
    fn json(&self, head: &str) -> String {
        let members = [
            ("bytes", self.message_bytes.wrapping_add(self.batch_bytes)),
            ("message_bytes", self.message_bytes),
            ("batch_bytes", self.batch_bytes),
            ("sealed", self.message_sealed + self.batch_sealed),
            ("message_sealed", self.message_sealed),
            ("batch_sealed", self.batch_sealed),
            ("failed", self.failed),
            ("created", self.events[Kind::Channel as usize]),
            ("new", self.new),
            ("fetched", self.fetched),
            ("empty_fetches", self.empty_fetches),
        ];
        let sums = members.map(|(name, sum)| format!("\"{name}\":{sum}"));
        format!("{{{head},{},{}}}", self.calls_and_events(), sums.join(","))
    }
}

fn message_event([sender, recipient, channel]: [&Value; 3], payload_len: usize, seq: u64) -> CMessageEvent {
    CMessageEvent {
        sender_identity: sender.pointer,
        sender_identity_len: sender.length,
        recipient_key: recipient.pointer,
        recipient_key_len: recipient.length,
        channel_id: channel.pointer,
        channel_id_len: channel.length,
        payload_len,
        seq,
    }
}

/// Calls hooks with events in guarded memory and counts what it did. Values are given in the order of the event's fields.
struct Caller {
    plugin: &'static HookVTable,
    tally: Tally,
}

impl Caller {
    fn new(plugin: &'static HookVTable) -> Caller {
        Caller { plugin, tally: Tally::default() }
    }

    fn message(&mut self, values: [&Value; 3], payload_len: usize, seq: u64) -> Outcome<Option<i32>> {
        let event = message_event(values, payload_len, seq);
        let memory = GuardedMemory::tight(&[event])?;
        let answer = self.plugin.call_message(memory.items());
        self.tally.count(Kind::Message, 1, &answer);
        if let Some(result) = answer {
            self.tally.count_messages(Kind::Message, &[event]);
            self.tally.rejected += u64::from(result != HOOK_CONTINUE);
        }
        Ok(answer)
    }

    fn batch(&mut self, events: &[CMessageEvent]) -> Outcome<Option<()>> {
        self.batch_stating(events, events.len())
    }

    fn batch_stating(&mut self, events: &[CMessageEvent], count: usize) -> Outcome<Option<()>> {
        let memory = GuardedMemory::tight(events)?;
        let answer = self.plugin.call_batch(memory.items(), count);
        self.tally.count(Kind::Batch, events.len().min(count) as u64, &answer);
        if answer.is_some() {
            self.tally.count_messages(Kind::Batch, &events[..events.len().min(count)]);
        }
        Ok(answer)
    }

    fn batch_at(&mut self, address: usize, count: usize) -> Option<()> {
        let answer = self.plugin.call_batch(address as *const CMessageEvent, count);
        self.tally.count(Kind::Batch, 0, &answer);
        answer
    }

    fn auth(&mut self, [user, reason]: [&Value; 2], success: i32) -> Outcome<Option<()>> {
        let memory = GuardedMemory::tight(&[CAuthEvent {
            username: user.pointer,
            username_len: user.length,
            success,
            failure_reason: reason.pointer,
            failure_reason_len: reason.length,
        }])?;
        let answer = self.plugin.call_auth(memory.items());
        self.tally.count(Kind::Auth, 1, &answer);
        self.tally.failed += u64::from(success == 0 && answer.is_some());
        Ok(answer)
    }

    fn channel(&mut self, [channel, initiator, peer]: [&Value; 3], was_new: i32) -> Outcome<Option<()>> {
        let memory = GuardedMemory::tight(&[CChannelEvent {
            channel_id: channel.pointer,
            channel_id_len: channel.length,
            initiator_key: initiator.pointer,
            initiator_key_len: initiator.length,
            peer_key: peer.pointer,
            peer_key_len: peer.length,
            was_new,
        }])?;
        let answer = self.plugin.call_channel(memory.items());
        self.tally.count(Kind::Channel, 1, &answer);
        self.tally.new += u64::from(was_new != 0 && answer.is_some());
        Ok(answer)
    }

    fn fetch(&mut self, [recipient, channel]: [&Value; 2], message_count: usize) -> Outcome<Option<()>> {
        let memory = GuardedMemory::tight(&[CFetchEvent {
            recipient_key: recipient.pointer,
            recipient_key_len: recipient.length,
            channel_id: channel.pointer,
            channel_id_len: channel.length,
            message_count,
        }])?;
        let answer = self.plugin.call_fetch(memory.items());
        self.tally.count(Kind::Fetch, 1, &answer);
        if answer.is_some() {
            self.tally.count_fetch(message_count);
        }
        Ok(answer)
    }

    fn register(&mut self, [user, identity]: [&Value; 2]) -> Option<()> {
        let answer = self.plugin.call_register(user.pair(), identity.pair());
        self.tally.count(Kind::Register, 1, &answer);
        answer
    }

    /// Calls a hook with a null event; the batch states a count, and a registration has nothing but nulls.
    fn null_event(&mut self, kind: Kind, count: usize) -> Option<Option<i32>> {
        let answer = match kind {
            Kind::Message => self.plugin.call_message(null()).map(Some),
            Kind::Batch => self.plugin.call_batch(null(), count).map(|()| None),
            Kind::Auth => self.plugin.call_auth(null()).map(|()| None),
            Kind::Channel => self.plugin.call_channel(null()).map(|()| None),
            Kind::Fetch => self.plugin.call_fetch(null()).map(|()| None),
            Kind::Register => self.plugin.call_register((null(), 0), (null(), 0)).map(|()| None),
        };
        self.tally.count(kind, 0, &answer);
        self.tally.rejected += u64::from(matches!(answer, Some(Some(result)) if result != HOOK_CONTINUE));
        answer
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Believable traffic
// ---------------------------------------------------------------------------------------------------------------------

/// SplitMix64: small, fast, and the same for a seed on every machine.
struct Generator(u64);

impl Generator {
    /// The generator of one of several threads that share a seed.
    fn for_thread(seed: u64, position: u64) -> Generator {
        let mut generator = Generator(seed ^ position.wrapping_mul(0xd1342543de82ef95));
        Generator(generator.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d049bb133111eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<'items, Item>(&mut self, items: &'items [Item]) -> &'items Item {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Prefers the first items, since a few users cause most of the traffic.
    fn pick_skewed<'items, Item>(&mut self, items: &'items [Item]) -> &'items Item {
        let first = self.below(items.len() as u64);
        let second = self.below(items.len() as u64);
        &items[first.min(second) as usize]
    }

    /// A padded payload: powers of two are as common as their halves.
    fn payload_size(&mut self) -> usize {
        let scale = 1 << (6 + self.below(10));
        (scale + self.below(scale)) as usize
    }

    fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// The people of the traffic. They do not depend on the seed, so that several runs concern the same ones.
struct Population {
    users: Vec<String>,
    identities: Vec<[u8; 32]>,
    channels: Vec<[u8; 16]>,
}

impl Population {
    fn shared() -> &'static Population {
        static SHARED: OnceLock<Population> = OnceLock::new();
        SHARED.get_or_init(|| {
            const NAMES: [&str; 25] = [
                "alice", "bao", "chidi", "dora", "emre", "farid", "greta", "hana", "ivan", "jun", "kofi", "lena", "mateo",
                "nadia", "omar", "priya", "quinn", "rosa", "sven", "tariq", "uma", "vera", "wim", "ximena", "yusuf",
            ];
            let mut generator = Generator(0x70_6f70_756c_6174);
            Population {
                users: (0..500).map(|index| format!("{}.{:02}", NAMES[index % 25], index / 25)).collect(),
                identities: (0..2000).map(|_| generator.bytes()).collect(),
                channels: (0..800).map(|_| generator.bytes()).collect(),
            }
        })
    }
}

/// A failed login's reason. Some hold the user's name, as the server's free text may.
fn write_reason(generator: &mut Generator, user: &str, reason: &mut String) {
    reason.clear();
    let _ = match generator.below(8) {
        0 => write!(reason, "invalid credentials"),
        1 => write!(reason, "user {user} not found"),
        2 => write!(reason, "OPAQUE login finish failed: envelope mac mismatch"),
        3 => write!(reason, "rate limit exceeded"),
        4 => write!(reason, "session expired"),
        5 => write!(reason, "account {user} is locked for {} s", 30 * (1 + generator.below(20))),
        6 => write!(reason, "device {:04x} is not enrolled", generator.below(1 << 16)),
        _ => write!(reason, "storage timeout"),
    };
}

const SEQ_SHIFT: u32 = 40;
/// The index of `send-known` and `fork`: as a sequence number it is still positive when signed.
const RESERVED_THREAD: u64 = 1 << 22;

/// One thread's words in the journal; without a journal there are none.
#[derive(Clone, Copy)]
struct JournalRow(*const AtomicU64);

impl JournalRow {
    const WORDS: usize = 8;
    const STARTED: usize = 6;
    const HANDED_OVER: usize = 7;

    fn write(self, word: usize, number: u64) {
        if !self.0.is_null() {
            unsafe { &*self.0.add(word) }.store(number, Ordering::Release);
        }
    }
}

struct Journal {
    base: *mut c_void,
    size: usize,
}

impl Journal {
    fn create(path: &str, threads: usize) -> Outcome<Journal> {
        let failed = |error: std::io::Error| format!("{path}: {error}");
        let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
        let file = file.map_err(failed)?;
        let size = threads * JournalRow::WORDS * size_of::<u64>();
        file.set_len(size as u64).map_err(failed)?;
        let base =
            unsafe { sys::mmap(null_mut(), size, sys::PROT_READ_WRITE, sys::MAP_SHARED, file.as_raw_fd(), 0) };
        if is_unmapped(base) {
            return Err(system_error("mmap of the journal"));
        }
        Ok(Journal { base, size })
    }

    fn row(&self, position: usize) -> JournalRow {
        JournalRow(unsafe { self.base.cast::<AtomicU64>().add(position * JournalRow::WORDS) })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        unsafe { sys::munmap(self.base, self.size) };
    }
}

/// One thread of a drive.
struct Driver {
    plugin: &'static HookVTable,
    generator: Generator,
    kinds: Vec<Kind>,
    journal: JournalRow,
    first_seq: u64,
    handed_over: u64,
    started: u64,
    tally: Tally,
    batch: Vec<CMessageEvent>,
    reason: String,
}

// SAFETY: The batch points into the population, which lives for ever; the journal's mapping outlives the threads, and
// each of its rows has one writer.
unsafe impl Send for Driver {}

impl Driver {
    fn run(mut self, calls: Option<u64>, pause: Duration, stop: &AtomicBool) -> Tally {
        let mut made = 0;
        while calls.is_none_or(|calls| made < calls) && !stop.load(Ordering::Relaxed) {
            let kind = self.pick_kind();
            if self.plugin.has_hook(kind) {
                self.call(kind);
            } else {
                self.tally.skipped += 1;
            }
            made += 1;
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        self.tally
    }

    fn pick_kind(&mut self) -> Kind {
        let total = self.kinds.iter().map(|kind| kind.share()).sum();
        let mut drawn = self.generator.below(total);
        for &kind in &self.kinds {
            if drawn < kind.share() {
                return kind;
            }
            drawn -= kind.share();
        }
        self.kinds[0]
    }

    fn next_message(&mut self) -> CMessageEvent {
        let population = Population::shared();
        let generator = &mut self.generator;
        let sender = generator.pick_skewed(&population.identities);
        let recipient = generator.pick_skewed(&population.identities);
        let channel = generator.pick_skewed(&population.channels);
        let sealed = generator.percent(20);
        let without_channel = generator.percent(3);
        self.handed_over += 1;
        CMessageEvent {
            sender_identity: if sealed { null() } else { sender.as_ptr() },
            sender_identity_len: if sealed { 0 } else { sender.len() },
            recipient_key: recipient.as_ptr(),
            recipient_key_len: recipient.len(),
            channel_id: if without_channel { dangling() } else { channel.as_ptr() },
            channel_id_len: if without_channel { 0 } else { channel.len() },
            payload_len: generator.payload_size(),
            seq: self.first_seq + self.handed_over,
        }
    }

    /// Everything that a test may rely on after a kill is in the journal before the call or right after it.
    fn begin(&mut self) {
        self.started += 1;
        self.journal.write(JournalRow::HANDED_OVER, self.handed_over);
        self.journal.write(JournalRow::STARTED, self.started);
    }

    fn returned<Answer>(&mut self, kind: Kind, events: u64, answer: &Option<Answer>) {
        self.tally.count(kind, events, answer);
        self.journal.write(kind as usize, self.tally.events[kind as usize]);
    }

    fn call(&mut self, kind: Kind) {
        let population = Population::shared();
        match kind {
            Kind::Message => {
                let event = self.next_message();
                self.begin();
                let answer = self.plugin.call_message(&event);
                self.returned(kind, 1, &answer);
                self.tally.count_messages(kind, &[event]);
                self.tally.rejected += u64::from(answer != Some(HOOK_CONTINUE));
            }
            Kind::Batch => {
                let mut batch = std::mem::take(&mut self.batch);
                batch.clear();
                for _ in 0..1 + self.generator.below(40) {
                    batch.push(self.next_message());
                }
                self.begin();
                let answer = self.plugin.call_batch(batch.as_ptr(), batch.len());
                self.returned(kind, batch.len() as u64, &answer);
                self.tally.count_messages(kind, &batch);
                self.batch = batch;
            }
            Kind::Auth => {
                let user = self.generator.pick_skewed(&population.users);
                let failed = self.generator.percent(8);
                self.reason.clear();
                if failed {
                    write_reason(&mut self.generator, user, &mut self.reason);
                }
                let event = CAuthEvent {
                    username: user.as_ptr(),
                    username_len: user.len(),
                    success: i32::from(!failed),
                    failure_reason: if failed { self.reason.as_ptr() } else { dangling() },
                    failure_reason_len: self.reason.len(),
                };
                self.begin();
                let answer = self.plugin.call_auth(&event);
                self.returned(kind, 1, &answer);
                self.tally.failed += u64::from(failed);
            }
            Kind::Channel => {
                let channel = self.generator.pick_skewed(&population.channels);
                let initiator = self.generator.pick_skewed(&population.identities);
                let peer = self.generator.pick_skewed(&population.identities);
                let is_new = self.generator.percent(40);
                let event = CChannelEvent {
                    channel_id: channel.as_ptr(),
                    channel_id_len: channel.len(),
                    initiator_key: initiator.as_ptr(),
                    initiator_key_len: initiator.len(),
                    peer_key: peer.as_ptr(),
                    peer_key_len: peer.len(),
                    was_new: i32::from(is_new),
                };
                self.begin();
                let answer = self.plugin.call_channel(&event);
                self.returned(kind, 1, &answer);
                self.tally.new += u64::from(is_new);
            }
            Kind::Fetch => {
                let event = believable_fetch(&mut self.generator);
                self.begin();
                let answer = self.plugin.call_fetch(&event);
                self.returned(kind, 1, &answer);
                self.tally.count_fetch(event.message_count);
            }
            Kind::Register => {
                let user = self.generator.pick(&population.users);
                let identity = self.generator.pick(&population.identities);
                self.begin();
                let answer = self.plugin.call_register((user.as_ptr(), user.len()), (identity.as_ptr(), identity.len()));
                self.returned(kind, 1, &answer);
            }
        }
    }
}

fn dangling() -> *const u8 {
    std::ptr::NonNull::dangling().as_ptr()
}

fn believable_fetch(generator: &mut Generator) -> CFetchEvent {
    let population = Population::shared();
    let recipient = generator.pick_skewed(&population.identities);
    let channel = generator.pick_skewed(&population.channels);
    let message_count = if generator.percent(30) { 0 } else { 1 + generator.below(20) as usize };
    CFetchEvent {
        recipient_key: recipient.as_ptr(),
        recipient_key_len: recipient.len(),
        channel_id: channel.as_ptr(),
        channel_id_len: channel.len(),
        message_count,
    }
}

/// A drive that was started and not yet accounted for.
struct Drive {
    /// Its instance, which cannot be destroyed meanwhile.
    instance: String,
    endless: bool,
    first_thread: u64,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
    started: Instant,
    /// The threads write to it until they have been joined.
    _journal: Option<Journal>,
}

impl Drive {
    fn finish(mut self) -> Outcome<String> {
        let count = self.threads.len();
        let mut tally = Tally::default();
        let mut panicked = 0;
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(part) => tally.add(&part),
                Err(_) => panicked += 1,
            }
        }
        if panicked > 0 {
            return Err(format!("{panicked} threads of the drive panicked"));
        }
        let elapsed = self.started.elapsed().as_nanos();
        let head = format!("\"threads\":{count},\"first_thread\":{},\"elapsed_ns\":{elapsed}", self.first_thread);
        Ok(tally.json(&head))
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Known events
// ---------------------------------------------------------------------------------------------------------------------

const KNOWN_USERS: [&str; 10] = [
    "alice",
    "Zoë Müller",
    "李雷",
    "Ωμέγα",
    "Пётр.Ильич",
    "ندى",
    "e\u{301}galite\u{301}",
    "👩‍👩‍👧‍👦 family",
    "o'brien \"quoted\" \\ back",
    "a,b;c=d{e}",
];

const KNOWN_REASONS: [&str; 8] = [
    "invalid credentials",
    "falsches Paßwort für Zoë Müller",
    "密码错误",
    "неверный пароль",
    "كلمة السر خاطئة",
    "said \"no\" \\ and 'no' again",
    "🔒 locked",
    "0",
];

/// One object of NDJSON.
struct Record(String);

impl Record {
    fn new(kind: &str) -> Record {
        Record(format!("{{\"kind\":\"{kind}\""))
    }

    fn raw(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.0, ",\"{name}\":{value}");
    }

    /// Leaves out a value that is absent from the event.
    fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.raw(name, format!("\"{}\"", hex(value)));
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name, json_string(value));
        }
    }

    fn finish(self) -> String {
        self.0 + "}\n"
    }
}

struct KnownMessage {
    sender: Vec<u8>,
    recipient: Vec<u8>,
    channel: Vec<u8>,
    bytes: u64,
    seq: u64,
}

impl KnownMessage {
    fn record(&self, kind: &str, batch_size: Option<usize>) -> String {
        let mut record = Record::new(kind);
        record.bytes("sender", &self.sender);
        record.bytes("recipient", &self.recipient);
        record.bytes("channel", &self.channel);
        record.raw("bytes", self.bytes);
        record.raw("seq", self.seq);
        if let Some(size) = batch_size {
            record.raw("batch_size", size);
        }
        record.finish()
    }

    fn values(&self, source: &mut KnownSource) -> Outcome<[Value; 3]> {
        Ok([source.value(&self.sender)?, source.value(&self.recipient)?, source.value(&self.channel)?])
    }
}

/// Makes the fields of known events.
struct KnownSource<'counter> {
    generator: Generator,
    counter: &'counter mut u64,
    messages: u64,
}

impl KnownSource<'_> {
    /// A value for the plugin; an absent one is null or dangles, since either may come from the server.
    fn value(&mut self, bytes: &[u8]) -> Outcome<Value> {
        if bytes.is_empty() {
            return Ok(Value::bare(self.generator.below(2) as usize, 0));
        }
        Value::real(bytes)
    }

    fn key(&mut self) -> Vec<u8> {
        self.generator.pick_skewed(&Population::shared().identities).to_vec()
    }

    fn channel(&mut self) -> Vec<u8> {
        self.generator.pick_skewed(&Population::shared().channels).to_vec()
    }

    fn user(&mut self) -> &'static str {
        if self.generator.percent(50) {
            return *self.generator.pick::<&'static str>(&KNOWN_USERS);
        }
        self.generator.pick::<String>(&Population::shared().users).as_str()
    }

    /// The first messages go through the edge values one by one, so that even a short run has them; later ones have
    /// them now and then and in mixtures.
    fn message(&mut self) -> KnownMessage {
        let turn = self.messages;
        self.messages += 1;
        let mut edge = |number: u64| if turn < 6 { turn == number } else { self.generator.percent(6) };
        let (empty, large, last_seq, sealed, no_channel) = (edge(0), edge(1), edge(2), edge(3), edge(4));
        *self.counter += 1;
        KnownMessage {
            sender: if sealed || (turn >= 6 && self.generator.percent(20)) { Vec::new() } else { self.key() },
            recipient: self.key(),
            channel: if no_channel { Vec::new() } else { self.channel() },
            bytes: match (empty, large) {
                (true, _) => 0,
                (_, true) => 1 << 40,
                _ => self.generator.payload_size() as u64,
            },
            seq: if last_seq { u64::MAX } else { (RESERVED_THREAD << SEQ_SHIFT) + *self.counter },
        }
    }
}

fn send_known(caller: &mut Caller, source: &mut KnownSource, count: u64, out: &mut impl std::io::Write) -> Outcome<()> {
    let written = |error: std::io::Error| format!("writing the known events: {error}");
    let mut sent = 0;
    let mut turn = 0;
    while sent < count {
        // The first calls go through the kinds in order, so that even a short run has all of them.
        let kind = if turn < 12 { Kind::ALL[turn % 6] } else { *source.generator.pick(&Kind::ALL) };
        turn += 1;
        // Without any hook at all there would be no end.
        if !Kind::ALL.iter().any(|&kind| caller.plugin.has_hook(kind)) {
            return Err("the instance has no hooks".to_string());
        }
        if !caller.plugin.has_hook(kind) {
            continue;
        }
        let mut text = String::new();
        match kind {
            Kind::Message => {
                let message = source.message();
                let values = message.values(source)?;
                caller.message(values.each_ref(), message.bytes as usize, message.seq)?;
                text = message.record("message_enqueue", None);
            }
            Kind::Batch => {
                // Mostly small, so that the batches do not crowd out the other kinds.
                let largest = 1 + source.generator.below(40);
                let size = (1 + source.generator.below(largest)).min(count - sent) as usize;
                let messages: Vec<KnownMessage> = (0..size).map(|_| source.message()).collect();
                let values = messages.iter().map(|message| message.values(source)).collect::<Outcome<Vec<_>>>()?;
                let pairs = messages.iter().zip(&values);
                let events: Vec<CMessageEvent> = pairs
                    .map(|(message, values)| message_event(values.each_ref(), message.bytes as usize, message.seq))
                    .collect();
                caller.batch(&events)?;
                for message in &messages {
                    text += &message.record("batch_enqueue", Some(size));
                }
            }
            Kind::Auth => {
                let user = source.user();
                let succeeds = turn > 12 && source.generator.percent(60);
                // A failure can come without a reason.
                let silent = turn > 12 && source.generator.percent(10);
                let reason = if succeeds || silent { "" } else { *source.generator.pick(&KNOWN_REASONS) };
                let values = [source.value(user.as_bytes())?, source.value(reason.as_bytes())?];
                caller.auth(values.each_ref(), i32::from(succeeds))?;
                let mut record = Record::new("auth");
                record.text("user", user);
                record.raw("ok", succeeds);
                record.text("reason", reason);
                text = record.finish();
            }
            Kind::Channel => {
                let (channel, initiator, peer) = (source.channel(), source.key(), source.key());
                let is_new = source.generator.percent(50);
                let values = [source.value(&channel)?, source.value(&initiator)?, source.value(&peer)?];
                caller.channel(values.each_ref(), i32::from(is_new))?;
                let mut record = Record::new("channel_created");
                record.bytes("channel", &channel);
                record.bytes("initiator", &initiator);
                record.bytes("peer", &peer);
                record.raw("new", is_new);
                text = record.finish();
            }
            Kind::Fetch => {
                let recipient = source.key();
                let channel = if source.generator.percent(15) { Vec::new() } else { source.channel() };
                let messages = if source.generator.percent(30) { 0 } else { 1 + source.generator.below(500) };
                let values = [source.value(&recipient)?, source.value(&channel)?];
                caller.fetch(values.each_ref(), messages as usize)?;
                let mut record = Record::new("fetch");
                record.bytes("recipient", &recipient);
                record.bytes("channel", &channel);
                record.raw("count", messages);
                text = record.finish();
            }
            Kind::Register => {
                let user = source.user();
                let identity = source.key();
                let values = [source.value(user.as_bytes())?, source.value(&identity)?];
                caller.register(values.each_ref());
                let mut record = Record::new("user_registered");
                record.text("user", user);
                record.bytes("identity", &identity);
                text = record.finish();
            }
        }
        sent += text.lines().count() as u64;
        out.write_all(text.as_bytes()).map_err(written)?;
    }
    out.flush().map_err(written)
}

// ---------------------------------------------------------------------------------------------------------------------
// Hostile events
// ---------------------------------------------------------------------------------------------------------------------

const HOSTILE_SIZES: [u64; 8] = [0, 1, u32::MAX as u64, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];
const HOSTILE_FLAGS: [i32; 7] = [0, 1, -1, 2, 256, i32::MIN, i32::MAX];

fn hostile_values() -> Outcome<Vec<Value>> {
    let mut values = vec![Value::bare(0, 0), Value::bare(1, 0), Value::bare(8, 0), Value::bare(usize::MAX, 0)];
    values.extend([1, 16, 32, 4096, 1 << 62, usize::MAX >> 1, 1 << 63, usize::MAX].map(|length| Value::bare(0, length)));
    for length in [usize::MAX >> 1, 1 << 63, usize::MAX - 1, usize::MAX] {
        values.push(Value::huge(b"an impossible length", length)?);
        values.push(Value::huge(&[0xff; 64], length)?);
    }
    let texts: [&[u8]; 22] = [
        b"",
        b"a",
        b"\xff",
        b"\xff\xfe\xfd text",
        b"cut off \xe2\x82",
        b"overlong \xc0\xaf\xe0\x80\xaf",
        b"surrogate \xed\xa0\x80",
        b"beyond \xf4\x90\x80\x80",
        b"\"quoted\" 'twice' `thrice` \\ back\\",
        b"line\nbreak\r\nand\ttab",
        b"evil\"} 1\nqpc_forged_total{x=\"y\"} 99\n# HELP",
        b"\x1b[2J\x1b[31mred\x1b]0;title\x07",
        b"\0",
        b"before\0after\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"'; DROP TABLE events; --",
        b"%s%n%x%p%%",
        b"../../../../etc/passwd",
        b"\xef\xbb\xbfmark",
        b"\xe2\x80\xaegnp.exe \xe2\x80\xa8 \xe2\x80\xa9 \xc2\x85",
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x7f\xc2\x9b",
        b"{\"kind\":\"auth\",\"user\":\"forged\"}",
    ];
    for text in texts {
        values.push(Value::real(text)?);
    }
    let mut generator = Generator(0x686f_7374_696c_6521);
    for length in [15, 17, 31, 33, 255, 256, 257, 4096] {
        let key: Vec<u8> = (0..length).map(|_| generator.next() as u8).collect();
        values.push(Value::real(&key)?);
    }
    values.push(Value::real("long and 长 ".repeat(10_240 / 13).as_bytes())?);
    values.push(Value::real(&[b'\n'; 10_240])?);
    values.push(Value::real(&[0xc3; 10_240])?);
    // A cut in the middle of a character.
    values.push(Value::stated("ééééééé".as_bytes(), 7)?);
    Ok(values)
}

/// Every hostile value in every field beside ordinary ones, and every hostile number.
fn hostile_sweep(caller: &mut Caller, values: &[Value], huge_counts: bool) -> Outcome<()> {
    let key = Value::real(&Population::shared().identities[0])?;
    let channel = Value::real(&Population::shared().channels[0])?;
    let user = Value::real(b"mallory")?;
    let absent = Value::bare(0, 0);
    let ordinary = message_event([&key, &key, &channel], 100, 1);

    for value in values {
        for field in 0..3 {
            let mut fields = [&key, &key, &channel];
            fields[field] = value;
            caller.message(fields, 100, 1)?;
            caller.batch(&[ordinary, message_event(fields, 100, 2), ordinary])?;
            let mut fields = [&channel, &key, &key];
            fields[field] = value;
            caller.channel(fields, 1)?;
        }
        for success in [0, 1] {
            caller.auth([value, &absent], success)?;
            caller.auth([&user, value], success)?;
        }
        caller.fetch([value, &channel], 1)?;
        caller.fetch([&key, value], 1)?;
        caller.register([value, &key]);
        caller.register([&user, value]);
    }
    for size in HOSTILE_SIZES {
        caller.message([&key, &key, &channel], size as usize, 1)?;
        caller.message([&key, &key, &channel], 1, size)?;
        caller.batch(&[message_event([&key, &key, &channel], size as usize, size); 3])?;
        caller.fetch([&key, &channel], size as usize)?;
        caller.batch_at(0, size as usize);
        // A batch takes 64 bytes per message, so that this many cannot be in memory. 2^32 could be, which is why it is
        // not among them.
        if huge_counts && size > u64::MAX / 128 {
            caller.batch_stating(&[ordinary; 2], size as usize)?;
        }
    }
    for flag in HOSTILE_FLAGS {
        caller.auth([&user, &absent], flag)?;
        caller.auth([&user, &user], flag)?;
        caller.channel([&channel, &key, &key], flag)?;
    }
    for address in [0, 1, 8, usize::MAX] {
        caller.batch_at(address, 0);
    }
    for kind in Kind::ALL {
        caller.null_event(kind, 1);
    }
    Ok(())
}

/// One call of every hook with nothing but hostile fields.
fn hostile_round(caller: &mut Caller, values: &[Value], generator: &mut Generator) -> Outcome<()> {
    fn some<'values, const COUNT: usize>(values: &'values [Value], generator: &mut Generator) -> [&'values Value; COUNT] {
        std::array::from_fn(|_| generator.pick(values))
    }
    let size = |generator: &mut Generator| *generator.pick(&HOSTILE_SIZES);
    caller.message(some(values, generator), size(generator) as usize, size(generator))?;
    let events: Vec<CMessageEvent> = (0..generator.below(9))
        .map(|_| message_event(some(values, generator), size(generator) as usize, size(generator)))
        .collect();
    caller.batch(&events)?;
    caller.auth(some(values, generator), *generator.pick(&HOSTILE_FLAGS))?;
    caller.channel(some(values, generator), *generator.pick(&HOSTILE_FLAGS))?;
    caller.fetch(some(values, generator), size(generator) as usize)?;
    caller.register(some(values, generator));
    caller.null_event(*generator.pick(&Kind::ALL), size(generator) as usize);
    Ok(())
}

// ---------------------------------------------------------------------------------------------------------------------
// Short-lived threads
// ---------------------------------------------------------------------------------------------------------------------

/// Holds threads back until all are there, and counts those that have made their calls. A barrier of the standard
/// library would wait for ever if the system refuses to make the last thread.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    may_call: bool,
    may_end: bool,
    done: usize,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        self.changed.notify_all();
    }

    fn wait_until(&self, reached: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        drop(self.changed.wait_while(state, |state| !reached(state)));
    }
}

fn fetch_calls(plugin: &'static HookVTable, position: u64, calls: u64) -> Tally {
    let mut generator = Generator::for_thread(0, position);
    let mut tally = Tally::default();
    for _ in 0..calls {
        let event = believable_fetch(&mut generator);
        let answer = plugin.call_fetch(&event);
        tally.count(Kind::Fetch, 1, &answer);
        tally.count_fetch(event.message_count);
    }
    tally
}

fn spawn_threads(plugin: &'static HookVTable, count: u64, alive: bool, calls: u64) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let refused = |error: std::io::Error| format!("the system makes no more threads: {error}");
    let named = |position: u64| std::thread::Builder::new().name(format!("short-{position}"));
    let join = |thread: JoinHandle<Tally>| thread.join().map_err(|_| "a thread panicked".to_string());
    if !alive {
        for position in 0..count {
            let thread = named(position).spawn(move || fetch_calls(plugin, position, calls)).map_err(refused)?;
            tally.add(&join(thread)?);
        }
        return Ok(tally);
    }
    let gate = Arc::new(Gate::default());
    let mut threads = Vec::new();
    let mut refusal = None;
    for position in 0..count {
        let gate = gate.clone();
        let thread = named(position).spawn(move || {
            gate.wait_until(|state| state.may_call);
            let tally = fetch_calls(plugin, position, calls);
            gate.change(|state| state.done += 1);
            gate.wait_until(|state| state.may_end);
            tally
        });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                refusal = Some(refused(error));
                break;
            }
        }
    }
    gate.change(|state| state.may_call = true);
    gate.wait_until(|state| state.done == threads.len());
    gate.change(|state| state.may_end = true);
    for thread in threads {
        tally.add(&join(thread)?);
    }
    refusal.map_or(Ok(tally), Err)
}

// ---------------------------------------------------------------------------------------------------------------------
// Looking at the process
// ---------------------------------------------------------------------------------------------------------------------

fn signals() -> Outcome<String> {
    let mut dispositions = Vec::new();
    for signal in 1..=64 {
        // The C library hides the two signals that it keeps for itself, so the kernel is asked directly.
        let mut action = sys::KernelSigaction::default();
        let nothing = null::<sys::KernelSigaction>();
        let asked = unsafe { sys::syscall(sys::SYS_RT_SIGACTION, signal as c_long, nothing, &mut action, 8usize) };
        if asked != 0 {
            return Err(system_error("rt_sigaction"));
        }
        let (handler, flags, mask) = (action.handler, action.flags, action.mask);
        dispositions.push(format!(
            "{{\"signal\":{signal},\"handler\":\"{handler:#x}\",\"flags\":\"{flags:#x}\",\"mask\":\"{mask:016x}\"}}"
        ));
    }
    // The C library's set has 1024 bits, of which 64 are used.
    let mut mask = [0u64; 16];
    if unsafe { sys::pthread_sigmask(0, null(), mask.as_mut_ptr()) } != 0 {
        return Err("pthread_sigmask failed".to_string());
    }
    let mut stack = sys::SignalStack { pointer: null_mut(), flags: 0, size: 0 };
    if unsafe { sys::sigaltstack(null(), &mut stack) } != 0 {
        return Err(system_error("sigaltstack"));
    }
    let members = format!(
        "\"mask\":\"{:016x}\",\"altstack\":{{\"pointer\":\"{:?}\",\"flags\":{},\"size\":{}}},\"dispositions\":[{}]",
        mask[0],
        stack.pointer,
        stack.flags,
        stack.size,
        dispositions.join(",")
    );
    let fingerprint = members.bytes().fold(0xcbf29ce484222325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3)
    });
    Ok(format!("{{\"fingerprint\":\"{fingerprint:016x}\",{members}}}"))
}

fn threads() -> Outcome<String> {
    let failed = |error: std::io::Error| format!("/proc/self/task: {error}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task").map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let tid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        // A thread that ends meanwhile is simply none of them.
        let (Some(tid), Ok(name), Ok(status)) =
            (tid, std::fs::read(path.join("comm")), std::fs::read_to_string(path.join("status")))
        else {
            continue;
        };
        let name = String::from_utf8_lossy(&name);
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or("");
        let name = json_string(name.trim_end_matches('\n'));
        found.push((tid, format!("{{\"tid\":{tid},\"name\":{name},\"sigblk\":\"{}\"}}", blocked.trim())));
    }
    found.sort();
    let threads: Vec<String> = found.into_iter().map(|thread| thread.1).collect();
    Ok(format!("[{}]", threads.join(",")))
}

fn resident_kilobytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc/self/status: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    number.ok_or_else(|| "the process has no VmRSS".to_string())
}

/// Small pieces and those that the C library maps one by one.
fn heap_bytes() -> usize {
    // SAFETY: It only counts.
    let account = unsafe { sys::mallinfo2() };
    account.uordblks + account.hblkhd
}

fn is_mapped(address: usize) -> Outcome<bool> {
    let maps = std::fs::read_to_string("/proc/self/maps").map_err(|error| format!("/proc/self/maps: {error}"))?;
    Ok(maps.lines().any(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let bound = |digits| usize::from_str_radix(digits, 16).unwrap_or(0);
        range.is_some_and(|(start, end)| (bound(start)..bound(end)).contains(&address))
    }))
}

/// Everything of `fork` that needs memory is made before it: the child has only one thread left and must not wait for
/// a lock that another one held. A child that hangs is killed, so that a plugin's deadlock is an answer and no silence.
fn fork_and_call(plugin: &'static HookVTable, timeout: Duration, seq: u64) -> Outcome<String> {
    let key = Value::real(&Population::shared().identities[1])?;
    let channel = Value::real(&Population::shared().channels[1])?;
    let user = Value::real(b"forked")?;
    let absent = Value::bare(0, 0);
    let message = message_event([&key, &key, &channel], 1, seq);
    let batched = message_event([&key, &key, &channel], 1, seq + 1);
    let auth = CAuthEvent {
        username: user.pointer,
        username_len: user.length,
        success: 1,
        failure_reason: absent.pointer,
        failure_reason_len: absent.length,
    };
    let created = CChannelEvent {
        channel_id: channel.pointer,
        channel_id_len: channel.length,
        initiator_key: key.pointer,
        initiator_key_len: key.length,
        peer_key: key.pointer,
        peer_key_len: key.length,
        was_new: 1,
    };
    let fetch = CFetchEvent {
        recipient_key: key.pointer,
        recipient_key_len: key.length,
        channel_id: channel.pointer,
        channel_id_len: channel.length,
        message_count: 1,
    };
    let calls = Kind::ALL.iter().filter(|&&kind| plugin.has_hook(kind)).count();

    let child = unsafe { sys::fork() };
    if child < 0 {
        return Err(system_error("fork"));
    }
    if child == 0 {
        plugin.call_message(&message);
        plugin.call_batch(&batched, 1);
        plugin.call_auth(&auth);
        plugin.call_channel(&created);
        plugin.call_fetch(&fetch);
        plugin.call_register(user.pair(), key.pair());
        unsafe { sys::_exit(0) };
    }
    let mut status = 0;
    let deadline = Instant::now() + timeout;
    loop {
        match unsafe { sys::waitpid(child, &mut status, sys::WNOHANG) } {
            0 if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            0 => {
                unsafe { sys::kill(child, sys::SIGKILL) };
                unsafe { sys::waitpid(child, &mut status, 0) };
                return Err(format!("the child hung for {} ms and was killed", timeout.as_millis()));
            }
            reaped if reaped == child => break,
            _ => return Err(system_error("waitpid")),
        }
    }
    match status & 0x7f {
        0 => Ok(format!("status={} calls={calls}", (status >> 8) & 0xff)),
        signal => Ok(format!("signal={signal}")),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands
// ---------------------------------------------------------------------------------------------------------------------

/// The words after the command. What a command takes is removed, so that what is left over is a mistake.
struct Arguments {
    plain: Vec<String>,
    named: BTreeMap<String, String>,
}

impl Arguments {
    fn parse(words: &[&str]) -> Outcome<Arguments> {
        let mut arguments = Arguments { plain: Vec::new(), named: BTreeMap::new() };
        for word in words {
            match word.split_once('=') {
                Some((key, value)) if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
                    if arguments.named.insert(key.to_string(), value.to_string()).is_some() {
                        return Err(format!("{key} is given twice"));
                    }
                }
                _ => arguments.plain.push(word.to_string()),
            }
        }
        arguments.plain.reverse();
        Ok(arguments)
    }

    fn word(&mut self) -> Option<String> {
        self.plain.pop()
    }

    fn path(&mut self) -> Outcome<Vec<u8>> {
        percent_decoded(&self.word().ok_or("a path is missing")?)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.named.remove(key)
    }

    fn number(&mut self, key: &str) -> Outcome<Option<u64>> {
        self.text(key).map(|word| parse_number(&word).map_err(|error| format!("{key}: {error}"))).transpose()
    }

    fn number_or(&mut self, key: &str, default: u64) -> Outcome<u64> {
        Ok(self.number(key)?.unwrap_or(default))
    }

    fn needed_number(&mut self, key: &str) -> Outcome<u64> {
        self.number(key)?.ok_or_else(|| format!("{key}= is missing"))
    }

    fn switch(&mut self, key: &str, default: bool) -> Outcome<bool> {
        match self.number(key)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(_) => Err(format!("{key} is 0 or 1")),
        }
    }

    fn integer_or(&mut self, key: &str, default: i32) -> Outcome<i32> {
        self.text(key).map_or(Ok(default), |word| word.parse().map_err(|_| format!("{key}: not a C integer: {word}")))
    }

    fn value(&mut self, key: &str) -> Outcome<Value> {
        let word = self.text(key).unwrap_or_else(|| "-".to_string());
        Value::parse(&word).map_err(|error| format!("{key}: {error}"))
    }

    fn values<const COUNT: usize>(&mut self, keys: [&str; COUNT]) -> Outcome<[Value; COUNT]> {
        let values = keys.iter().map(|key| self.value(key)).collect::<Outcome<Vec<Value>>>()?;
        values.try_into().map_err(|_| "as many values as keys".to_string())
    }

    /// To be called before anything is done, so that a mistaken command does nothing.
    fn finish(self) -> Outcome<()> {
        if let Some(word) = self.plain.last() {
            return Err(format!("not understood: {word}"));
        }
        match self.named.keys().next() {
            Some(key) => Err(format!("not understood: {key}=")),
            None => Ok(()),
        }
    }
}

struct Library {
    handle: *mut c_void,
    init: InitFunction,
    /// After `dlclose` nothing of it may be called, other than through the instances that a test keeps on purpose.
    closed: bool,
}

/// A table as `init` gets it, between words that a plugin with a wrong layout would overwrite.
#[repr(C)]
struct FencedTable {
    before: [u64; FencedTable::FENCE],
    table: std::mem::MaybeUninit<HookVTable>,
    after: [u64; FencedTable::FENCE],
}

static TABLES: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());

impl FencedTable {
    const FENCE: usize = 8;
    const PATTERN: u64 = 0x5afe_c0de_5afe_c0de;

    fn new() -> Box<FencedTable> {
        let fence = [FencedTable::PATTERN; FencedTable::FENCE];
        Box::new(FencedTable { before: fence, table: std::mem::MaybeUninit::zeroed(), after: fence })
    }
}

struct StagedMessage {
    event: CMessageEvent,
    _values: [Value; 3],
}

#[derive(Default)]
struct Host {
    libraries: BTreeMap<String, Library>,
    last_loaded: Option<String>,
    /// Tables are never freed: a test may call a hook whenever it likes, and threads may be inside one.
    instances: BTreeMap<String, &'static HookVTable>,
    staged: Vec<StagedMessage>,
    drive: Option<Drive>,
    next_thread: u64,
    reserved_messages: u64,
    leaving: bool,
}

const DEFAULT_NAME: &str = "0";

/// The answer of a hook that returns nothing.
fn plain_answer(answer: Option<()>) -> String {
    answer.map_or("skipped", |()| "").to_string()
}

impl Host {
    fn answer(&mut self, line: &str) -> Outcome<String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some((&command, words)) = words.split_first() else {
            return Err("an empty line".to_string());
        };
        // A value of the environment may look like an argument.
        if command == "setenv" {
            return self.set_variable(words);
        }
        let arguments = Arguments::parse(words)?;
        match command {
            "layout" => arguments.finish().map(|()| layout()),
            "unsetenv" => self.unset_variable(arguments),
            "load" => self.load(arguments),
            "init" => self.init(arguments),
            "initnull" => self.init_null(arguments),
            "close" => self.close(arguments),
            "message" => self.message(arguments),
            "stage" => self.stage(arguments),
            "batch" => self.batch(arguments),
            "auth" => self.auth(arguments),
            "channel" => self.channel(arguments),
            "fetch" => self.fetch(arguments),
            "register" => self.register(arguments),
            "nullevent" => self.null_event(arguments),
            "shutdown" => self.shutdown(arguments),
            "destroy" => self.destroy(arguments),
            "drive" => self.drive(arguments),
            "stop" => self.stop(arguments),
            "join" => self.join(arguments),
            "send-known" => self.send_known(arguments),
            "hostile" => self.hostile(arguments),
            "spawn-threads" => self.spawn_threads(arguments),
            "fork" => self.fork(arguments),
            "signals" => arguments.finish().and_then(|()| signals()),
            "threads" => arguments.finish().and_then(|()| threads()),
            "pid" => arguments.finish().map(|()| format!("pid={}", std::process::id())),
            "rss" => arguments.finish().and_then(|()| resident_kilobytes()).map(|size| format!("rss={size}")),
            "heap" => arguments.finish().map(|()| format!("heap={}", heap_bytes())),
            "exit" => arguments.finish().map(|()| {
                self.leaving = true;
                String::new()
            }),
            _ => Err(format!("no such command: {command}")),
        }
    }

    /// The instance that a command is for, and a caller of its hooks.
    fn caller(&self, arguments: &mut Arguments) -> Outcome<Caller> {
        let name = arguments.text("on").unwrap_or_else(|| DEFAULT_NAME.to_string());
        self.instances.get(&name).map(|table| Caller::new(table)).ok_or_else(|| format!("no instance {name}"))
    }

    // Loading

    fn set_variable(&mut self, words: &[&str]) -> Outcome<String> {
        let (name, value) = match words {
            [name] => (name, &""),
            [name, value] => (name, value),
            _ => return Err("setenv takes a name and a value".to_string()),
        };
        let (name, value) = (percent_decoded(name)?, percent_decoded(value)?);
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) || value.contains(&0) {
            return Err("not a variable of the environment".to_string());
        }
        std::env::set_var(std::ffi::OsStr::from_bytes(&name), std::ffi::OsStr::from_bytes(&value));
        Ok(String::new())
    }

    fn unset_variable(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let name = arguments.path()?;
        arguments.finish()?;
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            return Err("not a variable of the environment".to_string());
        }
        std::env::remove_var(std::ffi::OsStr::from_bytes(&name));
        Ok(String::new())
    }

    fn load(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let path = CString::new(arguments.path()?).map_err(|_| "a path with a NUL")?;
        let name = arguments.text("as").unwrap_or_else(|| DEFAULT_NAME.to_string());
        arguments.finish()?;
        if self.libraries.get(&name).is_some_and(|library| !library.closed) {
            return Err(format!("library {name} is loaded already"));
        }
        let handle = unsafe { sys::dlopen(path.as_ptr(), sys::RTLD_NOW | sys::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(linker_error());
        }
        let symbol = unsafe { sys::dlsym(handle, c"qpc_plugin_init".as_ptr() as *const c_char) };
        if symbol.is_null() {
            let reason = linker_error();
            unsafe { sys::dlclose(handle) };
            return Err(reason);
        }
        // SAFETY: The symbol has this type by the contract.
        let init = unsafe { std::mem::transmute::<*mut c_void, InitFunction>(symbol) };
        self.libraries.insert(name.clone(), Library { handle, init, closed: false });
        self.last_loaded = Some(name);
        Ok(String::new())
    }

    fn library(&mut self, name: Option<String>) -> Outcome<&mut Library> {
        let name = name.or(self.last_loaded.clone()).unwrap_or_else(|| DEFAULT_NAME.to_string());
        let library = self.libraries.get_mut(&name).filter(|library| !library.closed);
        library.ok_or_else(|| format!("no library {name} is loaded"))
    }

    fn init(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let name = arguments.text("as").or(arguments.text("slot")).unwrap_or_else(|| DEFAULT_NAME.to_string());
        let from = arguments.text("from");
        arguments.finish()?;
        if self.instances.contains_key(&name) {
            return Err(format!("instance {name} exists already"));
        }
        let init = self.library(from)?.init;
        let fenced = Box::into_raw(FencedTable::new());
        // SAFETY: The plugin may write to the table only during this call; afterwards nobody does.
        let table = unsafe { (&raw mut (*fenced).table).cast::<HookVTable>() };
        let code = unsafe { init(table) };
        let bytes = unsafe { std::slice::from_raw_parts(table.cast::<u8>(), size_of::<HookVTable>()) };
        let untouched = bytes.iter().all(|&byte| byte == 0);
        let fence = unsafe { (*fenced).before.iter().chain((*fenced).after.iter()) };
        let is_whole = fence.copied().all(|word| word == FencedTable::PATTERN);
        if !is_whole {
            return Err(format!("init returned {code} and wrote outside of the table"));
        }
        if code != 0 {
            // SAFETY: A plugin that refused has no hold on the table.
            drop(unsafe { Box::from_raw(fenced) });
            return Ok(format!("code={code} untouched={untouched}"));
        }
        // Kept for good, where a leak checker finds it: threads may still be in a hook when an instance is gone.
        TABLES.lock().unwrap().push(fenced as usize);
        let table: &'static HookVTable = unsafe { &*table };
        self.instances.insert(name, table);
        let user_data = if table.user_data.is_null() { "null" } else { "set" };
        Ok(format!("code=0 slots={} user_data={user_data}", table.filled_slots().join(",")))
    }

    fn init_null(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let from = arguments.text("from");
        arguments.finish()?;
        let init = self.library(from)?.init;
        Ok(format!("code={}", unsafe { init(null_mut()) }))
    }

    fn close(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let name = arguments.word();
        arguments.finish()?;
        let library = self.library(name)?;
        if unsafe { sys::dlclose(library.handle) } != 0 {
            return Err(linker_error());
        }
        library.closed = true;
        Ok(format!("mapped={}", is_mapped(library.init as usize)?))
    }

    // Hooks

    fn message_answer(plugin: &HookVTable, answer: Option<i32>) -> String {
        match answer {
            None => "skipped".to_string(),
            Some(HOOK_CONTINUE) => "result=0".to_string(),
            Some(result) => {
                let reason = plugin.rejection_reason();
                let reason = reason.map(|reason| format!(" reason=text:{}", percent_encoded(&reason)));
                format!("result={result}{}", reason.unwrap_or_default())
            }
        }
    }

    fn message(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["sender", "recipient", "channel"])?;
        let (bytes, seq) = (arguments.number_or("bytes", 0)?, arguments.number_or("seq", 0)?);
        arguments.finish()?;
        let answer = caller.message(values.each_ref(), bytes as usize, seq)?;
        Ok(Host::message_answer(caller.plugin, answer))
    }

    fn stage(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let values = arguments.values(["sender", "recipient", "channel"])?;
        let (bytes, seq) = (arguments.number_or("bytes", 0)?, arguments.number_or("seq", 0)?);
        arguments.finish()?;
        let event = message_event(values.each_ref(), bytes as usize, seq);
        self.staged.push(StagedMessage { event, _values: values });
        Ok(format!("staged={}", self.staged.len()))
    }

    fn batch(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let address = match arguments.word().as_deref() {
            None if self.staged.is_empty() => Some(std::mem::align_of::<CMessageEvent>()),
            None => None,
            Some("null") => Some(0),
            Some("dangling") => Some(std::mem::align_of::<CMessageEvent>()),
            Some(word) => return Err(format!("not understood: {word}")),
        };
        let count = arguments.number_or("count", self.staged.len() as u64)? as usize;
        arguments.finish()?;
        let staged = std::mem::take(&mut self.staged);
        let events: Vec<CMessageEvent> = staged.iter().map(|message| message.event).collect();
        let answer = match address {
            Some(address) => caller.batch_at(address, count),
            None => caller.batch_stating(&events, count)?,
        };
        Ok(answer.map_or("skipped".to_string(), |()| format!("count={count}")))
    }

    fn auth(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["user", "reason"])?;
        let success = arguments.integer_or("ok", 1)?;
        arguments.finish()?;
        caller.auth(values.each_ref(), success).map(plain_answer)
    }

    fn channel(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["channel", "initiator", "peer"])?;
        let was_new = arguments.integer_or("new", 1)?;
        arguments.finish()?;
        caller.channel(values.each_ref(), was_new).map(plain_answer)
    }

    fn fetch(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["recipient", "channel"])?;
        let count = arguments.number_or("count", 0)?;
        arguments.finish()?;
        caller.fetch(values.each_ref(), count as usize).map(plain_answer)
    }

    fn register(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["user", "identity"])?;
        arguments.finish()?;
        Ok(plain_answer(caller.register(values.each_ref())))
    }

    fn null_event(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let kind = Kind::named(&arguments.word().ok_or("a hook's name is missing")?)?;
        let count = arguments.number_or("count", 1)?;
        arguments.finish()?;
        Ok(match caller.null_event(kind, count as usize) {
            Some(Some(result)) => Host::message_answer(caller.plugin, Some(result)),
            Some(None) => String::new(),
            None => "skipped".to_string(),
        })
    }

    fn shutdown(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let caller = self.caller(&mut arguments)?;
        arguments.finish()?;
        Ok(plain_answer(caller.plugin.call_shutdown()))
    }

    fn destroy(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let name = arguments.text("on").unwrap_or_else(|| DEFAULT_NAME.to_string());
        let keep = arguments.switch("keep", false)?;
        arguments.finish()?;
        let table = *self.instances.get(&name).ok_or_else(|| format!("no instance {name}"))?;
        if !keep && self.drive.as_ref().is_some_and(|drive| drive.instance == name) {
            return Err(format!("a drive on instance {name} has not been joined"));
        }
        if !keep {
            self.instances.remove(&name);
        }
        Ok(plain_answer(table.call_destroy()))
    }

    // Traffic

    fn drive(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let instance = arguments.named.get("on").cloned().unwrap_or_else(|| DEFAULT_NAME.to_string());
        let plugin = self.caller(&mut arguments)?.plugin;
        let count = arguments.needed_number("threads")?;
        let endless = arguments.switch("endless", false)?;
        let calls = if endless { arguments.number("calls")?.and(None) } else { Some(arguments.needed_number("calls")?) };
        let seed = arguments.needed_number("seed")?;
        let kinds = match arguments.text("mix").as_deref() {
            None | Some("all") => Kind::ALL.to_vec(),
            Some(names) => names.split(',').map(Kind::named).collect::<Outcome<Vec<Kind>>>()?,
        };
        let pause = Duration::from_micros(arguments.number_or("pause_us", 0)?);
        let waits = arguments.switch("wait", !endless)?;
        let journal = arguments.text("journal");
        let first_thread = arguments.number_or("first", self.next_thread)?;
        arguments.finish()?;
        if self.drive.is_some() {
            return Err("a drive is running already".to_string());
        }
        if endless && waits {
            return Err("an endless drive cannot be waited for".to_string());
        }
        if !(1..=4096).contains(&count) || first_thread + count > RESERVED_THREAD {
            return Err(format!("threads= is 1 to 4096, and the threads' indices stay below {RESERVED_THREAD}"));
        }
        let journal = match journal {
            Some(path) => {
                let path = String::from_utf8(percent_decoded(&path)?).map_err(|_| "a path that is no UTF-8")?;
                Some(Journal::create(&path, count as usize)?)
            }
            None => None,
        };
        self.next_thread = self.next_thread.max(first_thread + count);
        Population::shared();
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let started = Instant::now();
        let mut refusal = None;
        for position in 0..count {
            let driver = Driver {
                plugin,
                generator: Generator::for_thread(seed, position),
                kinds: kinds.clone(),
                journal: journal.as_ref().map_or(JournalRow(null()), |journal| journal.row(position as usize)),
                first_seq: (first_thread + position) << SEQ_SHIFT,
                handed_over: 0,
                started: 0,
                tally: Tally::default(),
                batch: Vec::new(),
                reason: String::new(),
            };
            let stop = stop.clone();
            let builder = std::thread::Builder::new().name(format!("driver-{}", first_thread + position));
            match builder.spawn(move || driver.run(calls, pause, &stop)) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    refusal = Some(format!("the system makes no more threads: {error}"));
                    break;
                }
            }
        }
        let drive = Drive { instance, endless, first_thread, stop, threads, started, _journal: journal };
        if let Some(refusal) = refusal {
            drive.stop.store(true, Ordering::Relaxed);
            drive.finish()?;
            return Err(refusal);
        }
        if waits {
            return drive.finish();
        }
        self.drive = Some(drive);
        Ok(format!("started threads={count} first_thread={first_thread}"))
    }

    fn stop(&mut self, arguments: Arguments) -> Outcome<String> {
        arguments.finish()?;
        let drive = self.drive.take().ok_or("no drive is running")?;
        drive.stop.store(true, Ordering::Relaxed);
        drive.finish()
    }

    fn join(&mut self, arguments: Arguments) -> Outcome<String> {
        arguments.finish()?;
        if self.drive.as_ref().is_some_and(|drive| drive.endless) {
            return Err("the drive is endless".to_string());
        }
        self.drive.take().ok_or("no drive is running")?.finish()
    }

    fn send_known(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let (seed, count) = (arguments.needed_number("seed")?, arguments.needed_number("count")?);
        let path = percent_decoded(&arguments.text("out").ok_or("out= is missing")?)?;
        arguments.finish()?;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(&path));
        let file = std::fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut source = KnownSource { generator: Generator(seed), counter: &mut self.reserved_messages, messages: 0 };
        send_known(&mut caller, &mut source, count, &mut BufWriter::new(file))?;
        Ok(caller.tally.json(&format!("\"written\":{count}")))
    }

    fn hostile(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let (seed, rounds) = (arguments.needed_number("seed")?, arguments.needed_number("rounds")?);
        let huge_counts = arguments.switch("huge_counts", false)?;
        arguments.finish()?;
        let values = hostile_values()?;
        hostile_sweep(&mut caller, &values, huge_counts)?;
        let mut generator = Generator(seed);
        for _ in 0..rounds {
            hostile_round(&mut caller, &values, &mut generator)?;
        }
        Ok(format!("{{\"rounds\":{rounds},{}}}", caller.tally.calls_and_events()))
    }

    fn spawn_threads(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let plugin = self.caller(&mut arguments)?.plugin;
        let (count, calls) = (arguments.needed_number("count")?, arguments.needed_number("calls")?);
        let alive = arguments.switch("alive", false)?;
        arguments.finish()?;
        if !plugin.has_hook(Kind::Fetch) {
            return Ok("skipped".to_string());
        }
        Population::shared();
        Ok(spawn_threads(plugin, count, alive, calls)?.json(&format!("\"threads\":{count}")))
    }

    fn fork(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let plugin = self.caller(&mut arguments)?.plugin;
        let timeout = Duration::from_millis(arguments.number_or("timeout_ms", 10_000)?);
        arguments.finish()?;
        self.reserved_messages += 2;
        fork_and_call(plugin, timeout, (RESERVED_THREAD << SEQ_SHIFT) + self.reserved_messages - 1)
    }
}

fn main() {
    let mut host = Host::default();
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    while !host.leaving {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let answer = match std::str::from_utf8(&line) {
            // A mistake of the host must not look like a crash of the plugin.
            Ok(text) => catch_unwind(AssertUnwindSafe(|| host.answer(text)))
                .unwrap_or_else(|_| Err("the host panicked, see its standard error".to_string())),
            Err(_) => Err("a line that is no UTF-8".to_string()),
        };
        let answer = match answer {
            Ok(text) if text.is_empty() => "ok".to_string(),
            Ok(text) => format!("ok {text}"),
            Err(text) => format!("error {}", text.replace(['\n', '\r'], " ")),
        };
        let mut output = std::io::stdout().lock();
        if output.write_all(answer.as_bytes()).and_then(|()| output.write_all(b"\n")).and_then(|()| output.flush()).is_err() {
            break;
        }
    }
    // The way of a server that returns from its main function: exit handlers run, `destroy` does not.
    std::process::exit(0);
}
