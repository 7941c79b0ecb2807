//! Nobody waits for a stranger: what is slow, or away, delays its own names, zones, accounts and certificates alone. Time is
//! virtual; what is not slow takes none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::{
    certificate::{RevocationReason, RevokedBy},
    challenge::{TXT_TTL, TxtStatus},
    clock::Clock,
    issuance::RequestStatus,
    words::{AccountId, CertificateId, Fqdn, RequestId, Timestamp},
};
use certmint_shared::{
    dns::{
        Freshness, TxtChange, TxtRrset, Zone,
        ledger::{Ledger, quoted},
    },
    store::{CertificateLifecycle, CertificateStore, RenewalStore, TxtLedger},
};
use certmint_tests::slow::{Pace, SlowWorld, ca};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const OPS: &str = "ops@example.com";

/// Lambda's time for a worker.
const INVOCATION: u64 = 300;

/// All have their certificate, and the seconds that took.
fn issued(world: &SlowWorld, since: Timestamp, ids: &[RequestId]) -> f64 {
    for id in ids {
        let request = world.get(*id);
        assert_eq!(request.status, RequestStatus::Success, "{:?}", request.last_error);
    }
    world.seconds(since, ids)
}

/// What is slow, and that those of nobody else are later by more than a second for it. `zones`: which are slow; the names
/// `n.<zone>` of each are asked for first, then names of a zone that is not.
fn delays_no_stranger(what: &str, zones: &[String], of_each: usize, rule: fn(&str) -> Option<Pace>) {
    let mut all: Vec<&str> = zones.iter().map(String::as_str).collect();
    all.push("example.com");
    let world = SlowWorld::new(&all);
    world.slow.where_(rule);
    let account = world.account(1, OPS);
    for zone in zones {
        for n in 0..of_each {
            world.request(account, &[&format!("n{n}.{zone}")]);
        }
    }
    let names = (0..80).map(|n| format!("h{n}.example.com"));
    let ids: Vec<RequestId> = names.map(|name| world.request(account, &[&name])).collect();
    let began = world.time.now();
    world.work(INVOCATION);
    let took = issued(&world, began, &ids);
    assert!(took <= 1.0, "{what}: {took} s");
}

fn zones(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("dead{n}.test")).collect()
}

/// Three seconds for each question, as a silent name server costs.
fn silent(call: &str) -> Option<Pace> {
    let asked = ["look ", "visibility ", "delegation ", "domain_exists "];
    let dead = call.contains("dead") && asked.iter().any(|a| call.starts_with(a));
    dead.then_some(Pace::Hangs(secs(3)))
}

#[test]
fn twenty_dead_zones_among_a_hundred_requests() {
    delays_no_stranger("twenty dead zones", &zones(20), 1, silent);
}

#[test]
fn whoever_is_slow_in_the_dns_delays_its_own_names() {
    delays_no_stranger("one domain of 95 names", &zones(1), 95, silent);
    delays_no_stranger("95 domains", &zones(95), 1, silent);
    delays_no_stranger("two domains of 400 names", &zones(2), 400, silent);
    delays_no_stranger("never an answer", &zones(3), 5, |call| {
        (call.starts_with("look ") && call.contains("dead")).then_some(Pace::Hangs(secs(3600)))
    });
    delays_no_stranger("seen late", &zones(5), 4, |call| {
        (call.starts_with("visibility ") && call.contains("dead")).then_some(Pace::Takes(secs(12)))
    });
    delays_no_stranger("changes of a zone hang", &zones(20), 2, |call| {
        call.starts_with("change_txt dead")
            .then_some(Pace::Hangs(secs(15)))
    });
    delays_no_stranger("changes of a zone take long", &zones(20), 2, |call| {
        call.starts_with("change_txt dead")
            .then_some(Pace::Takes(secs(10)))
    });
    delays_no_stranger("zones that may not be written", &zones(20), 2, |call| {
        call.starts_with("change_txt dead").then_some(Pace::Denied)
    });
}

#[test]
fn a_name_that_is_slow_to_find_is_found_all_the_same() {
    let world = SlowWorld::new(&["dead.test", "example.com"]);
    world
        .slow
        .where_(|call| call.contains("dead").then_some(Pace::Takes(secs(2))));
    let account = world.account(1, OPS);
    let slow = world.request(account, &["a.dead.test"]);
    world.work(INVOCATION);
    assert_eq!(world.get(slow).status, RequestStatus::Success);
}

/// What hangs of the first CA delays no name of the second.
fn keeps_the_other_ca_free(what: &str, requests: usize, rule: fn(&str) -> Option<Pace>) {
    let world = SlowWorld::new(&["example.com", "example.net"]);
    world.slow.where_(rule);
    let (hangs, works) = (world.account(1, OPS), world.account(2, "dev@example.com"));
    for n in 0..requests {
        world.request(hangs, &[&format!("h{n}.example.com")]);
    }
    let names = (0..20).map(|n| format!("h{n}.example.net"));
    let ids: Vec<RequestId> = names.map(|name| world.request(works, &[&name])).collect();
    let began = world.time.now();
    world.work(INVOCATION);
    let took = issued(&world, began, &ids);
    assert!(took <= 1.0, "{what}: {took} s");
}

fn hanging(call: &str) -> Option<Pace> {
    call.ends_with(&ca(1)).then_some(Pace::Hangs(secs(15)))
}

#[test]
fn a_ca_that_hangs_beside_one_that_works() {
    keeps_the_other_ca_free("a CA that hangs", 20, hanging);
    keeps_the_other_ca_free("for 600 requests", 600, hanging);
    keeps_the_other_ca_free("registration hangs", 50, |call| {
        call.starts_with("register").then(|| hanging(call)).flatten()
    });
    keeps_the_other_ca_free("newOrder hangs", 200, |call| {
        call.starts_with("new_order").then(|| hanging(call)).flatten()
    });
    keeps_the_other_ca_free("the order is not answered", 200, |call| {
        call.starts_with("order").then(|| hanging(call)).flatten()
    });
    keeps_the_other_ca_free("finalize takes long", 40, |call| {
        let is_it = call.starts_with("finalize") && call.ends_with(&ca(1));
        is_it.then_some(Pace::Takes(secs(14)))
    });
}

#[test]
fn a_ca_that_hangs_is_marked_and_its_other_requests_are_held() {
    let world = SlowWorld::new(&["example.com"]);
    world
        .slow
        .where_(|call| call.starts_with("new_order").then(|| hanging(call)).flatten());
    let account = world.account(1, OPS);
    let names = (0..100).map(|n| format!("h{n}.example.com"));
    let ids: Vec<RequestId> = names.map(|name| world.request(account, &[&name])).collect();
    let began = world.time.now();
    world.work(INVOCATION);
    let asked = world.slow.calls("new_order");
    assert!(asked <= 20, "{asked} waited for it, not all of them");
    let took = world.time.now().since(began).as_secs();
    assert!(took < 60, "{took} s");
    let held = ids
        .iter()
        .filter(|id| world.get(**id).issuance.failures == 0)
        .count();
    assert!(held >= 80, "{held}: nothing was tried for these");
    let last = world.get(ids[99]);
    let why = last.issuance.reason();
    assert!(
        why.contains("cannot be reached") && why.contains("no answer"),
        "{why}"
    );
}

#[test]
fn an_account_whose_key_is_slow_to_read_delays_its_own_requests() {
    let world = SlowWorld::new(&["example.com"]);
    let (slow, other) = (
        world.account(1, "a@example.com"),
        world.account(1, "b@example.com"),
    );
    let first = [
        world.request(slow, &["a.example.com"]),
        world.request(other, &["b.example.com"]),
    ];
    world.work(INVOCATION);
    issued(&world, world.time.now(), &first);
    world.slow.where_(|call| {
        let its_key = call.starts_with("get account") && call.contains("/1");
        its_key.then_some(Pace::Takes(secs(15)))
    });
    world.time.pass(secs(60));
    for n in 0..40 {
        world.request(slow, &[&format!("s{n}.example.com")]);
    }
    let names = (0..20).map(|n| format!("h{n}.example.com"));
    let ids: Vec<RequestId> = names.map(|name| world.request(other, &[&name])).collect();
    let began = world.time.now();
    world.work(INVOCATION);
    assert!(world.slow.calls("get account") > 0);
    let took = issued(&world, began, &ids);
    assert!(took <= 1.0, "{took} s");
}

/// So many certificates of an account.
fn certificates(world: &SlowWorld, account: AccountId, what: &str, count: usize) -> Vec<CertificateId> {
    let ids: Vec<RequestId> = (0..count)
        .map(|n| world.request(account, &[&format!("{what}{n}.example.com")]))
        .collect();
    world.work(INVOCATION);
    let made = ids.iter().map(|id| {
        let request = world.get(*id);
        request.result_certificate_id.ok_or(request.last_error)
    });
    made.collect::<Result<_, _>>().unwrap()
}

#[test]
fn two_hundred_renewal_looks_at_a_ca_that_hangs() {
    let world = SlowWorld::new(&["example.com"]);
    let (hangs, works) = (world.account(1, OPS), world.account(2, "dev@example.com"));
    let first = certificates(&world, hangs, "h", 200);
    world.time.pass(secs(60));
    let later = certificates(&world, works, "w", 30);
    // All are due for a look; those of the CA that hangs are due first, and there are as many as a pass looks at.
    world.time.pass(secs(2 * 24 * 3600));
    world
        .slow
        .where_(|call| call.starts_with("renewal_info").then(|| hanging(call)).flatten());
    let id = world.request(works, &["new.example.com"]);
    let began = world.time.now();
    let report = world.work(INVOCATION);
    assert!(report.errors.is_empty());
    let took = issued(&world, began, &[id]);
    assert!(took <= 1.0, "{took} s");
    assert!(
        world.time.now().since(began) <= secs(45),
        "the looks are over soon"
    );
    let looked = |ids: &[CertificateId]| {
        let due = world
            .time
            .run(world.store.due_renewals(world.time.now(), 1000))
            .unwrap();
        ids.iter().filter(|id| !due.contains(id)).count()
    };
    assert_eq!(
        looked(&later),
        30,
        "their turn was not taken by those that could not be looked at"
    );
    let tried = looked(&first);
    assert!(
        (1..=8).contains(&tried),
        "{tried} were tried, the others keep their turn"
    );
    world.slow.where_(|_| None);
    world.work(INVOCATION);
    assert_eq!(looked(&first), 200);
}

#[test]
fn twenty_five_slow_revocations() {
    let hangs: fn(&str) -> Option<Pace> = |call| call.starts_with("revoke").then_some(Pace::Hangs(secs(15)));
    let crawls: fn(&str) -> Option<Pace> = |call| call.starts_with("revoke").then_some(Pace::Takes(secs(50)));
    for (what, rule) in [("hang", hangs), ("crawl", crawls)] {
        let world = SlowWorld::new(&["example.com"]);
        let (slow, other) = (world.account(1, OPS), world.account(2, "dev@example.com"));
        let mut ids = certificates(&world, slow, "h", 25);
        ids.extend(certificates(&world, other, "w", 1));
        for (n, id) in ids.iter().enumerate() {
            let now = world.time.now().plus(Duration::from_millis(n as u64));
            let asked =
                world
                    .store
                    .revoke_certificate(*id, RevocationReason::Superseded, RevokedBy::Account, now);
            world.time.run(asked).unwrap();
        }
        world.time.pass(secs(1));
        world.slow.where_(rule);
        // It says itself that it ended in time.
        let report = world.work(120);
        assert!(report.chores < 26 || what == "crawl", "{what}");
        let revoked = |id: &CertificateId| {
            let certificate = world.time.run(world.store.certificate(*id)).unwrap();
            certificate.lifecycle.revocation.and_then(|r| r.revoked_at)
        };
        world.slow.where_(|_| None);
        for _ in 0..5 {
            world.time.pass(secs(600));
            world.work(120);
        }
        for id in &ids {
            assert!(revoked(id).is_some(), "{what}: {id:?}");
        }
    }
}

fn zone_of(world: &SlowWorld, name: &str) -> Zone {
    let found = world
        .time
        .run(world.zones.zones_of(&Fqdn::new(name), Freshness::Kept));
    found.unwrap().longest().unwrap().clone()
}

#[test]
fn a_zone_that_may_not_be_written_with_hundreds_of_values() {
    let denied: fn(&str) -> Option<Pace> = |call| call.starts_with("change_txt dead").then_some(Pace::Denied);
    let slow: fn(&str) -> Option<Pace> = |call| {
        call.starts_with("change_txt dead")
            .then_some(Pace::Hangs(secs(30)))
    };
    for (what, rule) in [("denied", denied), ("slow", slow)] {
        let mut zones = zones(3);
        zones.push("example.com".into());
        let names: Vec<&str> = zones.iter().map(String::as_str).collect();
        let world = SlowWorld::new(&names);
        let account = world.account(1, OPS);
        let owner = world.request(account, &["example.com"]);
        let ledger = Ledger::new(world.zones.clone(), world.store.clone(), world.time.clone());
        let long_ago = world.time.now().minus(secs(7200));
        for (zone, count) in names.iter().zip([400, 3000, 401, 50]) {
            let zone = zone_of(&world, zone);
            let mut changes = Vec::new();
            for n in 0..count {
                let fqdn = Fqdn::new(&format!("_acme-challenge.n{n}.{}", zone.name));
                let values = [(fqdn.clone(), format!("value-{n}"))];
                world
                    .time
                    .run(ledger.want(
                        certmint_tests::zones::by(owner.get()),
                        &values,
                        &zone,
                        long_ago,
                        long_ago,
                    ))
                    .unwrap();
                let stands = world.time.run(world.store.txt_rrset(&fqdn)).unwrap();
                let stands: Vec<_> = stands.into_iter().map(|r| (r, TxtStatus::Active)).collect();
                world
                    .time
                    .run(world.store.confirm_txt(&stands, long_ago))
                    .unwrap();
                let values = vec![quoted(&values[0].1)];
                let after = Some(TxtRrset { ttl: TXT_TTL, values });
                changes.push(TxtChange {
                    fqdn,
                    before: None,
                    after,
                });
            }
            world.time.run(world.zones.change_txt(&zone, &changes)).unwrap();
        }
        world.slow.where_(rule);
        let report = world.clean(120);
        assert_eq!(report.cleaned, 50, "{what}: {report:?}");
        // It goes on where it can as soon as it can, whatever was in its way.
        world.slow.where_(|_| None);
        let report = world.clean(120);
        assert_eq!((report.cleaned, report.failed), (3801, 0), "{what}");
    }
}

#[test]
fn every_value_that_is_wanted_is_looked_at_not_those_of_the_first_page_alone() {
    let world = SlowWorld::new(&["example.com"]);
    let account = world.account(1, OPS);
    let ledger = Ledger::new(world.zones.clone(), world.store.clone(), world.time.clone());
    let zone = zone_of(&world, "example.com");
    let now = world.time.now();
    for n in 0..450 {
        // Of requests that never were: nobody is left who would take them out.
        let owner = match n % 3 {
            0 => world.request(account, &[&format!("n{n}.example.com")]),
            _ => RequestId::new(100_000 + n),
        };
        let values = [(
            Fqdn::new(&format!("_acme-challenge.n{n}.example.com")),
            format!("value-{n}"),
        )];
        let until = now.plus(secs(12 * 3600));
        world
            .time
            .run(ledger.want(certmint_tests::zones::by(owner.get()), &values, &zone, until, now))
            .unwrap();
    }
    let report = world.clean(120);
    assert_eq!((report.orphaned, report.cleaned, report.failed), (300, 300, 0));
}
