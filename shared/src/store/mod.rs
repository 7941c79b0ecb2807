//! Everything that outlives an invocation. Traits by capability; `dynamo` implements them all.

pub mod account_keys;
mod accounts;
mod certificate_lifecycle;
mod certificates;
mod challenges;
mod cursor;
pub mod dynamo;
mod error;
mod fallback;
mod flight;
mod health;
mod heartbeats;
mod idempotency;
mod lifecycle;
mod rates;
mod relations;
mod renewals;
mod requests;
pub mod schema;
mod secret_intents;
mod stores;
mod wakes;

pub use self::{
    account_keys::AccountKeys,
    accounts::{AccountFilter, AccountStore, ContactFilter},
    certificate_lifecycle::{CertificateLifecycle, deleted, is_to_be_removed, revoking, settled},
    certificates::{BindingFilter, CertificateFilter, CertificateStore},
    challenges::{ChallengeStore, TxtLedger},
    cursor::{
        DEPTH, NAMED_DEPTH, binding_after, binding_cursor, ending_after, id_after, place_after, rows_before,
        txt_cursor, txt_cursor_of,
    },
    error::StoreError,
    fallback::{DefaultFallback, FallbackPolicy, default_fallback, in_fallback},
    flight::{Flight, SingleFlight, Standing},
    health::{ProviderHealth, ProviderTrouble},
    heartbeats::{Heartbeat, Heartbeats},
    idempotency::Idempotency,
    lifecycle::{
        AccountLifecycle, ChoreStore, RequestLifecycle, cancelled, is_usable, may_be_default, may_be_deleted,
        moved,
    },
    rates::{GiveBack, RateLedger, Reserved},
    relations::CertificateRelations,
    renewals::{EndingFilter, RenewalStore},
    requests::{Claim, DueRequests, Held, RequestFilter, RequestStore},
    secret_intents::SecretIntents,
    stores::Stores,
    wakes::{WakeBook, WakeKind},
};
