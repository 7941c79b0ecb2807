//! Attributes of stored items that hold JSON: what can be read is written as what is read again, and the engine takes
//! any event in it without a panic.
#![no_main]

use certmint_core::{
    account::KeyRollover,
    certificate::{KeyPlan, Lifecycle},
    chore::Chore,
    issuance::{Event, Fallback, Issuance, next},
    provider::Limits,
    words::{Cause, Class, Failure, NameSet, Stage, Timestamp},
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fn read<T: DeserializeOwned + Serialize>(text: &str) -> Option<T> {
    let value: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&value).unwrap();
    let again: T = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    Some(value)
}

fuzz_target!(|data: (u8, i64, &str)| {
    let (kind, now, text) = data;
    let now = Timestamp::from_millis(now.clamp(0, 4_000_000_000_000));
    match kind % 8 {
        0 => drop(read::<NameSet>(text)),
        1 => drop(read::<KeyPlan>(text)),
        2 => drop(read::<Fallback>(text)),
        3 => drop(read::<Chore>(text)),
        4 => drop(read::<KeyRollover>(text)),
        5 => drop(read::<Lifecycle>(text)),
        6 => {
            let Some(state) = read::<Issuance>(text) else { return };
            let failure = |class| Failure::new(class, Stage::Request, Cause::CaUnreachable, "it fails");
            let events = [
                Event::Resumed,
                Event::Unpublished,
                Event::Cancelled,
                Event::NotYet { not_before: Some(now), reason: "not yet".into() },
                Event::Deferred { until: now, reason: "a limit".into() },
                Event::OrderCreated { order_url: "https://ca.example/order/1".into() },
                Event::Failed(failure(Class::Transient)),
                Event::Failed(failure(Class::Permanent)),
            ];
            for event in events {
                if let Ok(step) = next(&state, event, now, 7) {
                    let stored = serde_json::to_string(&step.state).unwrap();
                    let again: Issuance = serde_json::from_str(&stored).unwrap();
                    assert_eq!(again, step.state);
                }
            }
        }
        _ => drop(read::<Limits>(text)),
    }
});
