//! Commands that call many hooks.

use crate::abi::Kind;
use crate::arguments::Arguments;
use crate::drive::{Drive, Driver, RESERVED_THREAD, SEQ_SHIFT};
use crate::generator::{Generator, Population};
use crate::host::{Host, DEFAULT_NAME};
use crate::hostile::{hostile_round, hostile_sweep, hostile_values};
use crate::journal::{Journal, JournalRow};
use crate::known::{send_known, KnownSource};
use crate::process::fork_and_call;
use crate::tally::Tally;
use crate::text::percent_decoded;
use crate::threads::spawn_threads;
use crate::Outcome;
use std::io::BufWriter;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Host {
    pub fn drive(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn stop(&mut self, arguments: Arguments) -> Outcome<String> {
        arguments.finish()?;
        let drive = self.drive.take().ok_or("no drive is running")?;
        drive.stop.store(true, Ordering::Relaxed);
        drive.finish()
    }

    pub fn join(&mut self, arguments: Arguments) -> Outcome<String> {
        arguments.finish()?;
        if self.drive.as_ref().is_some_and(|drive| drive.endless) {
            return Err("the drive is endless".to_string());
        }
        self.drive.take().ok_or("no drive is running")?.finish()
    }

    pub fn send_known(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn hostile(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn spawn_threads(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn fork(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let plugin = self.caller(&mut arguments)?.plugin;
        let timeout = Duration::from_millis(arguments.number_or("timeout_ms", 10_000)?);
        arguments.finish()?;
        self.reserved_messages += 2;
        fork_and_call(plugin, timeout, (RESERVED_THREAD << SEQ_SHIFT) + self.reserved_messages - 1)
    }
}
