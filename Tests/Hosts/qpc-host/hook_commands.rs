//! Commands that call one hook.

use crate::abi::{CMessageEvent, HookVTable, Kind, HOOK_CONTINUE};
use crate::arguments::Arguments;
use crate::caller::message_event;
use crate::host::{plain_answer, Host, StagedMessage, DEFAULT_NAME};
use crate::text::percent_encoded;
use crate::Outcome;

impl Host {
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

    pub fn message(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["sender", "recipient", "channel"])?;
        let (bytes, seq) = (arguments.number_or("bytes", 0)?, arguments.number_or("seq", 0)?);
        arguments.finish()?;
        let answer = caller.message(values.each_ref(), bytes as usize, seq)?;
        Ok(Host::message_answer(caller.plugin, answer))
    }

    pub fn stage(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let values = arguments.values(["sender", "recipient", "channel"])?;
        let (bytes, seq) = (arguments.number_or("bytes", 0)?, arguments.number_or("seq", 0)?);
        arguments.finish()?;
        let event = message_event(values.each_ref(), bytes as usize, seq);
        self.staged.push(StagedMessage { event, _values: values });
        Ok(format!("staged={}", self.staged.len()))
    }

    pub fn batch(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn auth(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["user", "reason"])?;
        let success = arguments.integer_or("ok", 1)?;
        arguments.finish()?;
        caller.auth(values.each_ref(), success).map(plain_answer)
    }

    pub fn channel(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["channel", "initiator", "peer"])?;
        let was_new = arguments.integer_or("new", 1)?;
        arguments.finish()?;
        caller.channel(values.each_ref(), was_new).map(plain_answer)
    }

    pub fn fetch(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["recipient", "channel"])?;
        let count = arguments.number_or("count", 0)?;
        arguments.finish()?;
        caller.fetch(values.each_ref(), count as usize).map(plain_answer)
    }

    pub fn register(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let mut caller = self.caller(&mut arguments)?;
        let values = arguments.values(["user", "identity"])?;
        arguments.finish()?;
        Ok(plain_answer(caller.register(values.each_ref())))
    }

    pub fn null_event(&mut self, mut arguments: Arguments) -> Outcome<String> {
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

    pub fn shutdown(&mut self, mut arguments: Arguments) -> Outcome<String> {
        let caller = self.caller(&mut arguments)?;
        arguments.finish()?;
        Ok(plain_answer(caller.plugin.call_shutdown()))
    }

    pub fn destroy(&mut self, mut arguments: Arguments) -> Outcome<String> {
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
}
