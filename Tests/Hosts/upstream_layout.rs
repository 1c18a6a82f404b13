//! Prints the layout of the server's own plugin types as the `layout` command of `qpc-host` prints that of its
//! declarations, so that a test can compare the two with the plugin's header.
//!
//! Build, where `plugin_api.rs` is the source of the server's plugin API:
//!
//! ```sh
//! rustc --edition 2021 --crate-type rlib --crate-name qpc_plugin_api plugin_api.rs
//! rustc --edition 2021 --extern qpc_plugin_api=libqpc_plugin_api.rlib upstream_layout.rs -o upstream-layout
//! ```

mod abi {
    pub use qpc_plugin_api::{CAuthEvent, CChannelEvent, CFetchEvent, CMessageEvent, HookVTable};
}

#[path = "qpc-host/layout.rs"]
mod layout;

fn main() {
    println!("{}", layout::layout());
}
