//! The plugin's interface, as the server declares it.

use crate::Outcome;
use std::ffi::{c_void, CStr};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CMessageEvent {
    pub sender_identity: *const u8,
    pub sender_identity_len: usize,
    pub recipient_key: *const u8,
    pub recipient_key_len: usize,
    pub channel_id: *const u8,
    pub channel_id_len: usize,
    pub payload_len: usize,
    pub seq: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CAuthEvent {
    pub username: *const u8,
    pub username_len: usize,
    pub success: i32,
    pub failure_reason: *const u8,
    pub failure_reason_len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CChannelEvent {
    pub channel_id: *const u8,
    pub channel_id_len: usize,
    pub initiator_key: *const u8,
    pub initiator_key_len: usize,
    pub peer_key: *const u8,
    pub peer_key_len: usize,
    pub was_new: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CFetchEvent {
    pub recipient_key: *const u8,
    pub recipient_key_len: usize,
    pub channel_id: *const u8,
    pub channel_id_len: usize,
    pub message_count: usize,
}

#[repr(C)]
pub struct HookVTable {
    pub user_data: *mut c_void,
    pub on_message_enqueue: Option<unsafe extern "C" fn(*mut c_void, *const CMessageEvent) -> i32>,
    pub on_batch_enqueue: Option<unsafe extern "C" fn(*mut c_void, *const CMessageEvent, usize)>,
    pub on_auth: Option<unsafe extern "C" fn(*mut c_void, *const CAuthEvent)>,
    pub on_channel_created: Option<unsafe extern "C" fn(*mut c_void, *const CChannelEvent)>,
    pub on_fetch: Option<unsafe extern "C" fn(*mut c_void, *const CFetchEvent)>,
    pub on_user_registered: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize, *const u8, usize)>,
    pub error_message: Option<unsafe extern "C" fn(*mut c_void) -> *const u8>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub on_shutdown: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: The contract asks of plugins that their hooks can be called from any thread.
unsafe impl Send for HookVTable {}
unsafe impl Sync for HookVTable {}

pub type InitFunction = unsafe extern "C" fn(*mut HookVTable) -> i32;

pub const HOOK_CONTINUE: i32 = 0;

/// Calls of the slots; `None` means that the slot is null and nothing was called.
///
/// Passing on whatever pointers a test asks for is what the host is for. No signature could make that sound, so these
/// do not pretend to ask for care by being `unsafe`: whether the process survives is the plugin's business.
impl HookVTable {
    pub fn call_message(&self, event: *const CMessageEvent) -> Option<i32> {
        self.on_message_enqueue.map(|hook| unsafe { hook(self.user_data, event) })
    }

    pub fn call_batch(&self, events: *const CMessageEvent, count: usize) -> Option<()> {
        self.on_batch_enqueue.map(|hook| unsafe { hook(self.user_data, events, count) })
    }

    pub fn call_auth(&self, event: *const CAuthEvent) -> Option<()> {
        self.on_auth.map(|hook| unsafe { hook(self.user_data, event) })
    }

    pub fn call_channel(&self, event: *const CChannelEvent) -> Option<()> {
        self.on_channel_created.map(|hook| unsafe { hook(self.user_data, event) })
    }

    pub fn call_fetch(&self, event: *const CFetchEvent) -> Option<()> {
        self.on_fetch.map(|hook| unsafe { hook(self.user_data, event) })
    }

    pub fn call_register(&self, user: (*const u8, usize), identity: (*const u8, usize)) -> Option<()> {
        self.on_user_registered.map(|hook| unsafe { hook(self.user_data, user.0, user.1, identity.0, identity.1) })
    }

    pub fn call_shutdown(&self) -> Option<()> {
        self.on_shutdown.map(|hook| unsafe { hook(self.user_data) })
    }

    pub fn call_destroy(&self) -> Option<()> {
        self.destroy.map(|hook| unsafe { hook(self.user_data) })
    }

    /// The plugin's reason for a rejection, when it has one.
    pub fn rejection_reason(&self) -> Option<Vec<u8>> {
        let text = self.error_message.map(|hook| unsafe { hook(self.user_data) })?;
        if text.is_null() {
            return None;
        }
        Some(unsafe { CStr::from_ptr(text.cast()) }.to_bytes().to_vec())
    }

    pub fn has_hook(&self, kind: Kind) -> bool {
        match kind {
            Kind::Message => self.on_message_enqueue.is_some(),
            Kind::Batch => self.on_batch_enqueue.is_some(),
            Kind::Auth => self.on_auth.is_some(),
            Kind::Channel => self.on_channel_created.is_some(),
            Kind::Fetch => self.on_fetch.is_some(),
            Kind::Register => self.on_user_registered.is_some(),
        }
    }

    pub fn filled_slots(&self) -> Vec<&'static str> {
        let slots = [
            ("on_message_enqueue", self.on_message_enqueue.is_some()),
            ("on_batch_enqueue", self.on_batch_enqueue.is_some()),
            ("on_auth", self.on_auth.is_some()),
            ("on_channel_created", self.on_channel_created.is_some()),
            ("on_fetch", self.on_fetch.is_some()),
            ("on_user_registered", self.on_user_registered.is_some()),
            ("error_message", self.error_message.is_some()),
            ("destroy", self.destroy.is_some()),
            ("on_shutdown", self.on_shutdown.is_some()),
        ];
        slots.iter().filter(|slot| slot.1).map(|slot| slot.0).collect()
    }
}

/// The hooks that carry events, in the order of the journal's words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Message,
    Batch,
    Auth,
    Channel,
    Fetch,
    Register,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Message, Kind::Batch, Kind::Auth, Kind::Channel, Kind::Fetch, Kind::Register];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Batch => "batch",
            Kind::Auth => "auth",
            Kind::Channel => "channel",
            Kind::Fetch => "fetch",
            Kind::Register => "register",
        }
    }

    pub fn named(name: &str) -> Outcome<Kind> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("no hook is called {name}"))
    }

    /// Its share of the calls in believable traffic, in percent.
    pub fn share(self) -> u64 {
        match self {
            Kind::Message => 40,
            Kind::Batch => 6,
            Kind::Auth => 12,
            Kind::Channel => 10,
            Kind::Fetch => 30,
            Kind::Register => 2,
        }
    }
}
