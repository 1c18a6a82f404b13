//! `drive`: threads that call hooks with believable traffic.

use crate::abi::{CAuthEvent, CChannelEvent, CFetchEvent, CMessageEvent, HookVTable, Kind, HOOK_CONTINUE};
use crate::generator::{write_reason, Generator, Population};
use crate::journal::{Journal, JournalRow};
use crate::tally::Tally;
use crate::Outcome;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const SEQ_SHIFT: u32 = 40;
/// The index of `send-known` and `fork`: as a sequence number it is still positive when signed.
pub const RESERVED_THREAD: u64 = 1 << 22;

/// One thread of a drive.
pub struct Driver {
    pub plugin: &'static HookVTable,
    pub generator: Generator,
    pub kinds: Vec<Kind>,
    pub journal: JournalRow,
    pub first_seq: u64,
    pub handed_over: u64,
    pub started: u64,
    pub tally: Tally,
    pub batch: Vec<CMessageEvent>,
    pub reason: String,
}

// SAFETY: The batch points into the population, which lives for ever; the journal's mapping outlives the threads, and
// each of its rows has one writer.
unsafe impl Send for Driver {}

impl Driver {
    pub fn run(mut self, calls: Option<u64>, pause: Duration, stop: &AtomicBool) -> Tally {
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

pub fn dangling() -> *const u8 {
    std::ptr::NonNull::dangling().as_ptr()
}

pub fn believable_fetch(generator: &mut Generator) -> CFetchEvent {
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
pub struct Drive {
    /// Its instance, which cannot be destroyed meanwhile.
    pub instance: String,
    pub endless: bool,
    pub first_thread: u64,
    pub stop: Arc<AtomicBool>,
    pub threads: Vec<JoinHandle<Tally>>,
    pub started: Instant,
    /// The threads write to it until they have been joined.
    pub _journal: Option<Journal>,
}

impl Drive {
    pub fn finish(mut self) -> Outcome<String> {
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
