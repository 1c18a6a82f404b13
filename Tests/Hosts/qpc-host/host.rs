//! The commands: which there are, and those that load libraries and make instances.

use crate::abi::{CMessageEvent, HookVTable, InitFunction};
use crate::arguments::Arguments;
use crate::caller::Caller;
use crate::drive::Drive;
use crate::layout::layout;
use crate::process::{heap_bytes, is_mapped, resident_kilobytes, signals, threads};
use crate::sys::linker_error;
use crate::text::percent_decoded;
use crate::values::Value;
use crate::{sys, Outcome};
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void, CString};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;

struct Library {
    handle: *mut c_void,
    init: InitFunction,
    /// After `dlclose` nothing in it may be called, except through the instances that a test keeps on purpose.
    closed: bool,
}

/// A table as `init` gets it, between words that a plugin with a wrong layout would overwrite.
#[repr(C)]
struct FencedTable {
    before: [u64; FencedTable::FENCE],
    table: std::mem::MaybeUninit<HookVTable>,
    pub after: [u64; FencedTable::FENCE],
}

static TABLES: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());

impl FencedTable {
    const FENCE: usize = 8;
    const PATTERN: u64 = 0x5afe_c0de_5afe_c0de;

    pub fn new() -> Box<FencedTable> {
        let fence = [FencedTable::PATTERN; FencedTable::FENCE];
        Box::new(FencedTable { before: fence, table: std::mem::MaybeUninit::zeroed(), after: fence })
    }
}

pub struct StagedMessage {
    pub event: CMessageEvent,
    pub _values: [Value; 3],
}

#[derive(Default)]
pub struct Host {
    libraries: BTreeMap<String, Library>,
    last_loaded: Option<String>,
    /// Tables are never freed: a test may call a hook whenever it likes, and threads may be inside one.
    pub instances: BTreeMap<String, &'static HookVTable>,
    pub staged: Vec<StagedMessage>,
    pub drive: Option<Drive>,
    pub next_thread: u64,
    pub reserved_messages: u64,
    pub leaving: bool,
}

pub const DEFAULT_NAME: &str = "0";

/// The answer of a hook that returns nothing.
pub fn plain_answer(answer: Option<()>) -> String {
    answer.map_or("skipped", |()| "").to_string()
}

impl Host {
    pub fn answer(&mut self, line: &str) -> Outcome<String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some((&command, words)) = words.split_first() else {
            return Err("an empty line".to_string());
        };
        // An environment value may look like an argument.
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
    pub fn caller(&self, arguments: &mut Arguments) -> Outcome<Caller> {
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

    pub fn load(&mut self, mut arguments: Arguments) -> Outcome<String> {
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
}
