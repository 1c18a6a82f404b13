//! Values that are handed to the plugin, in memory that ends where a page without access begins.

use crate::sys::{is_unmapped, system_error};
use crate::text::{parse_hex, parse_number, percent_decoded};
use crate::{sys, Outcome};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Mutex;

/// Memory with an inaccessible page behind it; it is unmapped when dropped.
pub struct GuardedMemory {
    pub base: *mut c_void,
    pub size: usize,
    data: *mut u8,
}

impl GuardedMemory {
    /// How much can be read at a value whose stated length is impossible.
    const ROOM: usize = 64 * 1024;

    pub fn map(readable: usize, data_at: usize) -> Outcome<GuardedMemory> {
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
    pub fn tight<Item: Copy>(items: &[Item]) -> Outcome<GuardedMemory> {
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

    pub fn items<Item>(&self) -> *const Item {
        self.data.cast()
    }
}

/// Address ranges that were values not long ago. They stay reserved without access, because the next value would
/// otherwise be mapped at the same address, and a plugin that kept a pointer would read that one unpunished.
static QUARANTINE: Mutex<VecDeque<(usize, usize)>> = Mutex::new(VecDeque::new());
const QUARANTINED: usize = 1024;

impl Drop for GuardedMemory {
    fn drop(&mut self) {
        // Mapping the range again frees the pages; removing the access alone would not.
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
pub struct Value {
    pub pointer: *const u8,
    pub length: usize,
    _memory: Option<GuardedMemory>,
}

impl Value {
    pub fn bare(address: usize, length: usize) -> Value {
        Value { pointer: address as *const u8, length, _memory: None }
    }

    pub fn real(bytes: &[u8]) -> Outcome<Value> {
        Value::stated(bytes, bytes.len())
    }

    pub fn stated(bytes: &[u8], length: usize) -> Outcome<Value> {
        let memory = GuardedMemory::tight(bytes)?;
        Ok(Value { pointer: memory.data, length, _memory: Some(memory) })
    }

    pub fn huge(bytes: &[u8], length: usize) -> Outcome<Value> {
        let memory = GuardedMemory::roomy(bytes)?;
        Ok(Value { pointer: memory.data, length, _memory: Some(memory) })
    }

    pub fn parse(word: &str) -> Outcome<Value> {
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

    pub fn pair(&self) -> (*const u8, usize) {
        (self.pointer, self.length)
    }
}
