//! The calls that leave a worker: each is a place where it can be interrupted.

use certmint_core::{
    issuance::{CaEffect, Effect, ZoneEffect},
    words::{Cause, Class, Failure, Stage},
};
use certmint_shared::{dns::DnsError, store::StoreError, vault::VaultError};

macro_rules! ops {
    ($($group:ident: { $($(#[$doc:meta])* $name:ident),* $(,)? })*) => {
        /// A call of an adapter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Op { $($($(#[$doc])* $name),*),* }

        impl Op {
            /// All of them.
            pub const ALL: &[Self] = &[$($(Self::$name),*),*];
            $(
                /// A part of them.
                pub const $group: &[Self] = &[$(Self::$name),*];
            )*
        }
    };
}

ops! {
    ISSUING: {
        /// Reads an account.
        ReadAccount,
        /// Writes an account.
        SaveAccount,
        /// Asks what is due.
        DueRequests,
        /// Says that the worker lives.
        Beat,
        /// Asks which workers live.
        Heartbeats,
        /// Says that a worker is gone.
        Bury,
        /// Writes down that a wake is sent.
        BookWake,
        /// Has a worker started later.
        SendWake,
        /// Takes a lease.
        Claim,
        /// Reads a request.
        ReadRequest,
        /// Writes a request under its fence.
        SaveRequest,
        /// Asks who has an order.
        ReadOrderOwner,
        /// Takes an unreadable request out of the way.
        Quarantine,
        /// Records a certificate.
        RecordCertificate,
        /// Reads what a CA's limits leave.
        ReadRates,
        /// Takes or counts in the rate ledger.
        TakeRates,
        /// Gives back to the rate ledger, or closes a bucket.
        MoveRates,
        /// Reads which CAs are in trouble.
        ReadHealth,
        /// Notes or clears a CA's trouble.
        NoteHealth,
        /// Writes one TXT intent.
        PutTxt,
        /// Writes down what a zone holds of one value.
        ConfirmTxt,
        /// Reads an RRset's values from the ledger.
        LedgerOfName,
        /// Reads a request's values from the ledger.
        LedgerOfRequest,
        /// Asks which values are to go.
        DueTxt,
        /// Lists the ledger.
        ListTxt,
        /// Stores an account key.
        StoreAccountKey,
        /// Stores a certificate's key and CSR.
        StoreKey,
        /// Reads a secret.
        ReadSecret,
        /// newAccount.
        Register,
        /// newOrder.
        NewOrder,
        /// Reads an order with its authorizations.
        LoadChallenges,
        /// Tells the CA to look.
        AcceptChallenges,
        /// Reads an order.
        PollOrder,
        /// Reads an order on the way to finalize it.
        OpenToFinalize,
        /// Sends the CSR.
        Finalize,
        /// Downloads the chain.
        Download,
        /// Looks for a zone.
        FindZone,
        /// Changes a zone so that it has a new value.
        Publish,
        /// Changes a zone so that it has fewer values.
        Unpublish,
        /// Asks for a change.
        InSync,
        /// Reads an RRset from its zone.
        ReadZone,
        /// Follows CNAMEs.
        Follow,
        /// Asks the authoritative servers.
        Visibility,
        /// Asks whether a domain exists.
        Exists,
    }
    RENEWING: {
        /// Puts a certificate in the place of an older one.
        ReplaceCertificate,
        /// Records a certificate that succeeds another.
        SucceedCertificate,
        /// Asks which renewals are due.
        DueRenewals,
        /// Reads renewals.
        ReadRenewals,
        /// Writes a renewal under its revision.
        SaveRenewal,
        /// Makes a request that renews.
        StartRenewal,
        /// Reads a certificate.
        ReadCertificate,
        /// Reads the request that a renewal names.
        ReadRenewing,
        /// Asks for a certificate's renewal window.
        RenewalInfo,
        /// newOrder that takes a certificate's place.
        ReplacingOrder,
    }
    OF_CHORES: {
        /// Removes the renewal of a certificate that is gone.
        ForgetRenewal,
        /// Asks which chores are due.
        DueChores,
        /// Takes up a chore, or puts it off.
        TakeChore,
        /// Strikes off a chore.
        EndChore,
        /// Files a certificate as expired.
        ExpireCertificate,
        /// Removes a certificate's record.
        RemoveCertificate,
        /// Tells the CA to revoke.
        Revoke,
        /// Writes down what the CA said to a revocation.
        SettleRevocation,
        /// Deletes a secret.
        DeleteSecret,
    }
    ROLLING: {
        /// Asks whose key it is.
        FindAccount,
        /// keyChange.
        ChangeKey,
    }
}

impl Op {
    /// Whether the call is signed with a time that its service checks: one that is sent late is refused.
    #[must_use]
    pub const fn expires(self) -> bool {
        matches!(self, Self::Publish | Self::Unpublish)
    }

    /// Whether a client library sends the call again by itself when no answer comes.
    #[must_use]
    pub const fn is_repeated_by_its_client(self) -> bool {
        !matches!(
            self,
            Self::Register
                | Self::FindAccount
                | Self::ChangeKey
                | Self::NewOrder
                | Self::LoadChallenges
                | Self::AcceptChallenges
                | Self::PollOrder
                | Self::OpenToFinalize
                | Self::Finalize
                | Self::Download
                | Self::RenewalInfo
                | Self::ReplacingOrder
                | Self::Revoke
        )
    }
}

/// The call that does an effect's work in the outside world: a crash before and after it is a crash before and after
/// the effect. A new effect does not compile before it says where it is interrupted.
#[must_use]
pub const fn call_of(effect: &Effect) -> Op {
    match effect {
        Effect::Ca(CaEffect::NewOrder) => Op::NewOrder,
        Effect::Ca(CaEffect::LoadChallenges { .. }) => Op::LoadChallenges,
        Effect::Ca(CaEffect::AcceptChallenges { .. }) => Op::AcceptChallenges,
        Effect::Ca(CaEffect::PollOrder { .. }) => Op::PollOrder,
        Effect::Ca(CaEffect::Finalize { .. }) => Op::Finalize,
        Effect::Ca(CaEffect::RecordCertificate { .. }) => Op::RecordCertificate,
        Effect::Zone(ZoneEffect::Publish { .. }) => Op::Publish,
        Effect::Zone(ZoneEffect::CheckInSync { .. }) => Op::InSync,
        Effect::Zone(ZoneEffect::Unpublish) => Op::Unpublish,
        Effect::CheckPropagation { .. } => Op::Visibility,
        Effect::StoreKey => Op::StoreKey,
    }
}

/// One of each effect.
#[must_use]
pub fn every_effect() -> Vec<Effect> {
    let (url, key) = (String::new, String::new);
    let ca = [
        CaEffect::NewOrder,
        CaEffect::LoadChallenges { order_url: url() },
        CaEffect::AcceptChallenges { order_url: url() },
        CaEffect::PollOrder { order_url: url() },
        CaEffect::Finalize {
            order_url: url(),
            key_ref: key(),
        },
        CaEffect::RecordCertificate {
            order_url: url(),
            key_ref: key(),
        },
    ];
    let zone = [
        ZoneEffect::Publish { challenges: vec![] },
        ZoneEffect::CheckInSync { changes: vec![] },
        ZoneEffect::Unpublish,
    ];
    let others = [Effect::CheckPropagation { challenges: vec![] }, Effect::StoreKey];
    let effects: Vec<Effect> = ca
        .map(Effect::from)
        .into_iter()
        .chain(zone.map(Effect::from))
        .chain(others)
        .collect();
    // Adding a kind to the match above and not here would leave it unasked for.
    let kinds: std::collections::BTreeSet<Op> = effects.iter().map(call_of).collect();
    assert_eq!(kinds.len(), effects.len(), "two effects share a call");
    effects
}

/// Calls of renewals and chores that a run dies before and after. Not among them: the one that finds a renewal without
/// its certificate, which the store removes together.
pub fn later_calls() -> impl Iterator<Item = Op> {
    let all = Op::RENEWING
        .iter()
        .chain(Op::OF_CHORES)
        .chain(Op::ROLLING)
        .copied();
    all.filter(|op| *op != Op::ForgetRenewal)
}

/// How a call says "slow, throttled or away".
pub trait Outage: Sized {
    /// Such an error of this call.
    fn unavailable(op: Op) -> Self;
    /// How AWS says that our role may not do the call.
    fn denied(op: Op) -> Self {
        unreachable!("{op:?} asks nobody of AWS")
    }
}

const WHY: &str = "the world is away";
/// What stands in the words of every error of a right that is missing.
pub(super) const DENIED: &str = "access denied to ";

impl Outage for StoreError {
    fn unavailable(_: Op) -> Self {
        Self::Unavailable {
            operation: "call",
            message: WHY.into(),
        }
    }

    fn denied(op: Op) -> Self {
        Self::Denied {
            operation: "call",
            why: format!("{DENIED}{op:?}"),
        }
    }
}

impl Outage for VaultError {
    fn unavailable(op: Op) -> Self {
        Self::Unavailable {
            operation: "call",
            name: format!("{op:?}"),
            message: WHY.into(),
        }
    }

    fn denied(op: Op) -> Self {
        Self::AccessDenied {
            operation: "call",
            name: format!("{op:?}"),
        }
    }
}

impl Outage for DnsError {
    fn unavailable(_: Op) -> Self {
        Self::Unavailable {
            operation: "call",
            message: WHY.into(),
        }
    }

    fn denied(op: Op) -> Self {
        Self::AccessDenied {
            operation: "call",
            zone: format!("{op:?}"),
        }
    }
}

impl Outage for Failure {
    fn unavailable(op: Op) -> Self {
        Self::new(
            Class::Transient,
            Stage::Request,
            Cause::CaUnreachable,
            format!("{op:?}: {WHY}"),
        )
    }
}

/// A DNS look-up that nobody answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoAnswer;

impl Outage for NoAnswer {
    fn unavailable(_: Op) -> Self {
        Self
    }
}
