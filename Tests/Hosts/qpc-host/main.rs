//! A stand-in for the chat server: it loads the plugin as the server does and calls its hooks as a test asks.
//!
//! Build: `rustc -O --edition 2021 qpc-host/main.rs -o qpc-host` (Linux, 64 bit, no crates), or `scripts/build-hosts`.
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
//! - `-`           null with length 0: also the default
//! - `dangling`    the address 1 with length 0, as an empty Rust `Vec`
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
//! Loading (libraries have names, "0" by default, so that two copies can be loaded):
//!
//! - `layout`                       `ok {"CMessageEvent":{"size":64,"align":8,"fields":{"seq":{"offset":56,"size":8},...}},...}`
//! - `setenv NAME VALUE`, `unsetenv NAME`    `ok`; a missing VALUE is an empty one
//! - `load PATH [as=LIBRARY]`       `ok`
//! - `init [as=NAME] [from=LIBRARY]`  `ok code=0 slots=on_message_enqueue,... user_data=set|null`, or, when the plugin
//!                                  refuses, `ok code=-3 untouched=true|false` (whether the table is still all zero).
//!                                  `slot=` is another word for `as=`. The library is the one loaded last.
//! - `initnull [from=LIBRARY]`      `ok code=-1`: hands over null instead of a table
//! - `close [LIBRARY]`              `ok mapped=true|false`: calls `dlclose` and reports whether the code is still mapped.
//!                                  Instances stay callable, as in a server that closes too early.
//!
//! Hooks (all take `on=NAME`, the instance, "0" by default; a hook whose slot is null is never called, and
//! the answer is then `ok skipped`):
//!
//! - `message sender= recipient= channel= bytes= seq=`   `ok result=0`, or `ok result=1 reason=text:...`
//! - `stage sender= recipient= channel= bytes= seq=`     `ok staged=3`: puts a message on the list for the next batch
//! - `batch [null|dangling] [count=N]`                   `ok count=3`: sends the list and clears it. Without messages the
//!                                  pointer dangles unless `null` is given. `count=` passes a false count.
//! - `auth user= ok= reason=`                            `ok`; `ok=` is 1 by default
//! - `channel channel= initiator= peer= new=`            `ok`; `new=` is 1 by default
//! - `fetch recipient= channel= count=`                  `ok`
//! - `register user= identity=`                          `ok`
//! - `nullevent HOOK [count=N]`     as the hook's answer: passes a null event. HOOK is message, batch, auth, channel,
//!                                  fetch or register; `count=` is the batch's, 1 by default.
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
//! Every thread of every `drive` has an index of its own, counted through the life of the host (the first drive
//! has 0..N; `first=T` sets the start, so that the next host can continue where this one ended). Its messages, single and
//! in batches alike, have the sequence numbers `index << 40 | 1`, `index << 40 | 2` and so on without gaps.
//! `send-known` and `fork` take theirs from the index 2^22, which no drive reaches, apart from the edge values.
//!
//! # Where things are
//!
//! `host` lists the commands, `hook_commands` and `traffic_commands` run them; `values` makes the guarded memory and
//! `caller` calls the hooks with it; `drive`, `known`, `hostile` and `threads` are kinds of traffic. `journal` describes
//! the file of `journal=PATH`, and `layout` is also compiled by `upstream_layout.rs`, over the server's own types.

mod abi;
mod arguments;
mod caller;
mod drive;
mod generator;
mod hook_commands;
mod host;
mod hostile;
mod journal;
mod known;
mod layout;
mod process;
mod sys;
mod tally;
mod text;
mod threads;
mod traffic_commands;
mod values;

use crate::host::Host;
use std::io::{BufRead, Write as _};
use std::panic::{catch_unwind, AssertUnwindSafe};

const _: () = assert!(usize::BITS == 64, "lengths such as 2^63 need a 64-bit host");

type Outcome<T> = Result<T, String>;

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
    // This ends like a server that returns from its main function: exit handlers run, `destroy` does not.
    std::process::exit(0);
}
