//! Errors as clients see them: the contract's codes, a sentence that names the field and the fix.

use http::StatusCode;

use crate::{store::StoreError, vault::VaultError};
use certmint_core::words::{Class, NumberError};

/// The contract's codes.
pub(super) const CODES: [u16; 14] = [
    1001, 1002, 1003, 1004, 2001, 2002, 2003, 3001, 3002, 3003, 4001, 5001, 5002, 5003,
];

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: u16,
    pub(super) message: String,
    /// The path is one of ours, the method is none that it takes: HTTP has a status of its own for that.
    wrong_method: bool,
}

impl ApiError {
    fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            wrong_method: false,
        }
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(5001, message)
    }

    pub(super) fn outside(message: &str) -> Self {
        Self::new(5003, message)
    }

    pub(super) fn wrong_method(what: impl Into<String>) -> Self {
        Self {
            wrong_method: true,
            ..Self::not_found(what)
        }
    }

    pub(super) fn no_token() -> Self {
        Self::new(
            1001,
            "Authorization header is missing; send Authorization: Bearer <token>",
        )
    }

    pub(super) fn bad_token() -> Self {
        Self::new(1002, "the token is not valid")
    }

    pub(super) fn expired_token() -> Self {
        Self::new(1003, "the token has expired")
    }

    pub(super) fn out_of_scope() -> Self {
        Self::new(1004, "the token does not allow this call")
    }

    pub(super) fn no_client_key() -> Self {
        Self::new(
            1004,
            "a certificate for a client's own key needs a token with the scope csr or keys",
        )
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new(2001, format!("{field} is missing"))
    }

    pub(super) fn format(field: &str, wanted: &str) -> Self {
        Self::new(2002, format!("{field} {wanted}"))
    }

    pub(super) fn value(field: &str, why: impl std::fmt::Display) -> Self {
        Self::new(2003, format!("{field} {why}"))
    }

    pub(super) fn number(field: &str, why: NumberError) -> Self {
        match why.is_of_form() {
            true => Self::format(field, &why.to_string()),
            false => Self::value(field, why),
        }
    }

    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::new(3001, what)
    }

    pub(super) fn exists(what: impl Into<String>) -> Self {
        Self::new(3002, what)
    }

    pub(super) fn state(what: impl Into<String>) -> Self {
        Self::new(3003, what)
    }

    /// A certificate's key could not be had; one that waits for its deletion is a state that an operator can end.
    pub(super) fn of_key(error: VaultError) -> Self {
        match error {
            VaultError::PendingDeletion(_) => Self::state(error.to_string()),
            other => other.into(),
        }
    }

    /// The HTTP status that agrees with the code.
    pub(super) const fn status(&self) -> StatusCode {
        match self.code {
            _ if self.wrong_method => StatusCode::METHOD_NOT_ALLOWED,
            1001..=1003 => StatusCode::UNAUTHORIZED,
            1004 => StatusCode::FORBIDDEN,
            2001..=2003 => StatusCode::BAD_REQUEST,
            3001 => StatusCode::NOT_FOUND,
            3002 | 3003 => StatusCode::CONFLICT,
            4001 => StatusCode::TOO_MANY_REQUESTS,
            5003 => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { .. } => Self::not_found(error.to_string()),
            StoreError::Exists { .. } | StoreError::KeyReused | StoreError::KeySpent { .. } => {
                Self::exists(error.to_string())
            }
            StoreError::WrongState { .. } | StoreError::Conflict { .. } => Self::state(error.to_string()),
            StoreError::TooLarge { .. } => Self::value("body", &error),
            StoreError::TooDeep { rows } => {
                Self::value("page", format!("leads over {rows} rows on; follow nextCursor"))
            }
            StoreError::BadCursor => Self::value("cursor", "is not one that an earlier page gave"),
            _ => {
                tracing::error!(%error, "store");
                let advice = match error.class() {
                    Class::Transient => "the store did not answer in time; send the call again",
                    _ => "the store refused; see the function's log",
                };
                Self::new(5002, advice)
            }
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "vault");
        let advice = match error.class() {
            Class::Transient => "the key vault did not answer in time; send the call again",
            _ => "the key vault refused; see the function's log",
        };
        Self::new(5003, advice)
    }
}
