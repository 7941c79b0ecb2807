//! An account's key is changed while workers die at every call of it: the CA, the account and the vault agree in the end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::{
    account::{Account, AccountStatus, RolloverStatus},
    issuance::RequestStatus,
    provider::Limits,
    words::{AccountId, Class, Failure, Timestamp},
};
use certmint_shared::store::{AccountKeys, AccountLifecycle, AccountStore, ChoreStore, account_keys::UNSURE};
use certmint_tests::{
    conformance_store::start,
    scripted::{World, directory, problem},
    sim::{Faults, Op, Scenario, run_scenario},
};
use secrecy::ExposeSecret;

/// The calls that a rollover is made of.
const CALLS: [Op; 7] = [
    Op::ReadAccount,
    Op::StoreAccountKey,
    Op::FindAccount,
    Op::ReadSecret,
    Op::ChangeKey,
    Op::SaveAccount,
    Op::DeleteSecret,
];

#[test]
fn killed_before_and_after_each_call_the_next_worker_finishes() {
    let mut killed = 0;
    for op in CALLS {
        for after in [false, true] {
            for skip in 0.. {
                let mut faults = Faults::none();
                faults.crashes.push((op, skip, after));
                let verdict = run_scenario(Scenario::of_rollovers(faults), skip);
                let when = format!("{op:?} number {skip}, after: {after}");
                assert_eq!(verdict.violations, Vec::<String>::new(), "{when}");
                assert_eq!(
                    (verdict.tally.rollovers, verdict.tally.succeeded),
                    (2, 1),
                    "{when}"
                );
                if verdict.tally.all_crashes() == 0 {
                    assert!(skip >= 2, "two rollovers make {skip} calls of {op:?}");
                    break;
                }
                killed += 1;
            }
        }
    }
    assert!(killed >= 2 * 2 * CALLS.len(), "{killed} kills");
}

/// For thirteen hours three answers in ten do not come, of the CA, the store and the vault.
#[test]
fn a_lost_answer_is_no_lost_key() {
    for seed in 0..300 {
        let mut faults = Faults::none();
        faults.lost = 300;
        faults.until = Timestamp::from_secs(1_800_000_000 + 13 * 3600);
        // The request may give up; the key may not.
        let scenario = Scenario {
            gentle: false,
            ..Scenario::of_rollovers(faults)
        };
        let verdict = run_scenario(scenario, seed);
        assert_eq!(verdict.violations, Vec::<String>::new(), "seed {seed}");
    }
}

fn refusal(kind: &str) -> Failure {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    problem(Class::Permanent, kind, "not your key")
}

/// A world whose first account is registered and changes its key, at a CA that does not answer that.
async fn under_way() -> World {
    let world = World::new(Limits::NONE).await;
    world.request(1, &["a.example.com"]).await;
    world.run().await;
    let id = AccountId::new(1);
    world.store.begin_rollover(id, start()).await.unwrap();
    let away = problem(Class::Transient, "urn:certmint:caUnreachable", "no route to host");
    *world.ca.key_change.lock().unwrap() = Some(away);
    world
}

async fn goes_on(world: &World) {
    *world.ca.key_change.lock().unwrap() = None;
    world.pass(Duration::from_secs(90));
    world.run().await;
    let account = world.store.account(AccountId::new(1)).await.unwrap();
    assert_eq!(
        (account.status, account.last_error.clone()),
        (AccountStatus::Active, None)
    );
    assert_eq!((account.key_version.get(), account.open_rollover()), (2, None));
}

#[tokio::test]
async fn what_is_refused_while_the_key_changes_marks_no_account_failed() {
    for kind in ["malformed", "unauthorized", "accountDoesNotExist"] {
        let world = under_way().await;
        let script = || world.ca.new_order.lock().unwrap();
        script().insert(directory("one"), refusal(kind));
        let id = world.request(1, &["b.example.com"]).await;
        world.run().await;
        let held = world.get(id).await;
        assert_eq!(
            (held.status, held.issuance.attempts, held.issuance.failures),
            (RequestStatus::Running, 0, 1),
            "{kind}"
        );
        assert_eq!(world.account(1).await, (AccountStatus::Active, None), "{kind}");
        let account = world.store.account(AccountId::new(1)).await.unwrap();
        let trouble = account.open_rollover().and_then(|r| r.last_error.clone());
        assert_eq!(trouble.as_deref(), Some("no route to host"));
        script().clear();
        goes_on(&world).await;
        assert_eq!(world.get(id).await.issuance.attempts, 1, "{kind}");
    }
}

#[tokio::test]
async fn an_address_that_is_refused_while_the_key_changes_is_told_again() {
    let world = under_way().await;
    let email = "new@example.com".parse().unwrap();
    world
        .store
        .change_contact(AccountId::new(1), &email, start())
        .await
        .unwrap();
    *world.ca.contact.lock().unwrap() = Some(refusal("malformed"));
    world.run().await;
    *world.ca.contact.lock().unwrap() = None;
    goes_on(&world).await;
    assert_eq!(world.ca.contacts.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_account_that_goes_away_takes_its_next_key_along() {
    let world = under_way().await;
    world.run().await;
    let account = world.store.account(AccountId::new(1)).await.unwrap();
    assert_eq!(account.secrets(), ["account-key/1", "account-key/1-v2"]);
    world
        .store
        .switch_account(account.id, false, start())
        .await
        .unwrap();
    world.pass(Duration::from_secs(90));
    world.run().await;
    let account = world.store.account(AccountId::new(1)).await.unwrap();
    let rollover = account.rollover.unwrap();
    assert_eq!(
        (
            rollover.status,
            rollover.last_error.as_deref(),
            account.key_version.get()
        ),
        (RolloverStatus::Failed, Some("the account is disabled"), 1)
    );
    let far = start().plus(UNSURE * 2);
    let due = world.store.due_chores(far, 9).await.unwrap();
    assert_eq!(due.len(), 1, "its key is discarded: {due:?}");
    world.pass(UNSURE * 2);
    world.run().await;
    assert_eq!(world.store.due_chores(far.plus(UNSURE), 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_restored_table_finds_the_key_that_the_ca_has() {
    let world = under_way().await;
    let before = world.store.account(AccountId::new(1)).await.unwrap();
    goes_on(&world).await;
    let now = world.store.account(before.id).await.unwrap();
    let restored = Account {
        rollover: None,
        version: now.version,
        ..before
    };
    world.store.save_account(&restored).await.unwrap();
    // The old key is gone from the vault, and the CA would not take it: nothing is sent.
    *world.ca.key_change.lock().unwrap() = Some(refusal("malformed"));
    world.store.begin_rollover(now.id, start()).await.unwrap();
    world.run().await;
    let found = world.store.account(now.id).await.unwrap();
    assert_eq!((found.key_version.get(), found.open_rollover()), (2, None));
}

#[tokio::test]
async fn a_refusal_of_the_binding_before_says_nothing_of_the_new_one() {
    let world = World::new(Limits::NONE).await;
    let script = |failure| {
        world
            .ca
            .register
            .lock()
            .unwrap()
            .insert(directory("two"), failure)
    };
    script(refusal("unauthorized"));
    *world.ca.rebinds.lock().unwrap() = Some(world.store.clone());
    let id = world.request(2, &["a.example.com"]).await;
    world.run().await;
    assert_eq!(world.account(2).await, (AccountStatus::Active, None));
    assert_eq!(*world.ca.registrations.lock().unwrap(), 2);
    let request = world.get(id).await;
    assert_eq!(
        (request.status, request.issuance.failures),
        (RequestStatus::Running, 0)
    );
}

/// A keyChange that a frozen worker sends hours after another one was refused.
#[tokio::test]
async fn a_new_key_that_comes_to_the_ca_after_all_is_taken() {
    for comes in [false, true] {
        let world = under_way().await;
        *world.ca.key_change.lock().unwrap() = Some(refusal("unauthorized"));
        world.run().await;
        let failed = world.store.account(AccountId::new(1)).await.unwrap();
        assert_eq!((failed.key_version.get(), failed.open_rollover()), (1, None));
        let new = world.vault.get("account-key/1-v2").await.unwrap();
        if comes {
            *world.ca.changed_key.lock().unwrap() = Some(new.expose_secret().to_owned());
        }
        world.pass(UNSURE + Duration::from_secs(60));
        world.run().await;
        let account = world.store.account(AccountId::new(1)).await.unwrap();
        let (kept, gone, version) = match comes {
            true => ("account-key/1-v2", "account-key/1", 2),
            false => ("account-key/1", "account-key/1-v2", 1),
        };
        assert_eq!(account.key_version.get(), version);
        assert!(world.vault.get(kept).await.is_ok(), "{kept}");
        assert!(world.vault.get(gone).await.is_err(), "{gone}");
    }
}
