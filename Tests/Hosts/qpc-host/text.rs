//! Numbers, bytes and JSON strings as commands and answers write them.

use crate::Outcome;
use std::fmt::Write as _;

pub fn parse_number(word: &str) -> Outcome<u64> {
    let number = match word.strip_prefix("0x") {
        _ if word == "max" => Ok(u64::MAX),
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    number.map_err(|_| format!("not a number: {word}"))
}

pub fn parse_hex(digits: &str) -> Outcome<Vec<u8>> {
    let wrong = || format!("not an even number of hex digits: {digits}");
    if digits.len() % 2 != 0 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn percent_decoded(text: &str) -> Outcome<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            decoded.push(first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| parse_hex(digits).ok());
        let byte = byte.ok_or_else(|| format!("a percent sign without two hex digits: {text}"))?;
        decoded.extend(byte);
        rest = &after[2..];
    }
    Ok(decoded)
}

pub fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(byte as char);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

pub fn json_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if (control as u32) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
