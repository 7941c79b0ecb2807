//! What leads out of a failure: a call of the API, and what is to be done outside before it. One table for all causes,
//! which a test follows line by line.

use super::{acme_error::AcmeError, cause::Cause, failure::Problem};

/// The call that leads out of a request's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The same request again: `POST /acme/certificate/retry`.
    Retry,
    /// The account switched on again, which registers it anew where need be, and then a retry:
    /// `POST /acme/accounts/enable`.
    EnableAccount,
    /// Another binding for the account, and then a retry: `POST /acme/accounts/eab`.
    ReplaceEab,
    /// Another address for the account, and then a retry: `POST /acme/accounts/contact`.
    ChangeContact,
    /// Another request: `POST /acme/certificate/request`.
    RequestAnew,
    /// Another request with an account of another CA: `POST /acme/certificate/request`.
    RequestElsewhere,
}

impl Way {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::EnableAccount => "enable_account",
            Self::ReplaceEab => "replace_eab",
            Self::ChangeContact => "change_contact",
            Self::RequestAnew => "request_anew",
            Self::RequestElsewhere => "request_elsewhere",
        }
    }

    /// The call that mends an account; `None` if it is not the account's matter.
    #[must_use]
    pub const fn of_account(self) -> Option<&'static str> {
        match self {
            Self::EnableAccount => Some("POST /acme/accounts/enable"),
            Self::ReplaceEab => Some("POST /acme/accounts/eab with eabKid and eabHmacKey from the CA"),
            Self::ChangeContact => Some("POST /acme/accounts/contact with another email"),
            Self::Retry | Self::RequestAnew | Self::RequestElsewhere => None,
        }
    }

    const fn calls(self) -> &'static str {
        match self {
            Self::Retry => "POST /acme/certificate/retry",
            Self::EnableAccount => "POST /acme/accounts/enable and then /acme/certificate/retry",
            Self::ReplaceEab => {
                "POST /acme/accounts/eab with eabKid and eabHmacKey from the CA, and then /acme/certificate/retry"
            }
            Self::ChangeContact => {
                "POST /acme/accounts/contact with another email, and then /acme/certificate/retry"
            }
            Self::RequestAnew => "POST /acme/certificate/request",
            Self::RequestElsewhere => "POST /acme/certificate/request with the accountId of another CA",
        }
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is to be done first, outside or with the request's body.
    pub first: Option<&'static str>,
    /// The call.
    pub way: Way,
}

impl Advice {
    /// To try again as it is.
    pub const RETRY: Self = Self::of(Way::Retry);

    const fn of(way: Way) -> Self {
        Self { first: None, way }
    }

    const fn after(first: &'static str, way: Way) -> Self {
        let first = Some(first);
        Self { first, way }
    }

    /// The same in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self.first {
            Some(first) => format!("{first}, then {}", self.way.calls()),
            None => self.way.calls().to_owned(),
        }
    }

    /// The same for an account that failed, whatever asked it.
    #[must_use]
    pub fn for_account(&self) -> String {
        let call = self.way.of_account().unwrap_or("POST /acme/accounts/enable");
        match self.first {
            Some(first) if self.way.of_account().is_some() => format!("{first}, then {call}"),
            _ => call.to_owned(),
        }
    }
}

impl Cause {
    /// What leads out of a request that ended with it.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        use Way::{EnableAccount, RequestAnew, RequestElsewhere, Retry};
        match self {
            Self::Acme(error) => error.advice(),
            Self::Account => Advice::of(EnableAccount),
            Self::AccountKey => Advice::after(
                "restore the account's key in the vault, or let enable give it a new one",
                EnableAccount,
            ),
            Self::Csr => Advice::after("make a new csr, or leave it out", RequestAnew),
            Self::NoAccount => Advice::after("choose an account", RequestAnew),
            Self::NoDomain => Advice::after("check the spelling of domains", RequestAnew),
            Self::NoProfile => Advice::after("leave out profile, or name one that the CA has", RequestAnew),
            Self::NotOrderable => Advice::after(
                "ask for names that the CA takes, as the message says",
                RequestAnew,
            ),
            Self::NoProvider => Advice::after(
                "configure the provider again, or choose another",
                RequestElsewhere,
            ),
            Self::NoZone => Advice::after(
                "create the hosted zone, or delegate the challenge name by a CNAME",
                Retry,
            ),
            Self::Dns => Advice::after("allow what the message names", Retry),
            Self::Vault | Self::Store => Advice::after("mend what the message names", Retry),
            Self::Unsupported => Advice::of(RequestElsewhere),
            Self::CaUnreachable
            | Self::Cancelled
            | Self::Certificate
            | Self::CertificateKey
            | Self::CertificateMismatch
            | Self::Crypto
            | Self::Deadline
            | Self::DirectoryUnreachable
            | Self::ForeignKey
            | Self::HeldTooLong
            | Self::KeyCompromise
            | Self::KeylessOrder
            | Self::OrderGone
            | Self::OrderNotFinalized
            | Self::OrderNotReady
            | Self::RateLimited
            | Self::ReplacesRefused
            | Self::Other(_) => Advice::RETRY,
        }
    }
}

impl AcmeError {
    /// What leads out of a request that ended with it (RFC 8555 §6.7).
    #[must_use]
    pub const fn advice(&self) -> Advice {
        use Way::{ChangeContact, EnableAccount, ReplaceEab, RequestAnew, RequestElsewhere, Retry};
        match self {
            Self::AccountDoesNotExist => Advice::of(EnableAccount),
            Self::Unauthorized => Advice::after(
                "check at the CA that the account is not deactivated or revoked (enable gives it a new key then)",
                EnableAccount,
            ),
            Self::UserActionRequired => Advice::after("accept the CA's new terms of service", EnableAccount),
            Self::ExternalAccountRequired => Advice::of(ReplaceEab),
            Self::InvalidContact | Self::UnsupportedContact => Advice::of(ChangeContact),
            Self::BadCsr | Self::BadPublicKey => {
                Advice::after("choose another keyAlgorithm, or make a new csr", RequestAnew)
            }
            Self::InvalidProfile => {
                Advice::after("leave out profile, or name one that the CA has", RequestAnew)
            }
            Self::RejectedIdentifier | Self::UnsupportedIdentifier => Advice::after(
                "leave out the name that the CA will not certify, or choose another CA",
                RequestElsewhere,
            ),
            Self::Malformed => Advice::after(
                "change what the CA's message speaks of: a name, the profile or the csr",
                RequestAnew,
            ),
            Self::BadSignatureAlgorithm => Advice::of(RequestElsewhere),
            Self::Caa => Advice::after("add a CAA record that allows this CA", Retry),
            Self::Connection | Self::Dns | Self::IncorrectResponse | Self::Tls => {
                Advice::after("see that the CA can look up the names' DNS", Retry)
            }
            Self::AlreadyReplaced
            | Self::AlreadyRevoked
            | Self::BadNonce
            | Self::BadRevocationReason
            | Self::Compound
            | Self::OrderNotReady
            | Self::RateLimited
            | Self::ServerInternal
            | Self::Other(_) => Advice::RETRY,
        }
    }
}

/// How much more than trying again it takes.
const fn effort(cause: &Cause) -> u8 {
    let Advice { first, way } = cause.advice();
    match (first, way, cause.acme()) {
        (None, Way::Retry, _) => 0,
        (
            _,
            _,
            Some(AcmeError::Connection | AcmeError::Dns | AcmeError::IncorrectResponse | AcmeError::Tls),
        ) => 1,
        (_, Way::Retry, _) => 2,
        _ => 3,
    }
}

impl Problem {
    /// What leads out of it. What a CA says of single names is not the account's matter.
    #[must_use]
    pub fn advice(&self) -> Advice {
        let advice = match self.cause.acme() {
            // It is what its parts are (RFC 8555 §6.7.1): what takes a person most comes first.
            Some(AcmeError::Compound) => {
                let parts = self.subproblems.iter().rev().map(|part| &part.cause);
                parts
                    .max_by_key(|cause| effort(cause))
                    .map_or(Advice::RETRY, Cause::advice)
            }
            _ => self.cause.advice(),
        };
        match advice.way.of_account() {
            Some(_) if !self.subproblems.is_empty() => Advice::RETRY,
            _ => advice,
        }
    }
}
