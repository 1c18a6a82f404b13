//! `spawn-threads`: threads that make a few calls and end.

use crate::abi::{HookVTable, Kind};
use crate::drive::believable_fetch;
use crate::generator::Generator;
use crate::tally::Tally;
use crate::Outcome;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Holds threads back until all are there, and counts those that have made their calls. A barrier of the standard
/// library would wait for ever if the system refuses to make the last thread.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    may_call: bool,
    may_end: bool,
    done: usize,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        self.changed.notify_all();
    }

    fn wait_until(&self, reached: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        drop(self.changed.wait_while(state, |state| !reached(state)));
    }
}

fn fetch_calls(plugin: &'static HookVTable, position: u64, calls: u64) -> Tally {
    let mut generator = Generator::for_thread(0, position);
    let mut tally = Tally::default();
    for _ in 0..calls {
        let event = believable_fetch(&mut generator);
        let answer = plugin.call_fetch(&event);
        tally.count(Kind::Fetch, 1, &answer);
        tally.count_fetch(event.message_count);
    }
    tally
}

pub fn spawn_threads(plugin: &'static HookVTable, count: u64, alive: bool, calls: u64) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let refused = |error: std::io::Error| format!("the system makes no more threads: {error}");
    let named = |position: u64| std::thread::Builder::new().name(format!("short-{position}"));
    let join = |thread: JoinHandle<Tally>| thread.join().map_err(|_| "a thread panicked".to_string());
    if !alive {
        for position in 0..count {
            let thread = named(position).spawn(move || fetch_calls(plugin, position, calls)).map_err(refused)?;
            tally.add(&join(thread)?);
        }
        return Ok(tally);
    }
    let gate = Arc::new(Gate::default());
    let mut threads = Vec::new();
    let mut refusal = None;
    for position in 0..count {
        let gate = gate.clone();
        let thread = named(position).spawn(move || {
            gate.wait_until(|state| state.may_call);
            let tally = fetch_calls(plugin, position, calls);
            gate.change(|state| state.done += 1);
            gate.wait_until(|state| state.may_end);
            tally
        });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                refusal = Some(refused(error));
                break;
            }
        }
    }
    gate.change(|state| state.may_call = true);
    gate.wait_until(|state| state.done == threads.len());
    gate.change(|state| state.may_end = true);
    for thread in threads {
        tally.add(&join(thread)?);
    }
    refusal.map_or(Ok(tally), Err)
}
