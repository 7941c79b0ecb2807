//! Any state that the engine can have written, and any event.

use super::*;

fn order() -> String {
    "https://ca.test/order/1".into()
}

fn challenges() -> impl Strategy<Value = Vec<Challenge>> {
    proptest::collection::vec("[a-z]{1,8}", 1..4).prop_map(|values| {
        values
            .into_iter()
            .map(|value| Challenge {
                fqdn: Fqdn::new("_acme-challenge.example.com"),
                value,
            })
            .collect()
    })
}

/// An order at a stage.
pub(super) fn at(stage: OrderStage) -> Phase {
    let url = order();
    Phase::Ordered(Order { url, stage })
}

/// At the last stages, with a key.
pub(super) fn finalizing() -> Phase {
    at(OrderStage::Finalizing {
        key_ref: "key/1".into(),
    })
}

fn phase(kinds: std::ops::Range<u8>) -> impl Strategy<Value = Phase> {
    (
        kinds,
        challenges(),
        proptest::collection::vec("C[0-9]{1,4}", 1..3),
        any::<u64>(),
    )
        .prop_map(|(kind, challenges, changes, id)| match kind {
            0 => Phase::Queued,
            1 => at(OrderStage::Created),
            2 => at(OrderStage::Challenged { challenges }),
            3 => at(OrderStage::Published { challenges, changes }),
            4 => at(OrderStage::InSync { challenges }),
            5 => at(OrderStage::Propagated),
            6 => at(OrderStage::Validating),
            7 => at(OrderStage::Ready),
            8 => at(OrderStage::KeyStored {
                key_ref: "key/1".into(),
            }),
            9 => finalizing(),
            10 => Phase::Done {
                certificate_id: CertificateId::new(id),
            },
            _ => Phase::Failed,
        })
}

/// ACME's word, so that the CA judged the try, or another.
fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        "\\PC{0,20}".prop_map(Cause::from),
        "[a-zA-Z]{1,20}".prop_map(|word| Cause::from(format!("urn:ietf:params:acme:error:{word}"))),
    ]
}

fn problem() -> impl Strategy<Value = Problem> {
    (cause(), "\\PC{0,40}", proptest::option::of("\\PC{0,20}")).prop_map(|(cause, detail, sub)| {
        let subproblems = sub
            .into_iter()
            .map(|detail| Subproblem {
                identifier: "example.com".into(),
                cause: "dns".into(),
                detail,
            })
            .collect();
        Problem {
            cause,
            detail,
            subproblems,
        }
    })
}

pub(super) fn state() -> impl Strategy<Value = Issuance> {
    state_in(0..12)
}

/// A state that has not ended.
pub(super) fn live() -> impl Strategy<Value = Issuance> {
    state_in(0..10)
}

/// A right of ours was found missing within the last days, in any phase.
fn denied() -> impl Strategy<Value = Denied> {
    (0..29 * 86_400_000i64, 0u8..10).prop_map(|(ago, place)| {
        let since = Timestamp::from_millis(NOW.millis() - ago);
        serde_json::from_value(serde_json::json!({"since": since, "place": place})).unwrap()
    })
}

/// A state that the engine can have written. `since` may lie ahead: a back-off, or another worker's clock.
fn state_in(kinds: std::ops::Range<u8>) -> impl Strategy<Value = Issuance> {
    (
        phase(kinds),
        -(90 * 60_000)..SKEW_MS,
        0..=MAX_ATTEMPTS,
        0u32..MAX_ATTEMPTS,
        0u32..200,
        proptest::option::of(problem()),
        any::<bool>(),
        proptest::option::of(denied()),
    )
        .prop_map(
            |(phase, since, attempts, failures, polls, last_problem, owed, denied)| Issuance {
                cleanup_owed: owed || wants_values(&phase),
                phase,
                since: Timestamp::from_millis(NOW.millis() + since),
                attempts,
                max_attempts: MAX_ATTEMPTS,
                failures,
                polls,
                last_problem,
                denied,
                ..Issuance::new(NOW, MAX_ATTEMPTS)
            },
        )
}

fn progress() -> impl Strategy<Value = OrderProgress> {
    prop_oneof![
        Just(OrderProgress::Pending),
        Just(OrderProgress::Ready),
        Just(OrderProgress::Processing),
        Just(OrderProgress::Valid),
    ]
}

/// A moment around now: some in the past, some years ahead.
pub(super) fn moment() -> impl Strategy<Value = Timestamp> {
    (-1_000_000_000i64..100_000_000_000).prop_map(|d| Timestamp::from_millis(NOW.millis() + d))
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Transient),
        Just(Class::Permanent),
        Just(Class::OrderLost),
        Just(Class::Denied),
        proptest::option::of(moment()).prop_map(|not_before| Class::RateLimited { not_before }),
    ]
}

pub(super) fn failed() -> impl Strategy<Value = Event> {
    (class(), any::<bool>(), problem()).prop_map(|(class, dns, problem)| {
        Event::Failed(Failure {
            class,
            stage: if dns { Stage::Dns } else { Stage::Request },
            problem,
        })
    })
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Resumed),
        1 => Just(Event::OrderCreated { order_url: "https://ca.test/order/2".into() }),
        1 => (progress(), prop_oneof![Just(vec![]).boxed(), challenges().boxed()])
            .prop_map(|(progress, challenges)| Event::ChallengesLoaded { progress, challenges }),
        1 => Just(Event::Published { changes: vec!["C1".into()] }),
        1 => Just(Event::InSync),
        1 => Just(Event::Propagated),
        1 => Just(Event::ChallengesAccepted),
        1 => progress().prop_map(|progress| Event::OrderPolled { progress }),
        1 => Just(Event::KeyStored { key_ref: "key/2".into(), about: None }),
        1 => Just(Event::Finalized),
        1 => any::<u64>().prop_map(|id| Event::CertificateRecorded { certificate_id: CertificateId::new(id) }),
        2 => proptest::option::of(moment())
            .prop_map(|not_before| Event::NotYet { not_before, reason: "ns1 lags".into() }),
        2 => moment().prop_map(|until| Event::Deferred { until, reason: "a limit is used up".into() }),
        1 => any::<u64>().prop_map(|by| Event::OrderTaken { order_url: "https://ca.test/order/2".into(), by: RequestId::new(by) }),
        2 => Just(Event::Unpublished),
        1 => Just(Event::Cancelled),
        4 => failed(),
    ]
}
