//! `hostile`: every field with every value that a broken server could send.

use crate::abi::{CMessageEvent, Kind};
use crate::caller::{message_event, Caller};
use crate::generator::{Generator, Population};
use crate::values::Value;
use crate::Outcome;

const HOSTILE_SIZES: [u64; 8] = [0, 1, u32::MAX as u64, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];
const HOSTILE_FLAGS: [i32; 7] = [0, 1, -1, 2, 256, i32::MIN, i32::MAX];

pub fn hostile_values() -> Outcome<Vec<Value>> {
    let mut values = vec![Value::bare(0, 0), Value::bare(1, 0), Value::bare(8, 0), Value::bare(usize::MAX, 0)];
    values.extend([1, 16, 32, 4096, 1 << 62, usize::MAX >> 1, 1 << 63, usize::MAX].map(|length| Value::bare(0, length)));
    for length in [usize::MAX >> 1, 1 << 63, usize::MAX - 1, usize::MAX] {
        values.push(Value::huge(b"an impossible length", length)?);
        values.push(Value::huge(&[0xff; 64], length)?);
    }
    let texts: [&[u8]; 22] = [
        b"",
        b"a",
        b"\xff",
        b"\xff\xfe\xfd text",
        b"cut off \xe2\x82",
        b"overlong \xc0\xaf\xe0\x80\xaf",
        b"surrogate \xed\xa0\x80",
        b"beyond \xf4\x90\x80\x80",
        b"\"quoted\" 'twice' `thrice` \\ back\\",
        b"line\nbreak\r\nand\ttab",
        b"evil\"} 1\nqpc_forged_total{x=\"y\"} 99\n# HELP",
        b"\x1b[2J\x1b[31mred\x1b]0;title\x07",
        b"\0",
        b"before\0after\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"'; DROP TABLE events; --",
        b"%s%n%x%p%%",
        b"../../../../etc/passwd",
        b"\xef\xbb\xbfmark",
        b"\xe2\x80\xaegnp.exe \xe2\x80\xa8 \xe2\x80\xa9 \xc2\x85",
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x7f\xc2\x9b",
        b"{\"kind\":\"auth\",\"user\":\"forged\"}",
    ];
    for text in texts {
        values.push(Value::real(text)?);
    }
    let mut generator = Generator(0x686f_7374_696c_6521);
    for length in [15, 17, 31, 33, 255, 256, 257, 4096] {
        let key: Vec<u8> = (0..length).map(|_| generator.next() as u8).collect();
        values.push(Value::real(&key)?);
    }
    values.push(Value::real("long and 长 ".repeat(10_240 / 13).as_bytes())?);
    values.push(Value::real(&[b'\n'; 10_240])?);
    values.push(Value::real(&[0xc3; 10_240])?);
    // A cut in the middle of a character.
    values.push(Value::stated("ééééééé".as_bytes(), 7)?);
    Ok(values)
}

/// Every hostile value in every field beside ordinary ones, and every hostile number.
pub fn hostile_sweep(caller: &mut Caller, values: &[Value], huge_counts: bool) -> Outcome<()> {
    let key = Value::real(&Population::shared().identities[0])?;
    let channel = Value::real(&Population::shared().channels[0])?;
    let user = Value::real(b"mallory")?;
    let absent = Value::bare(0, 0);
    let ordinary = message_event([&key, &key, &channel], 100, 1);

    for value in values {
        for field in 0..3 {
            let mut fields = [&key, &key, &channel];
            fields[field] = value;
            caller.message(fields, 100, 1)?;
            caller.batch(&[ordinary, message_event(fields, 100, 2), ordinary])?;
            let mut fields = [&channel, &key, &key];
            fields[field] = value;
            caller.channel(fields, 1)?;
        }
        for success in [0, 1] {
            caller.auth([value, &absent], success)?;
            caller.auth([&user, value], success)?;
        }
        caller.fetch([value, &channel], 1)?;
        caller.fetch([&key, value], 1)?;
        caller.register([value, &key]);
        caller.register([&user, value]);
    }
    for size in HOSTILE_SIZES {
        caller.message([&key, &key, &channel], size as usize, 1)?;
        caller.message([&key, &key, &channel], 1, size)?;
        caller.batch(&[message_event([&key, &key, &channel], size as usize, size); 3])?;
        caller.fetch([&key, &channel], size as usize)?;
        caller.batch_at(0, size as usize);
        // A batch takes 64 bytes per message, so that this many cannot be in memory. 2^32 could be, which is why it is
        // not among them.
        if huge_counts && size > u64::MAX / 128 {
            caller.batch_stating(&[ordinary; 2], size as usize)?;
        }
    }
    for flag in HOSTILE_FLAGS {
        caller.auth([&user, &absent], flag)?;
        caller.auth([&user, &user], flag)?;
        caller.channel([&channel, &key, &key], flag)?;
    }
    for address in [0, 1, 8, usize::MAX] {
        caller.batch_at(address, 0);
    }
    for kind in Kind::ALL {
        caller.null_event(kind, 1);
    }
    Ok(())
}

/// One call of every hook with nothing but hostile fields.
pub fn hostile_round(caller: &mut Caller, values: &[Value], generator: &mut Generator) -> Outcome<()> {
    fn some<'values, const COUNT: usize>(values: &'values [Value], generator: &mut Generator) -> [&'values Value; COUNT] {
        std::array::from_fn(|_| generator.pick(values))
    }
    let size = |generator: &mut Generator| *generator.pick(&HOSTILE_SIZES);
    caller.message(some(values, generator), size(generator) as usize, size(generator))?;
    let events: Vec<CMessageEvent> = (0..generator.below(9))
        .map(|_| message_event(some(values, generator), size(generator) as usize, size(generator)))
        .collect();
    caller.batch(&events)?;
    caller.auth(some(values, generator), *generator.pick(&HOSTILE_FLAGS))?;
    caller.channel(some(values, generator), *generator.pick(&HOSTILE_FLAGS))?;
    caller.fetch(some(values, generator), size(generator) as usize)?;
    caller.register(some(values, generator));
    caller.null_event(*generator.pick(&Kind::ALL), size(generator) as usize);
    Ok(())
}
