//! Calls of hooks with events in guarded memory.

use crate::abi::{CAuthEvent, CChannelEvent, CFetchEvent, CMessageEvent, HookVTable, Kind, HOOK_CONTINUE};
use crate::tally::Tally;
use crate::values::{GuardedMemory, Value};
use crate::Outcome;
use std::ptr::null;

pub fn message_event([sender, recipient, channel]: [&Value; 3], payload_len: usize, seq: u64) -> CMessageEvent {
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
pub struct Caller {
    pub plugin: &'static HookVTable,
    pub tally: Tally,
}

impl Caller {
    pub fn new(plugin: &'static HookVTable) -> Caller {
        Caller { plugin, tally: Tally::default() }
    }

    pub fn message(&mut self, values: [&Value; 3], payload_len: usize, seq: u64) -> Outcome<Option<i32>> {
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

    pub fn batch(&mut self, events: &[CMessageEvent]) -> Outcome<Option<()>> {
        self.batch_stating(events, events.len())
    }

    pub fn batch_stating(&mut self, events: &[CMessageEvent], count: usize) -> Outcome<Option<()>> {
        let memory = GuardedMemory::tight(events)?;
        let answer = self.plugin.call_batch(memory.items(), count);
        self.tally.count(Kind::Batch, events.len().min(count) as u64, &answer);
        if answer.is_some() {
            self.tally.count_messages(Kind::Batch, &events[..events.len().min(count)]);
        }
        Ok(answer)
    }

    pub fn batch_at(&mut self, address: usize, count: usize) -> Option<()> {
        let answer = self.plugin.call_batch(address as *const CMessageEvent, count);
        self.tally.count(Kind::Batch, 0, &answer);
        answer
    }

    pub fn auth(&mut self, [user, reason]: [&Value; 2], success: i32) -> Outcome<Option<()>> {
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

    pub fn channel(&mut self, [channel, initiator, peer]: [&Value; 3], was_new: i32) -> Outcome<Option<()>> {
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

    pub fn fetch(&mut self, [recipient, channel]: [&Value; 2], message_count: usize) -> Outcome<Option<()>> {
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

    pub fn register(&mut self, [user, identity]: [&Value; 2]) -> Option<()> {
        let answer = self.plugin.call_register(user.pair(), identity.pair());
        self.tally.count(Kind::Register, 1, &answer);
        answer
    }

    /// Calls a hook with a null event; the batch states a count, and a registration has nothing but nulls.
    pub fn null_event(&mut self, kind: Kind, count: usize) -> Option<Option<i32>> {
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
