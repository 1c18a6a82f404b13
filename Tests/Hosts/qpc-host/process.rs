//! What the process looks like: signals, threads, memory, and a child made by `fork`.

use crate::abi::{CAuthEvent, CChannelEvent, CFetchEvent, HookVTable, Kind};
use crate::caller::message_event;
use crate::generator::Population;
use crate::sys::system_error;
use crate::text::json_string;
use crate::values::Value;
use crate::{sys, Outcome};
use std::ffi::c_long;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

pub fn signals() -> Outcome<String> {
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
    let fingerprint =
        members.bytes().fold(0xcbf29ce484222325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100000001b3));
    Ok(format!("{{\"fingerprint\":\"{fingerprint:016x}\",{members}}}"))
}

pub fn threads() -> Outcome<String> {
    let failed = |error: std::io::Error| format!("/proc/self/task: {error}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task").map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let tid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        // A thread that ends in the meantime is simply left out.
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

pub fn resident_kilobytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc/self/status: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    number.ok_or_else(|| "the process has no VmRSS".to_string())
}

/// The bytes in small allocations, and in those that the C library maps one by one.
pub fn heap_bytes() -> usize {
    // SAFETY: It only counts.
    let account = unsafe { sys::mallinfo2() };
    account.uordblks + account.hblkhd
}

pub fn is_mapped(address: usize) -> Outcome<bool> {
    let maps = std::fs::read_to_string("/proc/self/maps").map_err(|error| format!("/proc/self/maps: {error}"))?;
    Ok(maps.lines().any(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let bound = |digits| usize::from_str_radix(digits, 16).unwrap_or(0);
        range.is_some_and(|(start, end)| (bound(start)..bound(end)).contains(&address))
    }))
}

/// Everything that `fork` needs memory for is allocated before it: the child has only one thread left and must not wait
/// for a lock that another one held. A child that hangs is killed, so that a deadlock in the plugin is an answer, not silence.
pub fn fork_and_call(plugin: &'static HookVTable, timeout: Duration, seq: u64) -> Outcome<String> {
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
