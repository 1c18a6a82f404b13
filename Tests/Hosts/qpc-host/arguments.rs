//! The words of a command.

use crate::text::{parse_number, percent_decoded};
use crate::values::Value;
use crate::Outcome;
use std::collections::BTreeMap;

/// The words after the command. What a command takes is removed, so that what is left over is a mistake.
pub struct Arguments {
    plain: Vec<String>,
    pub named: BTreeMap<String, String>,
}

impl Arguments {
    pub fn parse(words: &[&str]) -> Outcome<Arguments> {
        let mut arguments = Arguments { plain: Vec::new(), named: BTreeMap::new() };
        for word in words {
            match word.split_once('=') {
                Some((key, value)) if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
                    if arguments.named.insert(key.to_string(), value.to_string()).is_some() {
                        return Err(format!("{key} is given twice"));
                    }
                }
                _ => arguments.plain.push(word.to_string()),
            }
        }
        arguments.plain.reverse();
        Ok(arguments)
    }

    pub fn word(&mut self) -> Option<String> {
        self.plain.pop()
    }

    pub fn path(&mut self) -> Outcome<Vec<u8>> {
        percent_decoded(&self.word().ok_or("a path is missing")?)
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        self.named.remove(key)
    }

    pub fn number(&mut self, key: &str) -> Outcome<Option<u64>> {
        self.text(key).map(|word| parse_number(&word).map_err(|error| format!("{key}: {error}"))).transpose()
    }

    pub fn number_or(&mut self, key: &str, default: u64) -> Outcome<u64> {
        Ok(self.number(key)?.unwrap_or(default))
    }

    pub fn needed_number(&mut self, key: &str) -> Outcome<u64> {
        self.number(key)?.ok_or_else(|| format!("{key}= is missing"))
    }

    pub fn switch(&mut self, key: &str, default: bool) -> Outcome<bool> {
        match self.number(key)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(_) => Err(format!("{key} is 0 or 1")),
        }
    }

    pub fn integer_or(&mut self, key: &str, default: i32) -> Outcome<i32> {
        self.text(key).map_or(Ok(default), |word| word.parse().map_err(|_| format!("{key}: not a C integer: {word}")))
    }

    pub fn value(&mut self, key: &str) -> Outcome<Value> {
        let word = self.text(key).unwrap_or_else(|| "-".to_string());
        Value::parse(&word).map_err(|error| format!("{key}: {error}"))
    }

    pub fn values<const COUNT: usize>(&mut self, keys: [&str; COUNT]) -> Outcome<[Value; COUNT]> {
        let values = keys.iter().map(|key| self.value(key)).collect::<Outcome<Vec<Value>>>()?;
        values.try_into().map_err(|_| "as many values as keys".to_string())
    }

    /// To be called before anything is done, so that a mistaken command does nothing.
    pub fn finish(self) -> Outcome<()> {
        if let Some(word) = self.plain.last() {
            return Err(format!("not understood: {word}"));
        }
        match self.named.keys().next() {
            Some(key) => Err(format!("not understood: {key}=")),
            None => Ok(()),
        }
    }
}
