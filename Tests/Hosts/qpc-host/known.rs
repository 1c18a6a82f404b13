//! `send-known`: events that are also written to a file, for a test to find in the log.

use crate::abi::{CMessageEvent, Kind};
use crate::caller::{message_event, Caller};
use crate::drive::{RESERVED_THREAD, SEQ_SHIFT};
use crate::generator::{Generator, Population};
use crate::text::{hex, json_string};
use crate::values::Value;
use crate::Outcome;
use std::fmt::Write as _;

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
struct Record(pub String);

impl Record {
    pub fn new(kind: &str) -> Record {
        Record(format!("{{\"kind\":\"{kind}\""))
    }

    fn raw(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.0, ",\"{name}\":{value}");
    }

    /// Leaves out a value that is absent from the event.
    pub fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.raw(name, format!("\"{}\"", hex(value)));
        }
    }

    pub fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name, json_string(value));
        }
    }

    pub fn finish(self) -> String {
        self.0 + "}\n"
    }
}

struct KnownMessage {
    pub sender: Vec<u8>,
    pub recipient: Vec<u8>,
    pub channel: Vec<u8>,
    pub bytes: u64,
    pub seq: u64,
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

    pub fn values(&self, source: &mut KnownSource) -> Outcome<[Value; 3]> {
        Ok([source.value(&self.sender)?, source.value(&self.recipient)?, source.value(&self.channel)?])
    }
}

/// Makes the fields of known events.
pub struct KnownSource<'counter> {
    pub generator: Generator,
    pub counter: &'counter mut u64,
    pub messages: u64,
}

impl KnownSource<'_> {
    /// A value for the plugin; an absent one is null or dangles, since either may come from the server.
    pub fn value(&mut self, bytes: &[u8]) -> Outcome<Value> {
        if bytes.is_empty() {
            return Ok(Value::bare(self.generator.below(2) as usize, 0));
        }
        Value::real(bytes)
    }

    pub fn key(&mut self) -> Vec<u8> {
        self.generator.pick_skewed(&Population::shared().identities).to_vec()
    }

    pub fn channel(&mut self) -> Vec<u8> {
        self.generator.pick_skewed(&Population::shared().channels).to_vec()
    }

    pub fn user(&mut self) -> &'static str {
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

pub fn send_known(caller: &mut Caller, source: &mut KnownSource, count: u64, out: &mut impl std::io::Write) -> Outcome<()> {
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
