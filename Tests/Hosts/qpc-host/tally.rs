//! What was sent, for a test to compare with what the plugin recorded.

use crate::abi::{CMessageEvent, Kind};

/// What was sent. The hooks for single messages and for batches have sums of their own, because a plugin that adds
/// the two up would count a message twice if the server calls both hooks for it.
#[derive(Default)]
pub struct Tally {
    pub calls: [u64; 6],
    /// Events at pointers that can be read: a batch has as many as it has messages, a null event is none.
    pub events: [u64; 6],
    message_bytes: u64,
    batch_bytes: u64,
    message_sealed: u64,
    batch_sealed: u64,
    pub failed: u64,
    pub new: u64,
    fetched: u64,
    empty_fetches: u64,
    pub rejected: u64,
    pub skipped: u64,
}

impl Tally {
    /// Sums wrap instead of failing, since hostile sizes add up to more than any integer holds.
    pub fn add(&mut self, other: &Tally) {
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
    pub fn count<Answer>(&mut self, kind: Kind, events: u64, answer: &Option<Answer>) {
        if answer.is_none() {
            self.skipped += 1;
            return;
        }
        self.calls[kind as usize] += 1;
        self.events[kind as usize] += events;
    }

    pub fn count_messages(&mut self, kind: Kind, events: &[CMessageEvent]) {
        let (bytes, sealed) = match kind {
            Kind::Batch => (&mut self.batch_bytes, &mut self.batch_sealed),
            _ => (&mut self.message_bytes, &mut self.message_sealed),
        };
        for event in events {
            *bytes = bytes.wrapping_add(event.payload_len as u64);
            *sealed += u64::from(event.sender_identity_len == 0);
        }
    }

    pub fn count_fetch(&mut self, messages: usize) {
        self.fetched = self.fetched.wrapping_add(messages as u64);
        self.empty_fetches += u64::from(messages == 0);
    }

    pub fn calls_and_events(&self) -> String {
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
    pub fn json(&self, head: &str) -> String {
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
