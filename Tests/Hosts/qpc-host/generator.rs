//! Random numbers, and the people of believable traffic.

use std::fmt::Write as _;
use std::sync::OnceLock;

/// SplitMix64: small, fast, and the same for a seed on every machine.
pub struct Generator(pub u64);

impl Generator {
    /// The generator of one of several threads that share a seed.
    pub fn for_thread(seed: u64, position: u64) -> Generator {
        let mut generator = Generator(seed ^ position.wrapping_mul(0xd1342543de82ef95));
        Generator(generator.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d049bb133111eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'items, Item>(&mut self, items: &'items [Item]) -> &'items Item {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Prefers the first items, since a few users cause most of the traffic.
    pub fn pick_skewed<'items, Item>(&mut self, items: &'items [Item]) -> &'items Item {
        let first = self.below(items.len() as u64);
        let second = self.below(items.len() as u64);
        &items[first.min(second) as usize]
    }

    /// A padded payload: powers of two are as common as their halves.
    pub fn payload_size(&mut self) -> usize {
        let scale = 1 << (6 + self.below(10));
        (scale + self.below(scale)) as usize
    }

    pub fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// The people of the traffic. They do not depend on the seed, so that several runs concern the same ones.
pub struct Population {
    pub users: Vec<String>,
    pub identities: Vec<[u8; 32]>,
    pub channels: Vec<[u8; 16]>,
}

impl Population {
    pub fn shared() -> &'static Population {
        static SHARED: OnceLock<Population> = OnceLock::new();
        SHARED.get_or_init(|| {
            const NAMES: [&str; 25] = [
                "alice", "bao", "chidi", "dora", "emre", "farid", "greta", "hana", "ivan", "jun", "kofi", "lena", "mateo",
                "nadia", "omar", "priya", "quinn", "rosa", "sven", "tariq", "uma", "vera", "wim", "ximena", "yusuf",
            ];
            let mut generator = Generator(0x70_6f70_756c_6174);
            Population {
                users: (0..500).map(|index| format!("{}.{:02}", NAMES[index % 25], index / 25)).collect(),
                identities: (0..2000).map(|_| generator.bytes()).collect(),
                channels: (0..800).map(|_| generator.bytes()).collect(),
            }
        })
    }
}

/// A failed login's reason. Some hold the user's name, as the server's free text may.
pub fn write_reason(generator: &mut Generator, user: &str, reason: &mut String) {
    reason.clear();
    let _ = match generator.below(8) {
        0 => write!(reason, "invalid credentials"),
        1 => write!(reason, "user {user} not found"),
        2 => write!(reason, "OPAQUE login finish failed: envelope mac mismatch"),
        3 => write!(reason, "rate limit exceeded"),
        4 => write!(reason, "session expired"),
        5 => write!(reason, "account {user} is locked for {} s", 30 * (1 + generator.below(20))),
        6 => write!(reason, "device {:04x} is not enrolled", generator.below(1 << 16)),
        _ => write!(reason, "storage timeout"),
    };
}
